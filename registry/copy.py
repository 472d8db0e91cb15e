"""Copying an image from one registry to another.

The order makes it safe to stop anywhere: blobs, then the manifests that name them, the index after its
children, the tag last. A tag therefore never points at something incomplete, and a repetition skips what is
already there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from registry.client import RegistryClient
from registry.digest import verified
from registry.errors import NotFoundError, RegistryError
from registry.manifest import Descriptor, Manifest
from registry.platform import choose
from registry.progress import Progress
from registry.reference import Reference
from registry.single_image import check_platform

Report = Callable[[Progress], None]


@dataclass(frozen=True)
class CopyResult:
    """What a copy did.

    Attributes:
        source: The image copied, pinned to the digest that its tag had.
        destination: Where it is now, pinned to its digest there.
        digest: The digest there: the source's, unless some of an index's platforms were chosen.
        bytes_copied: Bytes of blobs sent.
        bytes_skipped: Bytes of blobs that were there already, or were mounted.
        blobs_copied: Blobs sent.
        blobs_skipped: Blobs there already, or mounted.
    """

    source: str
    destination: str
    digest: str
    bytes_copied: int = 0
    bytes_skipped: int = 0
    blobs_copied: int = 0
    blobs_skipped: int = 0


def copy_image(
    client: RegistryClient,
    source: Reference,
    destination: Reference,
    *,
    platforms: Sequence[str] = (),
    progress: Report | None = None,
) -> CopyResult:
    """Copy an image, with all its platforms or some; nothing is sent if the destination already has it.

    Args:
        client: Reaches both registries.
        source: The image. Its tag is resolved once: an upstream that moves it in mid-copy changes nothing.
        destination: Where to; with a digest, the copy must have that digest.
        platforms: `os/architecture[/variant]` to take of an index. One gives that image itself, several an
            index of them (with another digest than the source's); none takes everything.
        progress: Called for each step.

    Returns:
        What was done.

    Raises:
        RegistryError: It could not be copied. The destination's tag is then unchanged.
    """
    resolved = resolve(client, source)
    pinned = source.with_digest(resolved)
    plan = _Plan(client, pinned, destination, progress or _silent)
    top = plan.choose(platforms) if platforms else None
    digest = top.digest if top else resolved
    if destination.digest not in (None, digest):
        raise RegistryError(
            str(destination),
            f"the image to be copied has the digest {digest}",
            "the destination names another one",
            "leave the digest out of the destination, or correct it",
        )
    if client.digest_of(destination) != digest:
        plan.add(top or client.manifest(pinned))
        plan.run()
    return CopyResult(
        source=str(pinned),
        destination=str(destination.with_digest(digest)),
        digest=digest,
        bytes_copied=sum(blob.size for blob in plan.copied),
        bytes_skipped=sum(blob.size for blob in plan.skipped),
        blobs_copied=len(plan.copied),
        blobs_skipped=len(plan.skipped),
    )


def resolve(client: RegistryClient, reference: Reference) -> str:
    """Digest of the manifest or index that a reference names.

    Raises:
        NotFoundError: It does not exist.
    """
    digest = client.digest_of(reference)
    if digest is None:
        raise NotFoundError(str(reference), "404 Not Found", "no such image", "check the name, and that it was pushed")
    return digest


@dataclass
class _Plan:
    """What has to be copied, then what was."""

    client: RegistryClient
    source: Reference
    destination: Reference
    report: Report
    blobs: dict[str, Descriptor] = field(default_factory=dict)
    manifests: list[Manifest] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    copied: list[Descriptor] = field(default_factory=list)
    skipped: list[Descriptor] = field(default_factory=list)

    def choose(self, platforms: Sequence[str]) -> Manifest:
        """The image of one platform, or an index of several."""
        top = self.client.manifest(self.source)
        if not top.is_index:
            check_platform(self.client, self.source, top, platforms)
            return top
        chosen = choose(str(self.source), top.children, platforms)
        if len(chosen) == 1:
            return self.client.manifest(self.source.with_digest(chosen[0].digest))
        return top if len(chosen) == len(top.children) else top.only(chosen)

    def add(self, manifest: Manifest) -> None:
        """Plan a manifest: its children and blobs first, each once, without what the destination has."""
        self.seen.add(manifest.digest)
        for child in manifest.children:
            if child.digest in self.seen:
                continue
            self.seen.add(child.digest)
            if self.client.digest_of(self.destination.with_digest(child.digest)) == child.digest:
                # A registry takes a manifest only once it has everything that it names.
                self.report(Progress("skipped", child.digest, child.size, 0))
            else:
                self.add(self.client.manifest(self.source.with_digest(child.digest)))
        for blob in manifest.blobs:
            self.blobs.setdefault(blob.digest, blob)
        self.manifests.append(manifest)

    def run(self) -> None:
        """Send everything, the manifest under the tag at the very end."""
        for blob in self.blobs.values():
            (self.copied if self._send(blob) else self.skipped).append(blob)
        for manifest in self.manifests:
            last = manifest is self.manifests[-1]
            target = self.destination if last else self.destination.with_digest(manifest.digest)
            if last and self.destination.tag:
                target = Reference(self.destination.host, self.destination.repository, self.destination.tag, None)
            self.client.put_manifest(target, manifest)
            size = len(manifest.content)
            self.report(Progress("pushed", manifest.digest, size, size))

    def _send(self, blob: Descriptor) -> bool:
        """Bring a blob to the destination; false when it was there or could be mounted."""
        if self.client.has_blob(self.destination, blob):
            self.report(Progress("skipped", blob.digest, blob.size, 0))
            return False
        location: str | None = None
        if self._same_registry():
            location = self.client.mount(self.destination, blob, self.source.repository)
            if location is None:
                self.report(Progress("mounted", blob.digest, blob.size, 0))
                return False
        # A refused mount opened an upload, which the first attempt uses; each further one begins anew.
        locations = [location] if location else []
        self.client.retry.call(lambda: self._stream(blob, locations.pop() if locations else None))
        self.report(Progress("copied", blob.digest, blob.size, blob.size))
        return True

    def _same_registry(self) -> bool:
        hosts = self.client.hosts
        return hosts.endpoint(self.source.host) == hosts.endpoint(self.destination.host)

    def _stream(self, blob: Descriptor, location: str | None) -> None:
        """One attempt: hash the bytes on the way, and give the upload up if they are wrong."""
        upload = location or self.client.begin_upload(self.destination)
        try:
            with self.client.read_blob(self.source, blob) as chunks:
                self.report(Progress("started", blob.digest, blob.size, 0))
                right = verified(chunks, f"{self.source.name}@{blob.digest}", blob.digest, blob.size)
                self.client.finish_upload(self.destination, upload, blob, self._counted(right, blob))
        except RegistryError:
            self.client.cancel_upload(self.destination, upload)
            raise

    def _counted(self, chunks: Iterator[bytes], blob: Descriptor) -> Iterator[bytes]:
        done = 0
        for chunk in chunks:
            yield chunk
            done += len(chunk)
            self.report(Progress("advanced", blob.digest, blob.size, done))


def _silent(_: Progress) -> None:
    """Report to nobody."""
