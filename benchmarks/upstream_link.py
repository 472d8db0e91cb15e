"""A limited or failing link to the upstream registry, in a process of its own."""

import subprocess
import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from benchmarks.errors import BenchmarkError

MB = 1_000_000


@dataclass(frozen=True)
class LinkSpec:
    """What is wrong with a link; see `benchmarks.link_server.Link`.

    Attributes:
        rate: Bytes a second of each connection; 0 for no limit.
        latency: Seconds there and back.
        reset_every: Bytes over the whole link between resets of all its connections; 0 for never.
    """

    rate: int = 0
    latency: float = 0
    reset_every: int = 0


class UpstreamLink:
    """Runs `python -m benchmarks.link_server`.

    Args:
        server: Host and port that it leads to.
        spec: What is wrong with it.

    Attributes:
        address: Where its clients connect.
    """

    def __init__(self, server: str, spec: LinkSpec) -> None:
        self.address = ""
        self._command = [sys.executable, "-m", "benchmarks.link_server", server]
        self._command += [f"--rate={spec.rate}", f"--latency={spec.latency}", f"--reset-every={spec.reset_every}"]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        # It ends with its standard input, so it does not outlive this process.
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.address = f"127.0.0.1:{self._told()}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate()

    def bytes_passed(self) -> int:
        """Bytes that went from the server to clients so far."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        return self._told()

    def _told(self) -> int:
        line = self._process.stdout.readline() if self._process and self._process.stdout else ""
        if not line:
            raise BenchmarkError("the link to the upstream ended by itself")
        return int(line)
