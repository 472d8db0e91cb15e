"""A container as a local process."""

import contextlib
import os
import signal
import subprocess
import threading
from typing import IO

from sandbox.guardian import Guardian
from sandbox.kubelet.command import Command
from sandbox.kubelet.container_log import ContainerLog
from sandbox.kubelet.memory import resident_memory

_OUTPUT_SECONDS = 2
_LOOK_SECONDS = 0.2


class StartError(Exception):
    """The program cannot be started; str() is the container runtime's message."""


class ContainerProcess:
    """Runs a command in a process group of its own, so that all that it starts can be killed.

    What is left of the group when the command itself has ended is killed, as a container's processes are. The guardian
    kills the group if the sandbox dies. A command that takes more memory than its limit is killed, as the kernel kills
    in a cgroup; only the command's own process counts, and it is looked at from time to time.

    Attributes:
        out_of_memory: Whether it was killed for that.
    """

    def __init__(
        self, command: Command, log: ContainerLog, guardian: Guardian, memory_limit: int | None = None
    ) -> None:
        self.out_of_memory = False
        self._ended = threading.Event()
        self._log = log
        self._guardian = guardian
        command.directory.mkdir(parents=True, exist_ok=True)
        try:
            self._process = subprocess.Popen(
                command.argv,
                cwd=command.directory,
                env=dict(command.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            log.close()
            raise StartError(_runtime_message(command.argv[0], error)) from error
        guardian.watch(self._process.pid)
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        if memory_limit is not None:
            threading.Thread(target=self._limit_memory, args=(memory_limit,), daemon=True).start()

    def wait(self) -> int:
        """Wait for the end; gives the exit code, 128 + signal if it was killed."""
        code = self._process.wait()
        self._ended.set()
        self.signal(signal.SIGKILL)
        self._guardian.forget(self._process.pid)
        self._reader.join(_OUTPUT_SECONDS)
        self._log.close()
        return code if code >= 0 else 128 - code

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _limit_memory(self, limit: int) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            if resident_memory(self._process.pid) > limit:
                self.out_of_memory = True
                self.signal(signal.SIGKILL)
                return

    def _read(self, output: IO[bytes]) -> None:
        with output:
            for line in output:
                self._log.write(line)


def _runtime_message(program: str, error: OSError) -> str:
    """What containerd and runc say of a program that cannot be started (observed on containerd 1.7)."""
    if isinstance(error, PermissionError):
        cause = "permission denied"
    elif not isinstance(error, FileNotFoundError):
        cause = (error.strerror or str(error)).lower()
    elif "/" in program:
        cause = f"stat {program}: no such file or directory"
    else:
        cause = "executable file not found in $PATH"
    return (
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
        f'unable to start container process: exec: "{program}": {cause}: unknown'
    )
