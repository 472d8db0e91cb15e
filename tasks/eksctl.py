"""eksctl as a process of its own: found, started, its output in the run's log, stopped with the run.

What it does is done by CloudFormation, which goes on without it: a cluster whose eksctl was stopped is finished by the
next run.
"""

import os
import queue
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, cast

from prefect.logging import get_run_logger

from blocks.operation_error import OperationError
from tasks.log_tail import LineSplitter, LogTail

# The tutorial's own requirement, and what access entries need (AWS Batch User Guide, getting-started-eks).
OLDEST = (0, 115, 0)
WITH_ACCESS_ENTRIES = (0, 167, 0)
WHERE_TO_GET_IT = "https://docs.aws.amazon.com/eks/latest/eksctl/installation.html"
# Into Prefect's log, which is no store for logs.
LINES_SHOWN = 2000
_LINES_IN_ERROR = 20
# Prefect's worker gives a cancelled run 30 seconds in all.
_STOP_SECONDS = 10.0
_VERSION_SECONDS = 30.0


@dataclass(frozen=True)
class Eksctl:
    """The eksctl of this worker.

    Attributes:
        path: The program.
        version: Its version.
        environment: All environment variables that it gets, secrets among them: never shown.
    """

    path: str
    version: tuple[int, int, int]
    environment: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Eksctl({self.path!r}, {self.version!r})"

    def run(self, *arguments: str) -> None:
        """Run a command, its output line by line in the run's log, and stop it if the run is cancelled.

        Args:
            arguments: Of the program; no shell reads them.

        Raises:
            OperationError: If it fails, with its last lines.
        """
        log, tail = get_run_logger(), LogTail()
        log.info("Runs eksctl %s", " ".join(arguments))
        with _process([self.path, *arguments], self.environment) as process:
            for line in _lines(process):
                tail.add(line)
                if tail.lines <= LINES_SHOWN:
                    log.info("%s", line.rstrip())
            code = process.wait()
        if code:
            raise _failed(arguments, code, tail.kept("").text)


def find_eksctl(environment: Mapping[str, str]) -> Eksctl:
    """The eksctl on the PATH of this worker.

    Args:
        environment: All environment variables that it gets.

    Raises:
        OperationError: If there is none, or it is too old.
    """
    path = shutil.which("eksctl", path=environment.get("PATH"))
    if path is None:
        raise OperationError(
            "eksctl",
            "it is not on the PATH of this worker",
            "the cluster is made by eksctl, which is a program of its own",
            f"install it ({WHERE_TO_GET_IT}) and run again, or run the command in the artifact private-cluster where "
            "there is one; nothing was made",
        )
    version = _version(path, environment)
    shown = ".".join(map(str, version))
    if version < OLDEST:
        raise OperationError(
            f"eksctl {shown}",
            f"the tutorial needs {'.'.join(map(str, OLDEST))} or later",
            "this one is too old to make private clusters that AWS Batch can use",
            f"install a newer one: {WHERE_TO_GET_IT}",
        )
    if version < WITH_ACCESS_ENTRIES:
        get_run_logger().warning(
            "eksctl %s makes clusters without access entries, so that only aws-auth can map identities; %s and later "
            "make them with both",
            shown,
            ".".join(map(str, WITH_ACCESS_ENTRIES)),
        )
    return Eksctl(path, version, environment)


@contextmanager
def document_file(text: str) -> Iterator[str]:
    """A document as a file that only this user can read, for as long as the body runs."""
    with TemporaryDirectory(prefix="eksctl-") as directory:
        path = Path(directory) / "clusterConfig.yaml"
        path.touch(mode=0o600)
        path.write_text(text)
        yield str(path)


def _version(path: str, environment: Mapping[str, str]) -> tuple[int, int, int]:
    try:
        answer = subprocess.run(  # noqa: S603  # found on PATH; no shell
            [path, "version"],
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_SECONDS,
            check=False,
        )
        answered = answer.stdout + answer.stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        answered = str(error)
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", answered)
    if found is None:
        raise OperationError(
            path,
            f"`eksctl version` answered: {answered.strip()[:500] or 'nothing'}",
            "it is not eksctl, or it cannot run on this machine",
            f"install it again: {WHERE_TO_GET_IT}",
        )
    major, minor, patch = map(int, found.groups())
    return major, minor, patch


@contextmanager
def _process(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(  # noqa: S603  # found on PATH; no shell
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and its children, first as Ctrl-C would."""
    if process.poll() is None:
        _signal(process, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
    if process.poll() is None:
        _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    """Its output's lines, awake once a second: a cancellation is not raised in a thread that is blocked."""
    output = cast(IO[bytes], process.stdout)
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(output, lines), daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=1)
        except queue.Empty:
            continue
        if line is None:
            return
        yield line


def _read(output: IO[bytes], lines: "queue.Queue[str | None]") -> None:
    splitter = LineSplitter()
    while piece := os.read(output.fileno(), 65536):
        for line in splitter.feed(piece):
            lines.put(line)
    for line in splitter.rest():
        lines.put(line)
    lines.put(None)
    output.close()


def _failed(arguments: Sequence[str], code: int, written: str) -> OperationError:
    ended = f"it was ended by {signal.Signals(-code).name}" if code < 0 else f"it ended with exit code {code}"
    last = "".join(written.splitlines(keepends=True)[-_LINES_IN_ERROR:]).rstrip()
    return OperationError(
        f"eksctl {' '.join(arguments[:2])}",
        f"{ended}. Its last lines:\n{last}" if last else f"{ended} and wrote nothing",
        "the lines say; what CloudFormation has begun goes on by itself" if last else "unknown",
        "correct what they name and run again: what is being made is waited for, and what is missing is added",
    )
