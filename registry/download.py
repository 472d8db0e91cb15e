"""A blob's bytes in order, whatever breaks on the way.

They are resumed where they broke, and fetched in parallel ranges where one connection is what slows them down.
Ranges are those of RFC 9110; the storage services behind registries (S3, CloudFront, Azure) all serve them. From one
that does not, a blob is read again up to where it broke.
"""

import threading
import time
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass

from registry.client import RegistryClient
from registry.errors import UnavailableError
from registry.manifest import Descriptor
from registry.reference import Reference
from registry.transport import Response

# Smaller chunks make the threads wait for each other more often than for bytes.
_CHUNK = 1024 * 1024
# Shorter ranges cost the upstream more than they bring. All that are under way are held in memory.
_RANGE = 8 * 1024 * 1024
_MOST_RANGES = 10
# A connection that brought this much before it broke was no failed attempt.
_PROGRESS = 1024 * 1024
# One connection is judged after this time; it is the bottleneck if this share of it went by waiting for bytes.
_JUDGED_SECONDS = 0.5
_WAITING = 0.7
_FEWEST_CONNECTIONS = 3


@dataclass(frozen=True)
class Download:
    """A blob to be read.

    Attributes:
        client: Asks the registry.
        image: Names the repository.
        blob: The blob.
    """

    client: RegistryClient
    image: Reference
    blob: Descriptor

    def chunks(self) -> Generator[memoryview, None, None]:
        """The bytes, not verified; each view is done with when the next one is asked for.

        Raises:
            UnavailableError: It broke too often.
            RegistryError: The registry refused.
        """
        streams = self.client.streams
        streams.take()
        position = failures = 0
        in_ranges = False
        try:
            while True:
                began, ranged = position, in_ranges or (position > 0 and self._serves_ranges)
                try:
                    with closing(self._ranges(position) if in_ranges else self._stream(position)) as chunks:
                        for chunk in chunks:
                            position += len(chunk)
                            yield chunk
                    if position >= self.blob.size:
                        return
                    # The one connection stopped early, since several are faster.
                    in_ranges = True
                except UnavailableError as error:
                    if ranged and not self._serves_ranges:
                        # This attempt found it out: no failure, and the rest comes over one connection.
                        in_ranges = False
                        continue
                    failures = 1 if position - began >= _PROGRESS else failures + 1
                    self.client.retry.wait(error, failures)
        finally:
            streams.give_back(1)

    def _stream(self, start: int) -> Generator[memoryview, None, None]:
        """Read over one connection; stops before the blob ends once several promise to be faster."""
        buffer = memoryview(bytearray(min(_CHUNK, max(self.blob.size, 1))))
        # Without ranges the blob is read from its first byte again, and what is known of it dropped.
        first = start if self._serves_ranges else 0
        with self.client.open_blob(self.image, self.blob, first) as response:
            in_ranges = first > 0 or response.header("Accept-Ranges") == "bytes"
            self._read_up_to(start - first, response, buffer)
            position, waited, began = start, 0.0, time.monotonic()
            while True:
                asked = time.monotonic()
                count = response.read_into(buffer)
                now = time.monotonic()
                if not count:
                    break
                waited += now - asked
                position += count
                yield buffer[:count]
                slow = now - began > _JUDGED_SECONDS and waited > _WAITING * (now - began)
                if slow and in_ranges and self._is_worth_ranges(position):
                    return
        if position < self.blob.size:
            raise UnavailableError(self._resource, f"the body ended after {position} of {self.blob.size} bytes")

    def _read_up_to(self, position: int, response: Response, buffer: memoryview) -> None:
        """Read bytes that were passed on before."""
        done = 0
        while done < position:
            count = response.read_into(buffer[: position - done])
            if not count:
                raise UnavailableError(self._resource, f"the body ended after {done} of {self.blob.size} bytes")
            done += count

    def _is_worth_ranges(self, position: int) -> bool:
        if not self._serves_ranges or self.blob.size - position < _FEWEST_CONNECTIONS * _RANGE:
            return False
        free = self.client.streams.take_free(_FEWEST_CONNECTIONS, at_least=_FEWEST_CONNECTIONS)
        self.client.streams.give_back(free)
        return free > 0

    def _ranges(self, start: int) -> Generator[memoryview, None, None]:
        """Read the rest over several connections, each some ranges ahead of the others."""
        streams = self.client.streams
        connections = streams.take_free(_MOST_RANGES)
        stop = threading.Event()
        pending: deque[Future[memoryview]] = deque()
        buffers = [memoryview(bytearray(_RANGE)) for _ in range(connections + 1)]
        try:
            while start < self.blob.size or pending:
                while start < self.blob.size and buffers:
                    view = buffers.pop()[: self.blob.size - start]
                    pending.append(streams.ranges.submit(self._fill, view, start, stop))
                    start += len(view)
                fetched = pending.popleft().result()
                yield fetched
                buffers.append(memoryview(fetched.obj))
                if connections and streams.give_back_if_short():
                    connections -= 1
                    buffers.pop()
                elif start < self.blob.size and connections < _MOST_RANGES and streams.take_free(1):
                    connections += 1
                    buffers.append(memoryview(bytearray(_RANGE)))
        finally:
            stop.set()
            for future in pending:
                future.cancel()
            streams.give_back(connections)

    def _fill(self, view: memoryview, start: int, stop: threading.Event) -> memoryview:
        """Fill a view with the bytes from a position on, resuming where it breaks."""
        done = failures = 0
        while not stop.is_set():
            began = done
            try:
                with self.client.open_blob(self.image, self.blob, start + done, start + len(view)) as response:
                    while not stop.is_set() and done < len(view) and (count := response.read_into(view[done:])):
                        done += count
                if done == len(view):
                    break
                raise UnavailableError(self._resource, f"a range ended {len(view) - done} bytes early")
            except UnavailableError as error:
                if not self._serves_ranges:
                    raise
                failures = 1 if done - began >= _PROGRESS else failures + 1
                self.client.retry.wait(error, failures)
        return view

    @property
    def _serves_ranges(self) -> bool:
        return self.client.serves_ranges(self.image.host)

    @property
    def _resource(self) -> str:
        return f"{self.image.name}@{self.blob.digest}"
