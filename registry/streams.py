"""What copies share, those of one client or of several: threads, connections, and where blobs are known to lie."""

import threading
from concurrent.futures import ThreadPoolExecutor

# Enough to hide 50 ms of latency behind small layers; registries allow many more from one address.
CONNECTIONS = 16


class Streams:
    """Bounds how much happens at the same time, and with it memory, however many images are copied.

    Attributes:
        blobs: Runs what is done for each blob or manifest. Its tasks wait for none of their own kind.
        ranges: Fetches ranges of large blobs.
    """

    def __init__(self) -> None:
        self.blobs = ThreadPoolExecutor(CONNECTIONS, "blob")
        self.ranges = ThreadPoolExecutor(CONNECTIONS, "range")
        self._free = CONNECTIONS
        self._places: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """End the threads, once what they do is done."""
        self.blobs.shutdown(cancel_futures=True)
        self.ranges.shutdown(cancel_futures=True)

    def take(self, most: int, *, at_least: int = 0) -> int:
        """Take connections to a source, as many as are free.

        Args:
            most: How many are wanted.
            at_least: None are taken if it would be fewer.

        Returns:
            How many were taken.
        """
        with self._lock:
            taken = max(0, min(most, self._free))
            if taken < at_least:
                return 0
            self._free -= taken
            return taken

    def give_back(self, count: int) -> None:
        """Give connections back."""
        with self._lock:
            self._free += count

    def place(self, endpoint: str, digest: str) -> str | None:
        """A repository of a registry that holds a blob, if one is known: it can be mounted from there."""
        with self._lock:
            return self._places.get((endpoint, digest))

    def remember(self, endpoint: str, digest: str, repository: str) -> None:
        """Note that a repository holds a blob."""
        with self._lock:
            self._places.setdefault((endpoint, digest), repository)
