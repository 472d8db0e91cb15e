"""How far a copy is: its progress, added up."""

import threading
import time
from collections import deque
from collections.abc import Callable

from registry.progress import Progress

# The rate is that of the last seconds: it shows a stall and a recovery soon, and does not flicker.
_WINDOW_SECONDS = 5.0
_SAMPLE_SECONDS = 0.1


class Tally:
    """Adds up what a copy tells. Safe to use from several threads.

    Blobs that turn out to be there already leave the total, so that rate and remaining time are those of what
    really has to be sent.

    Attributes:
        blobs: Blobs to send.
        blobs_done: How many of them have arrived.
        blobs_skipped: Blobs that were there already, or mounted.
        size: Bytes of the blobs to send.
        done: How many of them were sent.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sizes: dict[str, int] = {}
        self._sent: dict[str, int] = {}
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])
        self.blobs = self.blobs_done = self.blobs_skipped = 0
        self.size = self.done = 0

    def add(self, progress: Progress) -> None:
        """Take in one step; a step of something that was never planned, such as a manifest, changes nothing."""
        digest = progress.digest
        with self._lock:
            if progress.state == "planned" and digest not in self._sizes:
                self._sizes[digest] = progress.size
                self.blobs += 1
                self.size += progress.size
            elif digest not in self._sizes:
                return
            elif progress.state in ("started", "advanced"):
                self._set(digest, progress.done)
            elif progress.state == "copied":
                self._set(digest, self._sizes[digest])
                self._forget(digest)
                self.blobs_done += 1
            elif progress.state in ("mounted", "skipped"):
                self._set(digest, 0)
                self.size -= self._sizes[digest]
                self._forget(digest)
                self.blobs -= 1
                self.blobs_skipped += 1

    @property
    def rate(self) -> float:
        """Bytes a second, lately."""
        with self._lock:
            now = self._clock()
            since, before = next(
                (sample for sample in self._samples if now - sample[0] <= _WINDOW_SECONDS), self._samples[-1]
            )
            return max(self.done - before, 0) / max(now - since, _SAMPLE_SECONDS)

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at that rate; None when nothing moves."""
        rate = self.rate
        return (self.size - self.done) / rate if rate else None

    def _set(self, digest: str, done: int) -> None:
        self.done += done - self._sent.get(digest, 0)
        self._sent[digest] = done
        now = self._clock()
        if now - self._samples[-1][0] >= _SAMPLE_SECONDS:
            self._samples.append((now, self.done))
        while len(self._samples) > 2 and now - self._samples[1][0] > _WINDOW_SECONDS:
            self._samples.popleft()

    def _forget(self, digest: str) -> None:
        """A blob is done with; it may be planned again, for another image."""
        del self._sizes[digest], self._sent[digest]
