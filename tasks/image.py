"""Step 9: the image in the private registry, since nodes of a private cluster can pull from nowhere else."""

import time
from collections.abc import Sequence
from contextlib import nullcontext

from prefect.logging import get_run_logger

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from registry.client import RegistryClient
from registry.copy import CopyResult, chosen, copy_image, resolve
from registry.errors import TagImmutableError
from registry.reference import Reference
from specs.mirror import permanent_tag
from tasks.console import repository_url
from tasks.mirror_progress import MirrorProgress
from tasks.mirrored_digest import mirrored_digest
from tasks.outcome import Action, Change, Outcome
from tasks.private_registry import PrivateRegistry, is_ecr
from tasks.step import step
from tasks.tag_mutability import is_immutable


class MirroredImage(Outcome):
    """What became of one image.

    Attributes:
        source_digest: Digest of the image or index at its origin.
        destination: The private image by tag and digest; its digest differs from the source's where platforms were
            chosen.
        bytes_copied: Bytes of blobs sent.
        bytes_skipped: Bytes of blobs that were there already, or were mounted.
        seconds: How long it took.
    """

    source_digest: str = ""
    destination: str = ""
    bytes_copied: int = 0
    bytes_skipped: int = 0
    seconds: float = 0.0


@step("image {source}")
def mirror_image(
    cluster: EksCluster,
    source: str,
    repository: str,
    *,
    registry: PrivateRegistry | None = None,
    platforms: Sequence[str] = (),
    include_referrers: bool = False,
    progress: MirrorProgress | None = None,
    plan: bool = False,
) -> MirroredImage:
    """Copy an image to a private repository. Network: internet and ECR.

    Besides its own tag, the copy gets the permanent one `<tag>-<digest12>`, which keeps it from becoming untagged
    when the own tag moves on. Where the repository's tags are immutable and the own tag names an older digest, only
    the permanent one is new.

    Args:
        cluster: Gives the ECR client.
        source: Reference of the image; with a digest, that very image is copied wherever its tag points.
        repository: Name of the private repository; the image's tag there is the source's.
        registry: The private registry, where several copies of a run share its connections.
        platforms: What to take of an index, such as `linux/amd64`; none for everything.
        include_referrers: Copy signatures, attestations and the like too.
        progress: Shows how far the copy is.
        plan: Report only.

    Returns:
        Its identifier is the private image pinned by digest.

    Raises:
        OperationError: If either registry cannot be reached or refuses, or the source does not exist.
    """
    begun = time.monotonic()
    registry, origin = registry or PrivateRegistry(cluster), Reference.parse(source)
    shown = progress.copying(source, repository, get_run_logger()) if progress else nullcontext()
    with registry.client() as client, shown as report:
        pinned = origin.with_digest(resolve(client, origin))
        digest = chosen(client, pinned, platforms).digest if platforms else str(pinned.digest)
        own = Reference(registry.host, repository, origin.tag or _tag_of(origin), None)
        permanent = own.with_tag(permanent_tag(str(own.tag), digest)) if origin.tag else own
        before = {tag.tag: client.digest_of(tag) for tag in (own, permanent)}
        missing = [tag for tag, there in before.items() if there != digest]
        notes = [_moved(client, origin)] if origin.tag and origin.digest else []
        if include_referrers and digest != pinned.digest:
            notes.append(f"what refers to the whole index {pinned.digest}, such as its signature, is not copied")
        result = CopyResult(str(pinned), str(own.with_digest(digest)), digest)
        if not plan and (missing or include_referrers):
            result = copy_image(
                client,
                pinned,
                permanent,
                platforms=platforms,
                include_referrers=include_referrers,
                progress=report,
            )
        if own != permanent and own.tag in missing:
            moves = _could_be_tagged(cluster, own, before[own.tag]) if plan else _tagged(client, own, digest)
            if not moves:
                missing.remove(own.tag)
                notes.append(f"tag {own.tag} is immutable and stays with {before[own.tag]}; see {permanent}")
    action: Action = "updated" if any(before.values()) else "created"
    return MirroredImage(
        step="image",
        name=source,
        action=action if missing or result.referrers_copied else "unchanged",
        changes=tuple(Change(field=f"tag {tag}", observed=before[tag], wanted=digest) for tag in missing),
        planned=plan,
        identifier=f"{own.name}@{digest}",
        console_url=repository_url(cluster, repository),
        note="; ".join(f"{source}: {note}" for note in notes if note),
        source_digest=str(pinned.digest),
        destination=str(own.with_digest(digest)),
        bytes_copied=result.bytes_copied,
        bytes_skipped=result.bytes_skipped,
        seconds=round(time.monotonic() - begun, 1),
    )


@step("image {source}")
def find_image(cluster: EksCluster, source: str, repository: str = "", *, mirrored_later: bool = False) -> Outcome:
    """Find an image that was mirrored before, the newest where its tag is immutable. Network: VPC.

    One in the ECR of another account or region is left as it is: the mirror has no say there, and an image of the
    same name here is another one.

    Args:
        cluster: Gives the ECR client.
        source: Reference of the image, at its origin or in the private registry.
        repository: Name of the private repository; empty for the source's own.
        mirrored_later: In a plan: it may be missing, since a deployment would mirror it.

    Returns:
        Its identifier is the private image pinned by digest; by its tag only where it is yet to be mirrored. That of
        an image in another private registry is the reference that was given.

    Raises:
        OperationError: If it is not there.
    """
    registry, origin = PrivateRegistry(cluster), Reference.parse(source)
    if is_ecr(origin.host) and not registry.is_called(origin.host):
        note = f"{source}: left as it is, in the registry {origin.host} of another account or region"
        return Outcome(step="image", name=source, action="unchanged", identifier=source, note=note)
    target = Reference(registry.host, repository or origin.repository, origin.tag, origin.digest)
    with registry.client() as client:
        digest = mirrored_digest(cluster, client, target)
    if digest is None and not mirrored_later:
        raise OperationError(
            f"image {source}",
            f"{target} does not exist in the private registry",
            "it was not mirrored, and nodes of a private cluster can pull from nowhere else",
            "run mirror_images, or setup_batch with image_source `mirror`, where there is a route to the internet",
        )
    return Outcome(
        step="image",
        name=source,
        action="unchanged" if digest else "created",
        changes=() if digest else (Change(field="digest", wanted="that of the source"),),
        planned=digest is None,
        identifier=f"{target.name}@{digest}" if digest else str(target),
        console_url=repository_url(cluster, target.repository),
    )


def _tag_of(origin: Reference) -> str:
    """A tag for an image that is named by digest alone: ECR's lifecycle rules remove untagged images."""
    return (origin.digest or "").replace(":", "-")[:19]


def _tagged(client: RegistryClient, image: Reference, digest: str) -> bool:
    """Move a tag to a digest that is there already; false where the repository's tags are immutable."""
    try:
        client.put_manifest(image, client.manifest(image.with_digest(digest)))
    except TagImmutableError:
        return False
    return True


def _could_be_tagged(cluster: EksCluster, image: Reference, there: str | None) -> bool:
    """Whether a tag could be moved; `there` is the digest that it has now."""
    return there is None or not is_immutable(cluster, image.repository, str(image.tag))


def _moved(client: RegistryClient, origin: Reference) -> str:
    """What to know about a source that is pinned although it has a tag."""
    now = client.digest_of(origin.with_tag(str(origin.tag)))
    return "" if now == origin.digest else f"pinned; at its origin the tag {origin.tag} names {now or 'nothing'} now"
