"""Manifests: kept as the bytes that were served, read for what they name."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.digest import compute
from registry.errors import ManifestError
from registry.reference import is_digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES = (OCI_INDEX, DOCKER_LIST)
ACCEPTED = (*INDEXES, OCI_MANIFEST, DOCKER_MANIFEST)
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"
# "Registries SHOULD enforce some limit ... 4 megabytes" (OCI distribution specification); ECR takes no more.
LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True)
class Descriptor:
    """Something that a manifest names: another manifest, a config, a layer.

    Attributes:
        digest: Its digest.
        size: Its size in bytes.
        media_type: Its type.
        platform: `os/architecture[/variant]` where an index gives it, else "".
        artifact_type: What it is, where a list of referrers gives it, else "".
    """

    digest: str
    size: int
    media_type: str
    platform: str = ""
    artifact_type: str = ""


@dataclass(frozen=True)
class Manifest:
    """An image manifest or an index.

    Attributes:
        content: The bytes as served; the digest is theirs, so they are never rendered anew.
        media_type: Its type.
        digest: Its digest.
        children: What an index lists.
        blobs: Config and layers of an image.
    """

    content: bytes
    media_type: str
    digest: str
    children: tuple[Descriptor, ...] = ()
    blobs: tuple[Descriptor, ...] = ()

    @property
    def is_index(self) -> bool:
        """Whether it lists other manifests."""
        return self.media_type in INDEXES

    def only(self, chosen: tuple[Descriptor, ...]) -> "Manifest":
        """An index of the same type and annotations that lists some of the children."""
        digests = {child.digest for child in chosen}
        document = json.loads(self.content)
        document["manifests"] = [entry for entry in document["manifests"] if entry["digest"] in digests]
        content = json.dumps(document, separators=(",", ":")).encode()
        return Manifest(content, self.media_type, compute(content), chosen)


def parse(resource: str, content: bytes, content_type: str, digest: str | None = None) -> Manifest:
    """Read a manifest.

    Args:
        resource: Name for errors.
        content: The bytes.
        content_type: Content-Type they were served with; many registries answer a generic one.
        digest: The digest already verified, else it is computed.

    Raises:
        ManifestError: It is schema 1, of an unknown type, or malformed.
    """
    try:
        document = json.loads(content)
        if not isinstance(document, dict):
            raise ValueError
    except (ValueError, RecursionError):
        raise ManifestError(resource, "the manifest is not a JSON object") from None
    media_type = _media_type(resource, document, content_type.partition(";")[0].strip())
    try:
        children = tuple(_descriptor(entry) for entry in document.get("manifests") or ())
        blobs = tuple(_descriptor(entry) for entry in _blob_entries(document))
        if (media_type in INDEXES) != ("manifests" in document):
            raise ValueError("an index lists 'manifests', an image does not")
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise ManifestError(resource, f"the {media_type} is malformed", f"{fault}") from None
    return Manifest(content, media_type, digest or compute(content), children, blobs)


def _media_type(resource: str, document: Mapping[str, Any], content_type: str) -> str:
    for candidate in (content_type, document.get("mediaType")):
        if candidate in ACCEPTED:
            return str(candidate)
    if content_type.startswith(SCHEMA_1) or document.get("schemaVersion") == 1:
        raise ManifestError(
            resource,
            "the manifest is of schema 1",
            "Docker deprecated that format in 2019, registries such as ECR refuse it, and it names no sizes",
            "rebuild or push the image again with a current Docker, then copy it",
        )
    if document.get("schemaVersion") == 2 and "mediaType" not in document:
        # OCI documents may leave mediaType out; their shape tells them apart.
        if "manifests" in document:
            return OCI_INDEX
        if "config" in document and "layers" in document:
            return OCI_MANIFEST
    raise ManifestError(
        resource,
        f"a manifest of type {document.get('mediaType') or content_type or 'unknown'!r}",
        "only OCI and Docker schema 2 images and indexes can be copied",
    )


def _blob_entries(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Config and layers, but those that live elsewhere by their `urls` (foreign layers are never pushed)."""
    entries = [document["config"]] if "config" in document else []
    entries += [layer for layer in document.get("layers") or () if not layer.get("urls")]
    return entries


def _descriptor(entry: Mapping[str, Any]) -> Descriptor:
    digest, size = entry["digest"], entry["size"]
    if not is_digest(digest):
        raise ValueError(f"{digest!r} is no digest")
    if not isinstance(size, int) or size < 0:
        raise ValueError(f"{size!r} is no size")
    platform = entry.get("platform") or {}
    parts = [platform.get(key) for key in ("os", "architecture", "variant")]
    media_type, artifact_type = (str(entry.get(key) or "") for key in ("mediaType", "artifactType"))
    return Descriptor(digest, size, media_type, "/".join(filter(None, parts)), artifact_type)
