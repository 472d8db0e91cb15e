"""Waiting for AWS: soon at first, then less and less often."""

import time
from collections.abc import Iterator

from tasks.run_log import say

QUIET_SECONDS, LONGEST_QUIET_SECONDS = 10.0, 600.0


def pauses(timeout_seconds: float, waiting_for: str = "", *, quiet_seconds: float = QUIET_SECONDS) -> Iterator[None]:
    """Yield at once and then after growing pauses, 0.5 s to 15 s, until the time is up.

    Args:
        timeout_seconds: How long to go on.
        waiting_for: What the run's log says is waited for, such as `the removal of job queue My-Eks-JQ1`; empty to say
            nothing.
        quiet_seconds: How long nothing is said; then each time after twice as long, until that is ten minutes more.
    """
    begun, pause, quiet = time.monotonic(), 0.5, quiet_seconds
    while True:
        yield
        waited = time.monotonic() - begun
        if waited + pause > timeout_seconds:
            return
        if waiting_for and waited + pause > quiet:
            say("Waiting for %s, for %.0f seconds so far, %.0f at most", waiting_for, waited, timeout_seconds)
            quiet = min(2 * quiet, quiet + LONGEST_QUIET_SECONDS)
        time.sleep(pause)
        pause = min(pause * 1.5, 15)
