"""docker-registry (distribution 2.8) on a free loopback port, as Debian packages it."""

import os
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.errors import BenchmarkError
from sandbox.guardian import Guardian

_READY_SECONDS = 20
# Debian's /etc/docker/registry/config.yml without its password file and its health check.
_CONFIGURATION = """\
version: 0.1
log: {{level: error, fields: {{service: registry}}}}
storage:
  cache: {{blobdescriptor: inmemory}}
  filesystem: {{rootdirectory: '{directory}'}}
  delete: {{enabled: true}}
http:
  addr: {address}
  headers: {{X-Content-Type-Options: [nosniff]}}
"""


class DockerRegistry:
    """A registry in a process of its own.

    Args:
        directory: What it stores; made if missing.
        state_dir: Holds its configuration and its logs.
        guardian: Kills it should this process die.

    Attributes:
        address: Host and port.
    """

    def __init__(self, directory: Path, state_dir: Path, guardian: Guardian) -> None:
        self.address = f"127.0.0.1:{_free_port()}"
        self._directory = directory
        self._state_dir = state_dir
        self._guardian = guardian
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._state_dir.mkdir(parents=True, exist_ok=True)
        configuration = self._state_dir / "registry.yml"
        configuration.write_text(_CONFIGURATION.format(address=self.address, directory=self._directory))
        with self._access_log.open("wb") as access, (self._state_dir / "error.log").open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - the program is named here
                ["docker-registry", "serve", str(configuration)],  # noqa: S607 - it is found on the PATH
                env={"PATH": os.environ.get("PATH", "")},
                stdin=subprocess.DEVNULL,
                stdout=access,
                stderr=errors,
                start_new_session=True,
            )
        self._guardian.watch(self._process.pid)
        deadline = time.monotonic() + _READY_SECONDS
        while not _answers(self.address):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._stop()
                written = (self._state_dir / "error.log").read_text(errors="replace")[-2000:]
                raise BenchmarkError(f"docker-registry did not start. It wrote:\n{written}")
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def requests(self) -> int:
        """How many requests it has answered: the lines of its access log."""
        return self._access_log.read_bytes().count(b"\n")

    def cpu_seconds(self) -> float:
        """Processor time that it has used: utime and stime of /proc/PID/stat (proc(5))."""
        if self._process is None:
            return 0.0
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def _access_log(self) -> Path:
        return self._state_dir / "access.log"

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            self._guardian.forget(process.pid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(address: str) -> bool:
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
