"""A Prefect server of our own, in a process of its own, that leaves the user's Prefect profile alone."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from sandbox.guardian import Guardian

_READY_SECONDS = 120
_STOP_SECONDS = 15


class PrefectServer:
    """Starts `prefect server start` on a free loopback port, with what it stores in a directory of its own.

    Args:
        state_dir: Holds the SQLite database, the results and the log. It is PREFECT_HOME of everything that uses `env`.
        port: 0 for any free one.
        database_url: Of a PostgreSQL database, as SQLAlchemy takes it (`postgresql+asyncpg://...`); empty for SQLite.
    """

    def __init__(self, state_dir: Path, port: int = 0, database_url: str = "") -> None:
        self.state_dir = state_dir
        self.port = port or _free_port()
        self.log_file = state_dir / "prefect-server.log"
        self._database = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": database_url} if database_url else {}
        self._process: subprocess.Popen[bytes] | None = None
        self._guardian = Guardian()

    @property
    def ui_url(self) -> str:
        """Address of the UI."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """What a process needs in its environment, before it imports Prefect, to use this server and no other."""
        return {
            "PREFECT_HOME": str(self.state_dir / "prefect"),
            "PREFECT_PROFILES_PATH": str(self.state_dir / "prefect" / "profiles.toml"),
            "PREFECT_API_URL": f"{self.ui_url}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }

    def __enter__(self) -> Self:
        self.start()
        self.wait_until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process; it is ready some ten seconds later."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        # The port goes by the environment: with --port the UI would still call 4200 (Prefect 3.8.8).
        address = {"PREFECT_SERVER_API_HOST": "127.0.0.1", "PREFECT_SERVER_API_PORT": str(self.port)}
        settings = self.env | self._database | address
        others = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "prefect", "server", "start"],
                env=others | settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        # It must not outlive this process, however that ends.
        self._guardian.start()
        self._guardian.watch(self._process.pid)

    def wait_until_ready(self) -> None:
        """Wait until the API answers.

        Raises:
            RuntimeError: If it ended or was not ready in time, with the end of its log.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.ui_url}/api/health", timeout=5, trust_env=False).status_code == 200:
                    return
            time.sleep(0.2)
        written = self.log_file.read_text(errors="replace")[-4000:]
        self.stop()
        raise RuntimeError(f"the Prefect server did not become ready. It wrote:\n{written}")

    def stop(self) -> None:
        """Stop the server and what it started."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
        self._guardian.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
