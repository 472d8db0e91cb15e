"""Child processes that end when this one does, however that happens."""

import ctypes
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_START_TIMEOUT = 60.0
# kube-apiserver waits for its open watches; nothing that it could still save is wanted.
_STOP_TIMEOUT = 1.0
_libc = ctypes.CDLL(None, use_errno=True)


def start_child(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a program whose output goes to a file.

    On Linux the kernel ends it when the thread that started it ends, so start it from one that lives long.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=_die_with_parent
        )


def stop_child(process: subprocess.Popen[bytes] | None) -> None:
    """End a program, by force if it takes too long."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a program is ready.

    Raises:
        RuntimeError: It ended or took too long; the message has the end of its log.
    """
    deadline = time.monotonic() + _START_TIMEOUT
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            how = "ended" if process.poll() is not None else f"was not ready after {_START_TIMEOUT:.0f} s"
            raise RuntimeError(f"{process.args!r} {how}; its log {log} ends with:\n{tail}")
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on right now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
