"""The two registries, and HTTP clients as their users are."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from sandbox.registries.registry import PrivateRegistry, UpstreamRegistry

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


@dataclass
class Clock:
    """A clock that a test moves."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Pusher:
    """Pushes to the private registry over HTTP, as a client that follows the specification does."""

    registry: PrivateRegistry
    http: httpx.Client

    def blob(self, repository: str, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        location = self.http.post(f"/v2/{repository}/blobs/uploads/").headers["Location"]
        answer = self.http.put(location, params={"digest": digest}, content=content)
        assert answer.status_code == 201, answer.text
        return digest

    def manifest(self, repository: str, reference: str, document: dict[str, Any]) -> httpx.Response:
        return self.http.put(
            f"/v2/{repository}/manifests/{reference}",
            content=json.dumps(document),
            headers={"Content-Type": document["mediaType"]},
        )

    def image(self, repository: str, tag: str, layer: bytes = b"layer", **members: Any) -> str:
        """Push a whole image; gives its digest."""
        document = self.document(repository, layer, **members)
        answer = self.manifest(repository, tag, document)
        assert answer.status_code == 201, answer.text
        return answer.headers["Docker-Content-Digest"]

    def document(self, repository: str, layer: bytes = b"layer", **members: Any) -> dict[str, Any]:
        config = members.pop("config", {"os": "linux", "architecture": "amd64"})
        content = json.dumps(config).encode()
        return {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": self._entry("application/vnd.oci.image.config.v1+json", repository, content),
            "layers": [self._entry("application/vnd.oci.image.layer.v1.tar+gzip", repository, layer)],
            **members,
        }

    def _entry(self, media_type: str, repository: str, content: bytes) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": self.blob(repository, content), "size": len(content)}


@pytest.fixture(scope="session")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def _servers(
    tmp_path_factory: pytest.TempPathFactory, _clock: Clock
) -> Iterator[tuple[UpstreamRegistry, PrivateRegistry]]:
    state_dir = tmp_path_factory.mktemp("registries")
    upstream, private = UpstreamRegistry(state_dir, _clock), PrivateRegistry(state_dir, clock=_clock)
    upstream.start()
    private.start()
    yield upstream, private
    private.stop()
    upstream.stop()


@pytest.fixture
def clock(_clock: Clock) -> Clock:
    return _clock


@pytest.fixture
def upstream(_servers: tuple[UpstreamRegistry, PrivateRegistry]) -> UpstreamRegistry:
    _servers[0].reset()
    return _servers[0]


@pytest.fixture
def private(_servers: tuple[UpstreamRegistry, PrivateRegistry]) -> PrivateRegistry:
    _servers[1].reset()
    return _servers[1]


@pytest.fixture
def http(private: PrivateRegistry) -> Iterator[httpx.Client]:
    """A client that is logged in to the private registry."""
    password, _ = private.tokens.issue()
    with httpx.Client(base_url=f"http://{private.address}", auth=("AWS", password)) as client:
        yield client


@pytest.fixture
def pusher(private: PrivateRegistry, http: httpx.Client) -> Pusher:
    private.repositories.create("team/app")
    return Pusher(private, http)
