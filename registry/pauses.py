"""Hosts that asked for a pause: nobody asks them before it is over, whoever it was that they told."""

import threading
import time

from registry.hosts import origin
from registry.response import retry_after
from registry.retry import Retry
from registry.transport import Response


class Pauses:
    """Until when each host wants to be left alone (Retry-After). Safe to use from several threads.

    Hosts are those that are really asked, by scheme and port too: a storage or token service has pauses of its own.

    Args:
        retry: Says how to wait, and how long a pause may be; one beyond its patience is an error of the request.
    """

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self._ends: dict[tuple[str, str | None, int | None], float] = {}
        self._lock = threading.Lock()

    def note(self, response: Response) -> None:
        """Remember the pause that an answer asks for."""
        seconds = retry_after(response)
        if response.status >= 400 and seconds and seconds <= self._retry.patience:
            with self._lock:
                self._ends[origin(response.request.url)] = time.monotonic() + seconds

    def wait(self, url: str) -> None:
        """Wait until the host of a URL can be asked again."""
        with self._lock:
            left = self._ends.get(origin(url), 0.0) - time.monotonic()
        if left > 0:
            self._retry.sleep(left)
