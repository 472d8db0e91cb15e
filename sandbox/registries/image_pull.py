"""What happens when a node inside the private VPC pulls an image."""

import json
from dataclasses import dataclass

from sandbox.registries.manifests import Manifest
from sandbox.registries.refusal import RefusalError
from sandbox.registries.registry import PrivateRegistry


@dataclass(frozen=True)
class ImageConfig:
    """What the kubelet needs of an image, and the digest that its reference resolved to."""

    entrypoint: list[str]
    cmd: list[str]
    env: list[str]
    working_dir: str
    digest: str


class PullError(Exception):
    """A failed pull; the text is the kubelet's event message."""


class ImagePuller:
    """Pulls as containerd on a linux/amd64 node does, from the private registry alone.

    Any other host has no route: the text is that of the tutorial's troubleshooting section. Texts for images
    that are not in the private registry are containerd's (amazon-node-termination-handler issue 1048 for the
    platform, starboard issue 1161 for the tag), and those of containers-roadmap issues 2304 and 2354 for what the
    pull-through cache does not hold yet.
    """

    def __init__(self, private: PrivateRegistry) -> None:
        self._private = private

    def pull(self, image: str) -> ImageConfig:
        """Resolve an image and read its config.

        Args:
            image: The reference as the pod names it.

        Raises:
            PullError: The image cannot be pulled.
        """
        host, repository, reference, name = _split(image)
        if not host:
            raise PullError(
                f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": '
                "invalid reference format"
            )
        if host not in self._private.hostnames:
            registry = "registry-1.docker.io" if host == "docker.io" else host
            url = f"https://{registry}/v2/{repository}/manifests/{reference}"
            raise _failed(image, name, "Unknown", f'failed to do request: Head "{url}": dial tcp: i/o timeout')
        manifest = self._manifest(image, name, repository, reference)
        if manifest is None:
            raise _failed(image, name, "NotFound", f"{name}: not found")
        chosen = self._for_platform(image, name, repository, manifest)
        config = json.loads(self._private.repositories.blobs.read(next(chosen.blobs)))
        settings = config.get("config") or {}
        return ImageConfig(
            entrypoint=settings.get("Entrypoint") or [],
            cmd=settings.get("Cmd") or [],
            env=settings.get("Env") or [],
            working_dir=settings.get("WorkingDir") or "/",
            digest=manifest.digest,
        )

    def _manifest(self, image: str, name: str, repository: str, reference: str) -> Manifest | None:
        try:
            manifest = self._private.pull_through.pull(repository, reference, from_vpc=True)
        except RefusalError as refusal:
            raise _failed(image, name, "Unknown", f"denied: {refusal}") from None
        held = self._private.repositories.find(repository)
        for digest in manifest.blobs if manifest else ():
            if held is None or digest not in held.blobs:
                url = self._private.pull_through.blob_url(repository, digest, from_vpc=True)
                raise PullError(
                    f'Failed to pull image "{image}": rpc error: code = DeadlineExceeded desc = failed to pull and '
                    f'unpack image "{name}": failed to copy: httpReadSeeker: failed open: failed to do request: Get '
                    f'"{url}": dial tcp: i/o timeout'
                )
        return manifest

    def _for_platform(self, image: str, name: str, repository: str, manifest: Manifest) -> Manifest:
        """The linux/amd64 manifest: one of an index's, or the manifest itself if its config says so."""
        chosen: Manifest | None = manifest
        if manifest.is_index:
            chosen = None
            for child in manifest.document["manifests"]:
                platform = child.get("platform", {})
                if (platform.get("os"), platform.get("architecture")) == ("linux", "amd64"):
                    chosen = self._manifest(image, name, repository, child["digest"])
        else:
            config = json.loads(self._private.repositories.blobs.read(next(manifest.blobs)))
            if (config.get("os"), config.get("architecture")) != ("linux", "amd64"):
                chosen = None
        if chosen is None:
            text = f'failed to pull and unpack image "{name}": no match for platform in manifest: not found'
            raise PullError(f'Failed to pull image "{image}": rpc error: code = NotFound desc = {text}')
        return chosen


def _failed(image: str, name: str, code: str, reason: str) -> PullError:
    return PullError(
        f'Failed to pull image "{image}": rpc error: code = {code} desc = failed to pull and unpack image '
        f'"{name}": failed to resolve reference "{name}": {reason}'
    )


def _split(image: str) -> tuple[str, str, str, str]:
    """Host, repository, tag or digest, and the full name, as containerd normalises a reference."""
    rest, _, digest = image.partition("@")
    first, slash, path = rest.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, rest = first, path
    else:
        host, rest = "docker.io", rest if slash else f"library/{rest}"
    repository, _, tag = rest.partition(":")
    if not repository or repository != repository.lower() or any(part == "" for part in repository.split("/")):
        return "", "", "", ""
    name = f"{host}/{repository}"
    if digest:
        return host, repository, digest, f"{name}@{digest}"
    return host, repository, tag or "latest", f"{name}:{tag or 'latest'}"
