"""Repositories: which blobs, manifests and tags they hold. The ECR API and the registry share them."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from sandbox.registries.blobs import BlobStore
from sandbox.registries.manifests import Manifest
from sandbox.registries.refusal import RefusalError


@dataclass(frozen=True)
class TagMutability:
    """ECR's imageTagMutability with its exclusion filters (botocore: ImageTagMutabilityExclusionFilter)."""

    mode: str = "MUTABLE"
    exclusions: Sequence[str] = ()

    def immutable(self, tag: str) -> bool:
        """Whether a tag, once set, must stay: filters turn the mode round, `*` standing for anything."""
        excluded = any(fnmatchcase(tag, wildcard) for wildcard in self.exclusions)
        return self.mode.startswith("IMMUTABLE") != excluded


@dataclass
class Repository:
    """One repository; `pulled_through` says that the pull-through cache filled it."""

    name: str
    mutability: TagMutability = field(default_factory=TagMutability)
    blobs: set[str] = field(default_factory=set)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pulled_through: bool = False

    def find(self, reference: str) -> Manifest | None:
        """The manifest of a tag or digest."""
        return self.manifests.get(self.tags.get(reference, reference))

    def tags_of(self, digest: str) -> list[str]:
        """Tags that point at a digest."""
        return sorted(tag for tag, target in list(self.tags.items()) if target == digest)

    def locked(self, tag: str, digest: str) -> bool:
        """Whether the tag is held by another image and may not move."""
        held = self.tags.get(tag)
        return held is not None and held != digest and self.mutability.immutable(tag)

    def put(self, manifest: Manifest, tag: str | None) -> None:
        """Keep a manifest (the time of its first push stays) and point a tag at it."""
        self.manifests.setdefault(manifest.digest, manifest)
        if tag is not None:
            self.tags[tag] = manifest.digest

    def remove(self, digest: str) -> None:
        """Drop a manifest and its tags."""
        self.manifests.pop(digest, None)
        for tag in self.tags_of(digest):
            del self.tags[tag]

    def missing(self, manifest: Manifest) -> tuple[list[str], list[str]]:
        """Digests of blobs, and of manifests, that a manifest names and this repository does not hold."""
        blobs = [digest for digest in manifest.blobs if digest not in self.blobs]
        children = [digest for digest in manifest.children if digest not in self.manifests]
        return blobs, children

    def referrers(self, digest: str) -> list[Manifest]:
        """Manifests whose subject is the digest."""
        return [manifest for manifest in list(self.manifests.values()) if manifest.subject == digest]


class Repositories:
    """All repositories of one registry, over one blob store. Safe to use from several threads."""

    def __init__(self, root: Path, registry_id: str, clock: Callable[[], float] = time.time) -> None:
        self.registry_id = registry_id
        self.blobs = BlobStore(root)
        self.clock = clock
        self.lock = threading.RLock()
        self._repositories: dict[str, Repository] = {}

    def find(self, name: str) -> Repository | None:
        """A repository, if it exists."""
        with self.lock:
            return self._repositories.get(name)

    def create(self, name: str, mutability: TagMutability | None = None) -> Repository:
        """Make a repository that does not exist yet."""
        with self.lock:
            return self._repositories.setdefault(name, Repository(name, mutability or TagMutability()))

    def delete(self, name: str) -> None:
        """Drop a repository. Its blobs stay on disk: others may hold them."""
        with self.lock:
            self._repositories.pop(name, None)

    def put(self, repository: Repository, manifest: Manifest, tag: str | None) -> None:
        """Check what a manifest names and whether its tag may move, then keep it.

        Raises:
            RefusalError: Layers or manifests are missing (texts of ECR, oras-py issue 54 for the layers),
                or the tag is immutable (containers-roadmap issue 862).
        """
        with self.lock:
            blobs, children = repository.missing(manifest)
            if children:
                raise RefusalError(
                    404,
                    "MANIFEST_BLOB_UNKNOWN",
                    f"Images with digests '[{', '.join(children)}]' required for pushing image into "
                    f"repository with name '{repository.name}' in the registry with id "
                    f"'{self.registry_id}' do not exist",
                )
            if blobs:
                raise RefusalError(
                    404,
                    "BLOB_UPLOAD_UNKNOWN",
                    f"Layers with digests '[{', '.join(blobs)}]' required for pushing image into "
                    f"repository with name '{repository.name}' in the registry with id "
                    f"'{self.registry_id}' do not exist",
                )
            if tag is not None and repository.locked(tag, manifest.digest):
                raise RefusalError(
                    400,
                    "TAG_INVALID",
                    f"The image tag '{tag}' already exists in the '{repository.name}' repository "
                    "and cannot be overwritten because the repository is immutable.",
                )
            repository.put(manifest, tag)

    def reset(self) -> None:
        """Drop everything."""
        with self.lock:
            self._repositories.clear()
            self.blobs.reset()
