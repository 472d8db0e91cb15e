"""The public image of the tutorial, small: amazonlinux/amazonlinux with tags 2 and 2023."""

import gzip
import hashlib
import io
import json
import tarfile
from functools import cache
from typing import Any

from sandbox.registries.manifests import OCI_INDEX, OCI_MANIFEST, Manifest
from sandbox.registries.repositories import Repositories

REPOSITORY = "amazonlinux/amazonlinux"
RELEASES = {
    "2": ("Amazon Linux release 2 (Karoo)", "2024-01-01T00:00:00Z"),
    "2023": ("Amazon Linux release 2023 (Amazon Linux)", "2024-06-01T00:00:00Z"),
}
ARCHITECTURES = {"amd64": "", "arm64": "v8"}
FILLING = 48 * 1024
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


def add_amazonlinux(repositories: Repositories) -> None:
    """Put the image with both tags into a registry. Every digest is the same on every machine."""
    repository = repositories.create(REPOSITORY)
    for tag, (release, created) in RELEASES.items():
        entries = []
        for architecture, variant in ARCHITECTURES.items():
            manifest = _image(repositories, architecture, variant, release, created)
            platform = {"architecture": architecture, "os": "linux"}
            if variant:
                platform["variant"] = variant
            repository.blobs.update(manifest.blobs)
            repositories.put(repository, manifest, None)
            entries.append(
                {
                    "mediaType": manifest.media_type,
                    "digest": manifest.digest,
                    "size": len(manifest.content),
                    "platform": platform,
                }
            )
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        repositories.put(repository, Manifest(_json(index), OCI_INDEX, repositories.clock()), tag)


def _image(repositories: Repositories, architecture: str, variant: str, release: str, created: str) -> Manifest:
    """One platform's manifest, its config and two layers stored as blobs."""
    tars = [
        _tar("etc/system-release", release.encode() + b"\n", f"{release} {architecture}"),
        _tar("etc/machine", architecture.encode() + b"\n", f"packages of {release} {architecture}"),
    ]
    layers = [_compressed(tar) for tar in tars]
    config: dict[str, Any] = {
        "created": created,
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Cmd": ["/bin/bash"],
            "WorkingDir": "/",
        },
        "rootfs": {
            "type": "layers",
            "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars],
        },
        "history": [{"created": created, "created_by": "sandbox"} for _ in tars],
    }
    if variant:
        config["variant"] = variant
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _stored(repositories, CONFIG_TYPE, _json(config)),
        "layers": [_stored(repositories, LAYER_TYPE, layer) for layer in layers],
    }
    return Manifest(_json(manifest), OCI_MANIFEST, repositories.clock())


def _stored(repositories: Repositories, media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": repositories.blobs.add(content), "size": len(content)}


@cache  # wanted again with every reset
def _compressed(tar: bytes) -> bytes:
    # mtime 0 and a fixed level: gzip's output, hence the digest, depends on nothing else.
    return gzip.compress(tar, compresslevel=6, mtime=0)


@cache
def _tar(file: str, text: bytes, seed: str) -> bytes:
    """A layer: a file, and some bytes that do not compress, as a package's would not."""
    filling = b"".join(hashlib.sha256(f"{seed} {n}".encode()).digest() for n in range(FILLING // 32))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in {file: text, "usr/share/filling": filling}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2).encode()
