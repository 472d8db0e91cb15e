"""Manifests: what they name, and what a registry checks of them."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.registries.refusal import RefusalError

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEXES = (OCI_INDEX, DOCKER_LIST)
MEDIA_TYPES = (OCI_MANIFEST, DOCKER_MANIFEST, *INDEXES)
DIGEST = re.compile(r"sha256:[a-f0-9]{64}")
# "Implementations SHOULD support manifests of at least 4 megabytes" (OCI distribution specification).
LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True)
class Manifest:
    """A manifest or index as it was pushed, byte for byte."""

    content: bytes
    media_type: str
    pushed_at: float = 0.0
    document: dict[str, Any] = field(init=False, repr=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "document", _document(self.content))
        object.__setattr__(self, "digest", f"sha256:{hashlib.sha256(self.content).hexdigest()}")

    @property
    def is_index(self) -> bool:
        """Whether it lists other manifests."""
        return self.media_type in INDEXES

    @property
    def children(self) -> list[str]:
        """Digests of the manifests that an index lists."""
        return [child["digest"] for child in self.document.get("manifests", [])]

    @property
    def blobs(self) -> Iterator[str]:
        """Digests of config and layers; layers that live elsewhere by their `urls` excepted."""
        if self.is_index:
            return
        yield self.document["config"]["digest"]
        for layer in self.document.get("layers", []):
            if not layer.get("urls"):
                yield layer["digest"]

    @property
    def size(self) -> int:
        """Bytes of the layers, as ECR's imageSizeInBytes counts an image."""
        return sum(layer["size"] for layer in self.document.get("layers", []))

    @property
    def subject(self) -> str | None:
        """Digest of the manifest that this one refers to (OCI 1.1 referrers)."""
        subject = self.document.get("subject")
        return subject["digest"] if subject else None

    @property
    def artifact_type(self) -> str:
        """The type a referrers list shows: artifactType, or the config's media type."""
        explicit = self.document.get("artifactType")
        return str(explicit or self.document.get("config", {}).get("mediaType", ""))

    def descriptor(self) -> dict[str, Any]:
        """The entry of a referrers list."""
        entry: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": len(self.content),
        }
        if self.artifact_type:
            entry["artifactType"] = self.artifact_type
        if "annotations" in self.document:
            entry["annotations"] = self.document["annotations"]
        return entry


def _document(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError:
        raise RefusalError(400, "MANIFEST_INVALID", "manifest invalid: not JSON") from None
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise RefusalError(400, "MANIFEST_INVALID", "manifest invalid: schemaVersion must be 2")
    return document


def parse(content: bytes, content_type: str | None, pushed_at: float) -> Manifest:
    """Read a manifest that a client pushes.

    Args:
        content: Body of the request.
        content_type: Its Content-Type, which wins over the document's own mediaType but must agree with it.
        pushed_at: Time of the push, in seconds since the epoch.

    Raises:
        RefusalError: It is not a manifest of schema 2.
    """
    if len(content) > LARGEST:
        raise RefusalError(413, "SIZE_INVALID", f"manifest larger than {LARGEST} bytes")
    own = _document(content).get("mediaType")
    media_type = content_type or own or ""
    if media_type not in MEDIA_TYPES or (own and own != media_type):
        raise RefusalError(
            400, "MANIFEST_INVALID", f"manifest invalid: media type {media_type!r}, document says {own!r}"
        )
    manifest = Manifest(content, media_type, pushed_at)
    try:
        named = [*manifest.children, *manifest.blobs]
    except (KeyError, TypeError):
        raise RefusalError(400, "MANIFEST_INVALID", "manifest invalid: a digest is missing") from None
    for digest in named:
        if not DIGEST.fullmatch(digest):
            raise RefusalError(400, "MANIFEST_INVALID", f"manifest invalid: digest {digest!r}")
    return manifest
