"""Waiting for AWS: soon at first, then less and less often."""

import time
from collections.abc import Iterator


def pauses(timeout_seconds: float) -> Iterator[None]:
    """Yield at once and then after growing pauses, 0.5 s to 15 s, until the time is up.

    Args:
        timeout_seconds: How long to go on.
    """
    deadline, pause = time.monotonic() + timeout_seconds, 0.5
    while True:
        yield
        if time.monotonic() + pause > deadline:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, 15)
