"""The images on a node."""

import threading
import time
from collections.abc import Callable

from sandbox.registries.image_pull import ImageConfig, ImagePuller, PullError


class InvalidImageError(Exception):
    """The image's name does not parse."""


class NotPresentError(Exception):
    """The image is not on the node and may not be pulled."""


class NodeImages:
    """Pulls images by the rules of `imagePullPolicy`, and keeps what was pulled."""

    def __init__(self, puller: ImagePuller) -> None:
        self._puller = puller
        self._present: dict[str, ImageConfig] = {}
        self._lock = threading.Lock()

    def get(self, image: str, policy: str, record: Callable[[str, str], None]) -> ImageConfig:
        """Have an image on the node.

        Args:
            image: The image as the pod names it.
            policy: `imagePullPolicy`; if empty, `Always` for the tag `latest` or none, else `IfNotPresent`.
            record: Takes reason and message of the events on the way.

        Raises:
            PullError: It cannot be pulled.
            InvalidImageError: Its name does not parse.
            NotPresentError: The policy is `Never` and it is not there.
        """
        policy = policy or default_policy(image)
        with self._lock:
            present = self._present.get(image)
        if present is not None and policy != "Always":
            record("Pulled", f'Container image "{image}" already present on machine')
            return present
        if policy == "Never":
            raise NotPresentError(f'Container image "{image}" is not present with pull policy of Never')
        record("Pulling", f'Pulling image "{image}"')
        begun = time.monotonic()
        try:
            config = self._puller.pull(image)
        except PullError as error:
            if str(error).startswith("Failed to apply default image tag"):
                raise InvalidImageError(str(error)) from error
            raise
        took = f"{round((time.monotonic() - begun) * 1000)}ms"
        record("Pulled", f'Successfully pulled image "{image}" in {took} ({took} including waiting)')
        with self._lock:
            self._present[image] = config
        return config


def default_policy(image: str) -> str:
    """The pull policy that the API server fills in (Kubernetes, "Images", default image pull policy)."""
    name = image.rpartition("/")[2]
    if "@" in name:
        return "IfNotPresent"
    return "Always" if name.partition(":")[2] in ("", "latest") else "IfNotPresent"
