"""The image copiers that are compared: ours, and the three that people would use instead."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError


@dataclass(frozen=True)
class CopyTool:
    """A program that copies an image, all its platforms, from registry to registry over plain HTTP.

    Attributes:
        name: What it is called in the figures.
        program: The program.
        arguments: Its arguments before source and destination.
        scheme: What it wants in front of an image reference.
        trailing: Its arguments after them.
        version_arguments: Makes it tell its version.
    """

    name: str
    program: str
    arguments: tuple[str, ...]
    scheme: str = ""
    trailing: tuple[str, ...] = ()
    version_arguments: tuple[str, ...] = ("version",)

    def command(self, source: str, destination: str) -> list[str]:
        """The command line of a copy."""
        images = [self.scheme + source, self.scheme + destination]
        return [self.program, *self.arguments, *images, *self.trailing]

    def version(self) -> str:
        """Its version as it tells it; Debian's crane does not know its own."""
        command = [self.program, *self.version_arguments]
        told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - one of the tools below
        number = re.search(r"[0-9]+\.[0-9]+\S*", told.stdout)
        return number[0] if number else "of unknown version"


OURS = CopyTool("registry copy", sys.executable, ("-m", "registry", "copy"), trailing=("--plain-http",))
PEERS = (
    CopyTool(
        "skopeo copy --all",
        "skopeo",
        ("copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false"),
        scheme="docker://",
        version_arguments=("--version",),
    ),
    CopyTool("crane copy", "crane", ("copy", "--insecure")),
    CopyTool("oras cp -r", "oras", ("cp", "-r", "--from-plain-http", "--to-plain-http")),
)


def check_installed() -> None:
    """Check that everything to compare with is there.

    Raises:
        BenchmarkError: Names the programs that are not on the PATH.
    """
    programs = [*(tool.program for tool in PEERS), "docker-registry"]
    if missing := [program for program in programs if shutil.which(program) is None]:
        raise BenchmarkError(
            f"not on the PATH: {', '.join(missing)}. Debian packages docker-registry and skopeo; "
            "crane and oras are one file each in their releases"
        )
