"""Bringing blobs to the destination, several at once."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, as_completed, wait

from registry.client import RegistryClient
from registry.digest import verified
from registry.download import Download
from registry.errors import DeniedError, NotFoundError, RegistryError, UnauthorizedError
from registry.manifest import Descriptor
from registry.progress import Progress, Report
from registry.reference import Reference
from registry.transport import Chunks

_TOLD_SECONDS = 0.1
# A blob that comes slower than this many bytes a second leaves room on the link for others.
_FAST = 50_000_000
_JUDGED_SECONDS = 0.5


class BlobCopies:
    """Copies blobs from one repository to another.

    For each: nothing if the destination has it, else a mount if another repository there is known to hold it, else
    one streamed request, begun again where it breaks.

    Args:
        client: Reaches both registries.
        source: Names the repository to copy from.
        destination: Names the repository to copy to.
        report: Called for each step, from several threads.

    Attributes:
        copied: Blobs sent.
        skipped: Blobs that were there already, or were mounted.
    """

    def __init__(self, client: RegistryClient, source: Reference, destination: Reference, report: Report) -> None:
        self.copied: list[Descriptor] = []
        self.skipped: list[Descriptor] = []
        self._client = client
        self._source = source
        self._destination = destination
        self._report = report
        self._endpoint = client.hosts.endpoint(destination.host)
        self._stop = threading.Event()

    def bring(self, blobs: Iterable[Descriptor]) -> None:
        """Copy blobs, the biggest first.

        Raises:
            RegistryError: One could not be copied. Those under way were finished: a repetition skips them. After any
                other exception, such as an interrupt, they are given up.
        """
        ordered = sorted(blobs, key=lambda blob: blob.size, reverse=True)
        for blob in ordered:
            self._report(Progress("planned", blob.digest, blob.size, 0))
        futures = [self._client.streams.blobs.submit(self._bring, blob) for blob in ordered]
        try:
            for future in as_completed(futures):
                future.result()
        except RegistryError:
            for future in futures:
                future.cancel()
            wait(futures)
            raise
        except BaseException:
            self._stop.set()
            for future in futures:
                future.cancel()
            raise

    def _bring(self, blob: Descriptor) -> None:
        if self._client.has_blob(self._destination, blob):
            self._note(blob, Progress("skipped", blob.digest, blob.size, 0))
            return
        origin, location = self._origin(blob), None
        if origin is not None:
            mounted, location = self._mount(blob, origin)
            if mounted:
                self._note(blob, Progress("mounted", blob.digest, blob.size, 0))
                return
        # A refused mount opened an upload, which the first attempt uses; each further one begins anew.
        locations = [location] if location else []
        self._client.retry.call(lambda: self._stream(blob, locations.pop() if locations else None))
        self._note(blob, Progress("copied", blob.digest, blob.size, blob.size))

    def _note(self, blob: Descriptor, progress: Progress) -> None:
        (self.copied if progress.state == "copied" else self.skipped).append(blob)
        self._client.streams.remember(self._endpoint, blob.digest, self._destination.repository)
        self._report(progress)

    def _origin(self, blob: Descriptor) -> str | None:
        """Another repository of the destination's registry that holds the blob."""
        if self._client.hosts.endpoint(self._source.host) == self._endpoint:
            return self._source.repository
        return self._client.streams.place(self._endpoint, blob.digest)

    def _mount(self, blob: Descriptor, origin: str) -> tuple[bool, str | None]:
        """Whether it was mounted, else where to send the bytes, if the registry said so."""
        try:
            location = self._client.mount(self._destination, blob, origin)
        except (DeniedError, NotFoundError, UnauthorizedError):
            # No right to the other repository, or it is gone: the bytes can still be sent.
            return False, None
        return location is None, location

    def _stream(self, blob: Descriptor, location: str | None) -> None:
        """One attempt: hash the bytes on the way, and give the upload up if they are wrong."""
        with self._client.streams.turn(blob.size) as let_next:
            upload = location or self._client.begin_upload(self._destination)
            self._report(Progress("started", blob.digest, blob.size, 0))
            arriving = Download(self._client, self._source, blob).chunks()
            try:
                right = verified(arriving, f"{self._source.name}@{blob.digest}", blob.digest, blob.size)
                self._client.finish_upload(self._destination, upload, blob, self._told(right, blob, let_next))
            except BaseException:
                self._client.cancel_upload(self._destination, upload)
                raise
            finally:
                arriving.close()

    def _told(self, chunks: Chunks, blob: Descriptor, let_next: Callable[[], None]) -> Chunks:
        """Pass the bytes on, tell how many, and let the next big blob begin if this one is slow."""
        done, told, began = 0, 0.0, time.monotonic()
        for chunk in chunks:
            if self._stop.is_set():
                raise CancelledError
            yield chunk
            done += len(chunk)
            now = time.monotonic()
            if now - began > _JUDGED_SECONDS and done < _FAST * (now - began):
                let_next()
            if now - told > _TOLD_SECONDS:
                self._report(Progress("advanced", blob.digest, blob.size, done))
                told = now
