"""`make up` in a session of its own, started as a user's shell starts it, and what it may not leave behind."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Of somebody who has a Prefect server of his own: no run of `make up` may be seen there.
PROFILES = 'active = "work"\n\n[profiles.work]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n'


ON_ANY_PORT = sys.executable, "-m", "demo.up", "--port", "0"


class RunningUp:
    """Starts `make up` and waits until it says that it is ready.

    Args:
        directory: Its home and its temporary directory, so that everything it writes is seen.
        command: What starts it, with its arguments.

    Attributes:
        ui_url: Address of the Prefect UI.
        sandbox: What a shell that uses the sandbox has in its environment.
    """

    def __init__(self, directory: Path, command: Sequence[str] = ON_ANY_PORT) -> None:
        self._home, self._temporary = directory / "home", directory / "tmp"
        self._temporary.mkdir()
        (self._home / ".prefect").mkdir(parents=True)
        (self._home / ".prefect" / "profiles.toml").write_text(PROFILES)
        # Nor has he kube-apiserver and etcd.
        others = "PREFECT_", "AWS_", "KUBEBUILDER_"
        users = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        users |= {"HOME": str(self._home), "TMPDIR": str(self._temporary), "AWS_PROFILE": "somebody-s"}
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=users, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        written = ""
        for line in self._process.stdout or ():
            written += line
            if "Ctrl-C" in line:
                break
        self.ui_url = re.findall(r"http://127\.0\.0\.1:\d+", written)[0]
        (script,) = re.findall(r"\. (\S+/env\.sh)", written)
        exports = [shlex.split(line) for line in Path(script).read_text().splitlines()]
        self.sandbox = dict(words[1].split("=", 1) for words in exports if words[:1] == ["export"])

    def interrupt(self) -> int:
        """Ctrl-C, of which a terminal tells every process of the session.

        Returns:
            The exit code.
        """
        os.killpg(self._process.pid, signal.SIGINT)
        return self._process.wait(60)

    def left_behind(self) -> list[str]:
        """Processes and files of it that are still there, and what it changed in the user's home."""
        processes = [f"process {pid}" for pid in self._processes()]
        files = [str(file) for file in self._temporary.iterdir()]
        prefect = self._home / ".prefect"
        others = [str(file) for file in prefect.rglob("*") if file.name != "profiles.toml"]
        edited = [] if (prefect / "profiles.toml").read_text() == PROFILES else ["the user's Prefect profile"]
        return processes + files + others + edited

    def _processes(self) -> list[str]:
        """Ids of processes that have the temporary directory, or one in it, in their environment."""
        mark, found = f"TMPDIR={self._temporary}".encode(), []
        for directory in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (directory / "environ").read_bytes():
                    found.append(directory.name)
        return found
