"""What copies share, those of one client or of several: threads, connections, pauses, where blobs are known to lie."""

import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from registry.pauses import Pauses
from registry.retry import Retry
from registry.transport import Request, Response, Transport

# Enough to hide 50 ms of latency behind small layers; registries allow many more from one address.
CONNECTIONS = 16
_MANIFESTS = 8
# Four connections that are fast fill a link, and its ends are slower with more; smaller blobs are over too soon.
_BIG = 32 * 1024 * 1024
_MOST_BIG = 4


class Streams:
    """Bounds how much happens at the same time, and with it memory, however many images are copied.

    At most CONNECTIONS blobs are under way: each has one connection to its source and one to its destination. Of the
    connections to sources that they leave free, large blobs from slow registries take more, and give them back as
    soon as other blobs need them: for as long as a range takes there may be more than CONNECTIONS. Big blobs take turns
    while they are fast. The short requests about manifests have a few threads of their own: a small image, or one that
    is there already, does not queue behind the layers of a large one.

    Ends with its last user if nobody closes it.

    Args:
        retry: How to wait when a host asks for a pause (Retry-After); it holds for all who share this.
        ca_file: Certificate authorities that are trusted beside the system's; empty for none.

    Attributes:
        blobs: Copies blobs.
        ranges: Fetches ranges of large blobs.
        manifests: Asks for manifests and pushes them. Here as in the others, no task waits for one that has not begun.
    """

    def __init__(self, retry: Retry | None = None, ca_file: str = "") -> None:
        self.blobs = ThreadPoolExecutor(CONNECTIONS, "blob")
        self.ranges = ThreadPoolExecutor(CONNECTIONS, "range")
        self.manifests = ThreadPoolExecutor(_MANIFESTS, "manifest")
        self._transport = Transport(ca_file=ca_file)
        self._pauses = Pauses(retry or Retry())
        self._free = CONNECTIONS
        self._turns = threading.Semaphore(_MOST_BIG)
        self._places: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()
        self._disconnect = weakref.finalize(self, self._transport.close)

    def close(self) -> None:
        """End the threads, once what they do is done, and close the connections."""
        for pool in (self.blobs, self.ranges, self.manifests):
            pool.shutdown(cancel_futures=True)
        self._disconnect()

    @contextmanager
    def exchange(self, request: Request, resource: str) -> Iterator[Response]:
        """Send a request, once its host can be asked; the response's body is not read yet.

        Raises:
            UnavailableError: The connection broke.
            UnreachableError: There was none.
        """
        self._pauses.wait(request.url)
        with self._transport.exchange(request, resource) as response:
            self._pauses.note(response)
            yield response

    @contextmanager
    def turn(self, size: int) -> Iterator[Callable[[], None]]:
        """Wait for a turn to send a blob; gives what lets the next one begin although this one goes on."""
        with ExitStack() as turn:
            if size > _BIG:
                self._turns.acquire()
                turn.callback(self._turns.release)
            yield turn.close

    def take(self) -> None:
        """Take the connection that a download needs."""
        with self._lock:
            self._free -= 1

    def take_free(self, most: int, *, at_least: int = 0) -> int:
        """Take further connections to a source, as many as are free.

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

    def give_back_if_short(self) -> bool:
        """Give one connection back if downloads that began since need it; whether they did."""
        with self._lock:
            short = self._free < 0
            self._free += short
            return short

    def place(self, endpoint: str, digest: str) -> str | None:
        """A repository of a registry that holds a blob, if one is known: it can be mounted from there."""
        with self._lock:
            return self._places.get((endpoint, digest))

    def remember(self, endpoint: str, digest: str, repository: str) -> None:
        """Note that a repository holds a blob."""
        with self._lock:
            self._places.setdefault((endpoint, digest), repository)
