"""Copying an image from one registry to another.

The order makes it safe to stop anywhere: blobs, then the manifests that name them, the index after its
children, the tag last. A tag therefore never points at something incomplete, and a repetition skips what is
already there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.client import RegistryClient
from registry.errors import NotFoundError, RegistryError
from registry.manifest import Manifest
from registry.manifest_copy import ManifestCopies
from registry.platform import choose
from registry.progress import Progress, Report
from registry.reference import Reference
from registry.referrers import copy_referrers
from registry.single_image import check_platform


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
        referrers_copied: Signatures, attestations and the like that were pushed too.
    """

    source: str
    destination: str
    digest: str
    bytes_copied: int = 0
    bytes_skipped: int = 0
    blobs_copied: int = 0
    blobs_skipped: int = 0
    referrers_copied: int = 0


def copy_image(
    client: RegistryClient,
    source: Reference,
    destination: Reference,
    *,
    platforms: Sequence[str] = (),
    also_tags: Sequence[str] = (),
    include_referrers: bool = False,
    progress: Report | None = None,
) -> CopyResult:
    """Copy an image, with all its platforms or some; nothing is sent if the destination already has it.

    Args:
        client: Reaches both registries.
        source: The image. Its tag is resolved once: an upstream that moves it in mid-copy changes nothing. By its
            digest it is not asked for where the destination has it.
        destination: Where to; with a digest, the copy must have that digest.
        platforms: `os/architecture[/variant]` to take of an index. One gives that image itself, several an
            index of them (with another digest than the source's); none takes everything.
        also_tags: Further tags for the copy, pushed before the destination's own.
        include_referrers: Whether signatures, attestations and whatever else refers to the image come with it.
        progress: Called for each step, from several threads.

    Returns:
        What was done.

    Raises:
        TagImmutableError: The destination's tag may not be moved. All else, `also_tags` among it, was done.
        RegistryError: It could not be copied. The destination's tag is then unchanged.
    """
    there = client.streams.manifests.submit(client.digest_of, destination, push=True)
    resolved = source.digest or resolve(client, source)
    pinned = source.with_digest(resolved)
    top = chosen(client, pinned, platforms) if platforms else None
    digest = top.digest if top else resolved
    if destination.digest not in (None, digest):
        raise RegistryError(
            str(destination),
            f"the image to be copied has the digest {digest}",
            "the destination names another one",
            "leave the digest out of the destination, or correct it",
        )
    copies = ManifestCopies(client, pinned, destination, progress or _silent)
    is_there = there.result() == digest
    if not is_there:
        top = top or client.manifest(pinned)
        copies.bring(top)
    tagged = [destination.with_tag(tag) for tag in also_tags]
    missing = [target for target in tagged if client.digest_of(target, push=True) != digest]
    if top is None and (missing or include_referrers):
        top = client.manifest(destination.with_digest(digest))
    referrers = copy_referrers(copies, top) if include_referrers and top else 0
    if not is_there:
        missing.append(destination.with_tag(destination.tag) if destination.tag else destination.with_digest(digest))
    for target in missing:
        if top:
            copies.push(top, target)
    return CopyResult(
        source=str(pinned),
        destination=str(destination.with_digest(digest)),
        digest=digest,
        bytes_copied=sum(blob.size for blob in copies.blobs.copied),
        bytes_skipped=sum(blob.size for blob in copies.blobs.skipped),
        blobs_copied=len(copies.blobs.copied),
        blobs_skipped=len(copies.blobs.skipped),
        referrers_copied=referrers,
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


def chosen(client: RegistryClient, source: Reference, platforms: Sequence[str]) -> Manifest:
    """What is copied of an image when platforms are chosen: the image of one platform, or an index of several.

    Args:
        client: Reaches the source.
        source: The image.
        platforms: `os/architecture[/variant]`.

    Raises:
        PlatformNotFoundError: It does not exist for one of them.
    """
    top = client.manifest(source)
    if not top.is_index:
        check_platform(client, source, top, platforms)
        return top
    children = choose(str(source), top.children, platforms)
    if len(children) == 1:
        return client.manifest(source.with_digest(children[0].digest))
    return top if len(children) == len(top.children) else top.only(children)


def _silent(_: Progress) -> None:
    """Report to nobody."""
