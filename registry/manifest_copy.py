"""Bringing a manifest to the destination, with all that it names."""

from registry.blob_copy import BlobCopies
from registry.client import RegistryClient
from registry.errors import ManifestError
from registry.manifest import Descriptor, Manifest
from registry.progress import Progress, Report
from registry.reference import Reference

_DEEPEST = 8
# Each is held in memory, up to 4 MiB of it, until all are known; the largest images known list some dozens.
_MOST = 1000


class ManifestCopies:
    """Copies manifests from one repository to another.

    Args:
        client: Reaches both registries.
        source: Names the repository to copy from.
        destination: Names the repository to copy to.
        report: Called for each step, from several threads.

    Attributes:
        client: Reaches both registries.
        source: Names the repository to copy from.
        destination: Names the repository to copy to.
        blobs: Copies what they name.
    """

    def __init__(self, client: RegistryClient, source: Reference, destination: Reference, report: Report) -> None:
        self.client = client
        self.source = source
        self.destination = destination
        self.blobs = BlobCopies(client, source, destination, report)
        self._report = report
        self._missing: dict[str, Manifest | None] = {}
        self._seen: set[str] = set()

    def bring(self, manifest: Manifest) -> None:
        """Copy all that a manifest names, so that it can be pushed.

        Raises:
            RegistryError: Something could not be copied.
        """
        needed = self._needed(manifest)
        self.blobs.bring({blob.digest: blob for one in needed for blob in one.blobs}.values())
        children = needed[:-1]
        list(self.client.streams.manifests.map(self._push_child, [one for one in children if not one.is_index]))
        for index in children:
            # After its own children, which stand before it.
            if index.is_index:
                self._push_child(index)

    def push(self, manifest: Manifest, target: Reference) -> bool:
        """Push a manifest whose parts are there; gives whether the registry lists it as a referrer by itself."""
        listed = self.client.put_manifest(target, manifest)
        size = len(manifest.content)
        self._report(Progress("pushed", manifest.digest, size, size))
        return listed

    def _push_child(self, manifest: Manifest) -> None:
        self.push(manifest, self.destination.with_digest(manifest.digest))

    def _needed(self, manifest: Manifest, depth: int = 0) -> list[Manifest]:
        """A manifest and all below it that the destination lacks, children first, each once."""
        if depth > _DEEPEST:
            raise ManifestError(
                f"{self.source.name}@{manifest.digest}",
                f"indexes within indexes, more than {_DEEPEST} deep",
                "no tool makes such an image: it is broken, or meant to do harm",
                "copy one of its images by its digest",
            )
        self._seen.add(manifest.digest)
        children = {child.digest: child for child in manifest.children}
        asked = [child for digest, child in children.items() if digest not in self._missing]
        if len(self._missing) + len(asked) > _MOST:
            raise ManifestError(
                f"{self.source.name}@{manifest.digest}",
                f"more than {_MOST} images and indexes",
                "no tool makes such an index: it is broken, or meant to do harm",
                "copy one of its images by its digest, or some platforms only",
            )
        answers = self.client.streams.manifests.map(self._ask, asked)
        self._missing.update(zip((child.digest for child in asked), answers, strict=True))
        needed = []
        for child in children.values():
            if child.digest in self._seen:
                continue
            self._seen.add(child.digest)
            missing = self._missing[child.digest]
            if missing is None:
                self._report(Progress("skipped", child.digest, child.size, 0))
            else:
                needed += self._needed(missing, depth + 1)
        return [*needed, manifest]

    def _ask(self, child: Descriptor) -> Manifest | None:
        """A child that has to be copied; a registry takes a manifest only once it has everything that it names."""
        if self.client.digest_of(self.destination.with_digest(child.digest), push=True) == child.digest:
            return None
        return self.client.manifest(self.source.with_digest(child.digest))
