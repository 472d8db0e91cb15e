"""Things that happen later, on one thread."""

import heapq
import itertools
import threading
import time
import traceback
from collections.abc import Callable


class Timers:
    """Calls functions at their time, one after the other.

    A function must be short: it takes the state's lock, changes what is due and hands anything slow on.
    """

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False

    def start(self) -> None:
        """Start the thread."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="batch-timers", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and forget what was due."""
        with self._wake:
            self._stopping = True
            self._due.clear()
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def clear(self) -> None:
        """Forget what was due."""
        with self._wake:
            self._due.clear()

    def after(self, delay: float, action: Callable[[], None]) -> None:
        """Call `action` in `delay` seconds."""
        with self._wake:
            heapq.heappush(self._due, (time.monotonic() + delay, next(self._numbers), action))
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._stopping and (not self._due or self._due[0][0] > time.monotonic()):
                    self._wake.wait(self._due[0][0] - time.monotonic() if self._due else None)
                if self._stopping:
                    return
                action = heapq.heappop(self._due)[2]
            try:
                action()
            except Exception:
                # One defect must not stop every later event.
                traceback.print_exc()
