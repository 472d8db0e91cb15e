"""A small process that outlives the sandbox only to kill what the sandbox leaves behind."""

import contextlib
import os
import subprocess
import sys
from threading import Lock

# It reads "+GROUP" and "-GROUP" lines. End of file means that the sandbox is gone, however it went: whatever process
# groups are left then are killed. It runs in a session of its own, so that Ctrl-C in a terminal does not reach it.
_PROGRAM = """
import os, signal, sys
for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(name, signal.SIG_IGN)
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass
"""


class Guardian:
    """Kills registered process groups as soon as this process is gone, even after SIGKILL."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the guarding process."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd="/",
            env={},
            start_new_session=True,
        )

    def stop(self) -> None:
        """Kill what is still registered, and end."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()

    def watch(self, group: int) -> None:
        """Register a process group."""
        self._send(f"+{group}\n")

    def forget(self, group: int) -> None:
        """The process group is gone: never kill a later one with the same number."""
        self._send(f"-{group}\n")

    def _send(self, line: str) -> None:
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                os.write(self._process.stdin.fileno(), line.encode())
