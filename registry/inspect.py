"""What an image is made of, without pulling it."""

from typing import Any

from registry.client import RegistryClient
from registry.manifest import Descriptor, Manifest
from registry.platform import choose
from registry.reference import Reference
from registry.referrers import list_referrers
from registry.single_image import check_platform


def find_manifest(client: RegistryClient, image: Reference, platform: str | None = None) -> Manifest:
    """The manifest or index of an image, or of the one platform of it that is asked for.

    Raises:
        RegistryError: It does not exist, not for that platform, or cannot be read.
    """
    manifest = client.manifest(image)
    if platform is None:
        return manifest
    if not manifest.is_index:
        check_platform(client, image.with_digest(manifest.digest), manifest, (platform,))
        return manifest
    child = choose(str(image), manifest.children, (platform,))[0]
    return client.manifest(image.with_digest(child.digest))


def describe(client: RegistryClient, image: Reference, platform: str | None = None) -> dict[str, Any]:
    """An image as a document: name, digest, type, size, its platforms or its config and layers, its referrers.

    Names are those of the OCI image specification. `size` counts each blob once, as a copy moves it; layers that
    lie elsewhere by their `urls` are not counted, since no copy takes them along.

    Raises:
        RegistryError: It does not exist, not for that platform, or cannot be read.
    """
    manifest = find_manifest(client, image, platform)
    described: dict[str, Any] = {
        "name": str(image),
        "digest": manifest.digest,
        "mediaType": manifest.media_type,
        "size": sum(blob.size for blob in _blobs(client, image, manifest).values()),
    }
    if manifest.is_index:
        described["platforms"] = [{"platform": child.platform or None, **_entry(child)} for child in manifest.children]
    else:
        described["config"], *described["layers"] = [_entry(blob) for blob in manifest.blobs]
    described["referrers"] = [
        {"artifactType": referrer.artifact_type, **_entry(referrer)}
        for referrer in list_referrers(client, image.with_digest(manifest.digest))
    ]
    return described


def _blobs(client: RegistryClient, image: Reference, manifest: Manifest) -> dict[str, Descriptor]:
    """Config and layers of a manifest and of all that it lists, by digest."""
    blobs: dict[str, Descriptor] = {}
    seen = {manifest.digest}
    waiting = [manifest]
    while waiting:
        current = waiting.pop()
        blobs |= {blob.digest: blob for blob in current.blobs}
        for child in current.children:
            if child.digest not in seen:
                seen.add(child.digest)
                waiting.append(client.manifest(image.with_digest(child.digest)))
    return blobs


def _entry(descriptor: Descriptor) -> dict[str, Any]:
    return {"digest": descriptor.digest, "mediaType": descriptor.media_type, "size": descriptor.size}
