"""The platform of an image that is not in an index: only its config says it."""

import json
from collections.abc import Sequence

from registry.client import RegistryClient
from registry.digest import verified
from registry.errors import ManifestError, PlatformNotFoundError
from registry.manifest import Manifest
from registry.platform import matches
from registry.reference import Reference

_LARGEST_CONFIG = 8 * 1024 * 1024


def check_platform(client: RegistryClient, image: Reference, manifest: Manifest, platforms: Sequence[str]) -> None:
    """Make sure that an image is of the one platform that is wanted.

    Raises:
        PlatformNotFoundError: It is of another, or more than one is wanted.
        ManifestError: Its config does not tell.
    """
    platform = _platform(client, image, manifest)
    for wanted in platforms:
        if not matches(platform, wanted):
            raise PlatformNotFoundError(
                str(image),
                f"no image for platform {wanted}",
                f"it is a single image for {platform}",
                "leave the platform out, or choose another image",
            )


def _platform(client: RegistryClient, image: Reference, manifest: Manifest) -> str:
    """`os/architecture[/variant]` of the config (OCI image specification, "Image Configuration")."""
    if not manifest.blobs or manifest.blobs[0].size > _LARGEST_CONFIG:
        raise ManifestError(str(image), "an image without a readable config")
    config = manifest.blobs[0]

    def read() -> bytes:
        with client.open_blob(image, config) as response:
            content = response.read(config.size + 1)
        return b"".join(map(bytes, verified([content], f"{image.name}@{config.digest}", config.digest, config.size)))

    try:
        document = json.loads(client.retry.call(read))
        parts = [document.get(key) for key in ("os", "architecture", "variant")]
    except (ValueError, AttributeError, RecursionError):
        raise ManifestError(str(image), "a config that is no JSON object") from None
    return "/".join(filter(None, parts))
