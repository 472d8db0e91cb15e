"""Runs a command and prints what it took: `python -I -S measured_run.py LOG COMMAND...`.

A program of its own, because the peak memory that the kernel tells of a process includes that of the process which
started it (Linux keeps the high-water mark over fork and exec): run from the benchmark itself, no tool could weigh less
than the benchmark. This one imports so little that every tool is bigger.
"""

import os
import sys
import time


def main() -> int:
    """Print exit code, wall seconds, processor seconds (its children's included) and peak memory in KiB."""
    log, *command = sys.argv[1:]
    into_log = [
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    started = time.monotonic()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=into_log)
    _, status, usage = os.wait4(process, 0)
    wall = time.monotonic() - started
    print(os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
    return 0


if __name__ == "__main__":
    sys.exit(main())
