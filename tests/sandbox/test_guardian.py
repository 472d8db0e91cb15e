import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

PROGRAM = textwrap.dedent("""
    import subprocess, sys, time
    from sandbox.guardian import Guardian
    guardian = Guardian()
    guardian.start()
    # The child has a child of its own, which must not survive either.
    script = "sleep 1000 & echo $!; wait"
    child = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    guardian.watch(child.pid)
    print(child.pid, child.stdout.readline().decode().strip(), flush=True)
    if sys.argv[1] == "stop":
        guardian.stop()
    time.sleep(1000)
""")


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until_gone(pids):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(alive(pid) for pid in pids):
        time.sleep(0.02)
    return not any(alive(pid) for pid in pids)


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_what_is_registered_dies_with_its_parent(end):
    with subprocess.Popen([sys.executable, "-c", PROGRAM, end], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        if end == "kill":
            assert all(alive(pid) for pid in pids)
            parent.send_signal(signal.SIGKILL)
        gone = wait_until_gone(pids)
        parent.kill()
    assert gone
