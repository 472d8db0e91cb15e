"""What a container runs: Kubernetes' rules for command, args, environment and working directory."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.registries.image_pull import ImageConfig

_REFERENCE = re.compile(r"\$(\$|\(([^()]*)\))")


@dataclass(frozen=True)
class Command:
    """A process to start.

    Attributes:
        argv: Program and arguments; empty when neither pod nor image names one.
        environment: Its whole environment.
        directory: Its working directory, inside the container's own directory.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path


def command_of(container: Mapping[str, Any], image: ImageConfig, root: Path) -> Command:
    """What to run for a container.

    `command` replaces the image's entrypoint and silences its cmd, `args` replaces the cmd (Kubernetes, "Define a
    Command and Arguments for a Container"). The environment is the image's and the container's, and the PATH of this
    machine, whose programs run here instead of the image's.

    Args:
        container: The container of the pod's spec.
        image: Config of its image.
        root: The directory that stands for the container's file system.
    """
    environment = environment_of(container, image)
    entrypoint, args = container.get("command") or [], container.get("args") or []
    if not entrypoint:
        entrypoint = image.entrypoint
        args = args or image.cmd
    argv = tuple(expand(word, environment) for word in (*entrypoint, *args))
    directory = root / (container.get("workingDir") or image.working_dir).lstrip("/")
    return Command(argv, environment, directory)


def environment_of(container: Mapping[str, Any], image: ImageConfig) -> dict[str, str]:
    """Environment of a container; a value may refer to variables before it as `$(NAME)`."""
    environment = dict(variable.partition("=")[::2] for variable in image.env)
    environment["PATH"] = os.environ.get("PATH", os.defpath)
    for variable in container.get("env") or []:
        environment[variable["name"]] = expand(variable.get("value", ""), environment)
    return environment


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(NAME)`; `$$` is a dollar, and what is not known stays as written.

    Source: k8s.io/kubernetes, third_party/forked/golang/expansion.
    """

    def replace(match: re.Match[str]) -> str:
        if match.group(1) == "$":
            return "$"
        return variables.get(match.group(2), match.group(0))

    return _REFERENCE.sub(replace, text)
