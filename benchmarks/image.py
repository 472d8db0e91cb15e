"""Images to copy, made once and kept on disk in the layout in which docker-registry stores them."""

import hashlib
import json
import random
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

REPOSITORY = "team/app"
TAG = "v1"
ARCHITECTURES = ("amd64", "arm64", "s390x")

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class ImageSpec:
    """Shape of an image.

    Attributes:
        own_layers: Sizes in bytes of the layers that each platform has for itself.
        shared_layers: Sizes of the layers that all platforms have in common.
        platforms: How many; a single one makes an image without an index.
    """

    own_layers: tuple[int, ...]
    shared_layers: tuple[int, ...] = ()
    platforms: int = 1

    def scaled_down(self, divisor: int) -> Self:
        """The same shape with smaller layers."""
        return type(self)(
            tuple(size // divisor for size in self.own_layers),
            tuple(size // divisor for size in self.shared_layers),
            self.platforms,
        )


@dataclass(frozen=True)
class StoredImage:
    """An image on disk.

    Attributes:
        directory: Root directory for a docker-registry, which serves it as REPOSITORY:TAG.
        digest: Digest that the tag resolves to.
        size: Bytes of its distinct blobs.
    """

    directory: Path
    digest: str
    size: int


def stored_image(cache: Path, spec: ImageSpec) -> StoredImage:
    """The image of a shape; made now unless an earlier run made it.

    Layers are gzip streams of a tar archive with one file of seeded pseudo-random bytes, so that tools that look into
    them find what their media type says, and nothing can be compressed any further. They are written with gzip's
    "stored" blocks, which are cheap to make.
    """
    key = hashlib.sha256(json.dumps(asdict(spec)).encode()).hexdigest()[:12]
    directory = cache / f"image-{key}"
    summary = directory / "image.json"
    if not summary.exists():
        unfinished = cache / f"unfinished-{key}"
        shutil.rmtree(unfinished, ignore_errors=True)
        digest, size = _Store(unfinished).add_image(spec)
        (unfinished / summary.name).write_text(json.dumps({"digest": digest, "size": size}))
        shutil.rmtree(directory, ignore_errors=True)
        unfinished.rename(directory)
    return StoredImage(directory, **json.loads(summary.read_text()))


class _Store:
    """Writes docker-registry's filesystem layout (distribution 2.8, registry/storage/paths.go)."""

    def __init__(self, root: Path) -> None:
        self._root = root / "docker" / "registry" / "v2"
        self._repository = self._root / "repositories" / REPOSITORY
        self._sizes: dict[str, int] = {}

    def add_image(self, spec: ImageSpec) -> tuple[str, int]:
        shared = [self._add_layer(size, f"shared {number}") for number, size in enumerate(spec.shared_layers)]
        children = []
        for architecture in ARCHITECTURES[: spec.platforms]:
            own = [self._add_layer(size, f"{architecture} {number}") for number, size in enumerate(spec.own_layers)]
            platform = {"os": "linux", "architecture": architecture}
            children.append(self._add_single_image(platform, shared + own))
        if len(children) == 1:
            digest = str(children[0]["digest"])
        else:
            digest = self._add_manifest(INDEX, {"manifests": children})["digest"]
        tag = self._repository / "_manifests" / "tags" / TAG
        _link(tag / "current", digest)
        _link(tag / "index" / digest.replace(":", "/"), digest)
        return digest, sum(self._sizes.values())

    def _add_single_image(self, platform: dict[str, str], layers: list[tuple[dict[str, Any], str]]) -> dict[str, Any]:
        rootfs = {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]}
        config = self._add_blob(_CONFIG, iter([json.dumps({**platform, "rootfs": rootfs}).encode()]))
        manifest = self._add_manifest(MANIFEST, {"config": config, "layers": [layer for layer, _ in layers]})
        return {**manifest, "platform": platform}

    def _add_layer(self, size: int, seed: str) -> tuple[dict[str, Any], str]:
        """Add a layer of so many bytes (and a few of tar and gzip); gives its descriptor and its diff ID."""
        uncompressed = hashlib.sha256()

        def compressed() -> Iterator[bytes]:
            deflate = zlib.compressobj(level=0, wbits=16 + zlib.MAX_WBITS)
            for chunk in _tar_archive(size, seed):
                uncompressed.update(chunk)
                yield deflate.compress(chunk)
            yield deflate.flush()

        layer = self._add_blob(_LAYER, compressed())
        return layer, f"sha256:{uncompressed.hexdigest()}"

    def _add_manifest(self, media_type: str, members: dict[str, Any]) -> dict[str, Any]:
        content = json.dumps({"schemaVersion": 2, "mediaType": media_type, **members}).encode()
        descriptor = self._write(media_type, iter([content]))
        digest = descriptor["digest"]
        _link(self._repository / "_manifests" / "revisions" / digest.replace(":", "/"), digest)
        return descriptor

    def _add_blob(self, media_type: str, chunks: Iterator[bytes]) -> dict[str, Any]:
        descriptor = self._write(media_type, chunks)
        digest = descriptor["digest"]
        _link(self._repository / "_layers" / digest.replace(":", "/"), digest)
        self._sizes[digest] = descriptor["size"]
        return descriptor

    def _write(self, media_type: str, chunks: Iterator[bytes]) -> dict[str, Any]:
        self._root.mkdir(parents=True, exist_ok=True)
        hashed, size = hashlib.sha256(), 0
        unnamed = self._root / "unnamed"
        with unnamed.open("wb") as file:
            for chunk in chunks:
                hashed.update(chunk)
                size += file.write(chunk)
        hexadecimal = hashed.hexdigest()
        data = self._root / "blobs" / "sha256" / hexadecimal[:2] / hexadecimal / "data"
        data.parent.mkdir(parents=True, exist_ok=True)
        unnamed.rename(data)
        return {"mediaType": media_type, "digest": f"sha256:{hexadecimal}", "size": size}


def _tar_archive(size: int, seed: str) -> Iterator[bytes]:
    header = tarfile.TarInfo(seed.replace(" ", "-"))
    header.size = size
    yield header.tobuf()
    drawn = random.Random(seed)
    for start in range(0, size, _CHUNK):
        yield drawn.randbytes(min(_CHUNK, size - start))
    yield bytes(-size % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)


def _link(directory: Path, digest: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "link").write_text(digest)
