"""A PostgreSQL server of Debian's package for one test, run by a user without privileges, as it demands."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.guardian import Guardian

_READY_SECONDS = 60


def postgresql_programs() -> Path | None:
    """Directory of initdb and postgres: that of Debian's newest version, which is not on the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda initdb: int(initdb.parts[-3]))
    return found[-1].parent if found else None


class PostgreSql:
    """An empty database on a free loopback port.

    Args:
        programs: Directory of initdb and postgres.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._directory = Path(tempfile.mkdtemp(prefix="postgresql-"))
        # Root may not run it: the package has made a user for that.
        self._user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else os.geteuid()
        if self._user != os.geteuid():
            shutil.chown(self._directory, self._user)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self._guardian = Guardian()

    @property
    def url(self) -> str:
        """As SQLAlchemy takes it."""
        return f"postgresql+asyncpg://prefect@127.0.0.1:{self._port}/postgres"

    def __enter__(self) -> Self:
        data = self._directory / "data"
        initdb = [str(self._programs / "initdb"), "--pgdata", str(data)]
        initdb += ["--auth", "trust", "--username", "prefect", "--no-sync"]
        subprocess.run(initdb, user=self._user, check=True, stdout=subprocess.DEVNULL)
        options = ["-p", str(self._port), "-h", "127.0.0.1", "-k", str(self._directory), "-F"]
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", str(data), *options],
                user=self._user,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._guardian.start()
        self._guardian.watch(self._process.pid)
        is_ready = [str(self._programs / "pg_isready"), "--quiet", "--host", "127.0.0.1", "--port", str(self._port)]
        deadline = time.monotonic() + _READY_SECONDS
        while subprocess.run(is_ready, check=False).returncode != 0:
            assert time.monotonic() < deadline, (self._directory / "log").read_text()
            time.sleep(0.1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # SIGINT is PostgreSQL's fast shutdown.
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
        self._guardian.stop()
        shutil.rmtree(self._directory)
