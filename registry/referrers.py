"""What refers to an image: signatures, attestations, SBOMs.

They are found by the referrers API, else by its tag scheme (OCI distribution specification v1.1, "Listing
Referrers" and "Referrers Tag Schema"), and by the tags that cosign writes (cosign, specs/SIGNATURE_SPEC.md).
"""

import json
from functools import partial
from typing import Any

from registry.client import RegistryClient
from registry.errors import NotFoundError
from registry.manifest import OCI_INDEX, Descriptor, Manifest, parse
from registry.manifest_copy import ManifestCopies
from registry.reference import Reference

_COSIGN = (".sig", ".att", ".sbom")


def copy_referrers(copies: ManifestCopies, top: Manifest) -> int:
    """Copy all that refers to an image, to its children, or to what refers to them; asked for several at once.

    Args:
        copies: Copies manifests between the two repositories.
        top: The image or index.

    Returns:
        How many were pushed; those that the destination has are not.
    """
    pushed = 0
    subjects = list(dict.fromkeys((top.digest, *(child.digest for child in top.children))))
    seen = set(subjects)
    while subjects:
        asked, subjects = subjects, []
        found = copies.client.streams.manifests.map(partial(_find, copies), asked)
        for subject, (listed, tags) in zip(asked, found, strict=True):
            new = [digest for digest in dict.fromkeys(listed) if digest not in seen]
            pushed += sum(_bring(copies, subject, digest) for digest in new)
            pushed += sum(_bring_tag(copies, tag, digest) for tag, digest in tags.items())
            seen.update(new)
            subjects += new
    return pushed


def list_referrers(client: RegistryClient, image: Reference) -> tuple[Descriptor, ...]:
    """What refers to an image, by the registry's API or the tag that stands in for it.

    Args:
        client: Reaches the registry.
        image: The image, with its digest.
    """
    listed = client.referrers(image)
    if listed is None:
        index = _manifest_or_none(client, image.with_tag(_scheme_tag(image.identifier)))
        return index.children if index else ()
    return listed


def _find(copies: ManifestCopies, subject: str) -> tuple[list[str], dict[str, str]]:
    """Digests of what the source lists as referrers, and of what it holds under cosign's tags."""
    listed = [entry.digest for entry in list_referrers(copies.client, copies.source.with_digest(subject))]
    tags = [_scheme_tag(subject) + suffix for suffix in _COSIGN]
    digests = {tag: copies.client.digest_of(copies.source.with_tag(tag)) for tag in tags}
    return listed, {tag: digest for tag, digest in digests.items() if digest is not None}


def _bring(copies: ManifestCopies, subject: str, digest: str) -> int:
    """Copy one that names its subject; 1 if it was pushed."""
    target = copies.destination.with_digest(digest)
    there = copies.client.digest_of(target, push=True) == digest
    if there and copies.client.referrers(copies.destination.with_digest(subject)) is not None:
        return 0
    manifest = copies.client.manifest(copies.source.with_digest(digest))
    if not there:
        copies.bring(manifest)
    # A copy that died may have pushed it without listing it.
    if there or not copies.push(manifest, target):
        _list_by_tag(copies, subject, manifest)
    return 0 if there else 1


def _bring_tag(copies: ManifestCopies, tag: str, digest: str) -> int:
    """Copy one that is known by its tag only; 1 if it was pushed."""
    target = copies.destination.with_tag(tag)
    if copies.client.digest_of(target, push=True) == digest:
        return 0
    manifest = copies.client.manifest(copies.source.with_digest(digest))
    copies.bring(manifest)
    copies.push(manifest, target)
    return 1


def _list_by_tag(copies: ManifestCopies, subject: str, manifest: Manifest) -> None:
    """Add a referrer to the index that registries without the referrers API are asked for instead."""
    target = copies.destination.with_tag(_scheme_tag(subject))
    existing = _manifest_or_none(copies.client, target)
    entries: list[Any] = json.loads(existing.content)["manifests"] if existing else []
    if any(entry["digest"] == manifest.digest for entry in entries):
        return
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*entries, _entry(manifest)]}
    content = json.dumps(index, separators=(",", ":")).encode()
    copies.push(parse(str(target), content, OCI_INDEX), target)


def _entry(manifest: Manifest) -> dict[str, Any]:
    """A referrer as the index lists it: with its type and annotations, for who filters by them."""
    document = json.loads(manifest.content)
    entry = {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": len(manifest.content),
        "artifactType": document.get("artifactType") or document.get("config", {}).get("mediaType", ""),
    }
    return {**entry, "annotations": document["annotations"]} if document.get("annotations") else entry


def _manifest_or_none(client: RegistryClient, image: Reference) -> Manifest | None:
    try:
        return client.manifest(image)
    except NotFoundError:
        return None


def _scheme_tag(digest: str) -> str:
    """The tag that stands for a digest: `sha256-<hex>`."""
    return digest.replace(":", "-")
