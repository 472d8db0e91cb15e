"""Registries to copy between: the sandbox's, and Debian's docker-registry where it is installed."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry.client import RegistryClient
from registry.credentials import Basic, Credential, CredentialProvider
from registry.hosts import Hosts
from registry.reference import Reference
from registry.retry import Retry
from sandbox.registries.manifests import Manifest
from sandbox.registries.registry import PrivateRegistry, UpstreamRegistry


@dataclass
class Clock:
    """A clock that a test moves."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """Two registries, and a client that reaches them."""

    upstream: UpstreamRegistry
    private: PrivateRegistry
    clock: Clock
    clients: ExitStack
    slept: list[float] = field(default_factory=list)

    def password(self) -> str:
        return self.private.tokens.issue()[0]

    def client(self, credentials: CredentialProvider | None = None) -> RegistryClient:
        password = self.password()

        def known(host: str, _: str) -> Credential | None:
            return Basic("AWS", password) if host == self.private.address else None

        hosts = Hosts({"public.ecr.aws": f"http://{self.upstream.address}"})
        client = RegistryClient(hosts, credentials or known, retry=Retry(sleep=self.slept.append))
        return self.clients.enter_context(client)

    def destination(self, repository: str = "team/app", tag: str = "v1", create: bool = True) -> Reference:
        if create:
            self.private.repositories.create(repository)
        return Reference.parse(f"{self.private.address}/{repository}:{tag}")

    def tags(self, repository: str = "team/app") -> dict[str, str]:
        held = self.private.repositories.find(repository)
        return dict(held.tags) if held else {}

    def publish(
        self,
        repository: str,
        tag: str,
        layers: Sequence[bytes],
        media_types: tuple[str, str, str] = (
            "application/vnd.oci.image.manifest.v1+json",
            "application/vnd.oci.image.config.v1+json",
            "application/vnd.oci.image.layer.v1.tar+gzip",
        ),
        **members: Any,
    ) -> Manifest:
        """Put a single image upstream."""
        store = self.upstream.repositories
        held = store.create(repository)
        own, config_type, layer_type = media_types
        config = json.dumps({"os": "linux", "architecture": "amd64", "tag": tag}).encode()

        def entry(media_type: str, content: bytes) -> dict[str, Any]:
            digest = store.blobs.add(content)
            held.blobs.add(digest)
            return {"mediaType": media_type, "digest": digest, "size": len(content)}

        document = {
            "schemaVersion": 2,
            "mediaType": own,
            "config": entry(config_type, config),
            "layers": [entry(layer_type, layer) for layer in layers],
            **members,
        }
        manifest = Manifest(json.dumps(document, indent=3).encode(), own)
        store.put(held, manifest, tag)
        return manifest


@pytest.fixture(scope="session")
def _servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[UpstreamRegistry, PrivateRegistry, Clock]]:
    clock = Clock()
    state_dir = tmp_path_factory.mktemp("registries")
    upstream, private = UpstreamRegistry(state_dir, clock), PrivateRegistry(state_dir, clock=clock)
    upstream.start()
    private.start()
    yield upstream, private, clock
    private.stop()
    upstream.stop()


@pytest.fixture
def world(_servers: tuple[UpstreamRegistry, PrivateRegistry, Clock]) -> Iterator[World]:
    upstream, private, clock = _servers
    upstream.reset()
    private.reset()
    with ExitStack() as clients:
        yield World(upstream, private, clock, clients)


@dataclass(frozen=True)
class DockerRegistry:
    """A docker-registry that runs."""

    address: str
    pid: int


@pytest.fixture
def docker_registry(docker_registry_process: DockerRegistry) -> str:
    """Address of a docker-registry of its own."""
    return docker_registry_process.address


@pytest.fixture
def docker_registry_process(tmp_path: Path) -> Iterator[DockerRegistry]:
    """A docker-registry of its own."""
    with serve_docker_registry(tmp_path) as served:
        yield served


@contextmanager
def serve_docker_registry(folder: Path, settings: str = "") -> Iterator[DockerRegistry]:
    """Run a docker-registry.

    Args:
        folder: Where its files go.
        settings: Further lines of its configuration.
    """
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    configuration = folder / "registry.yml"
    configuration.write_text(
        f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{address}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: '{folder / 'registry'}'}}, delete: {{enabled: true}}}}\n{settings}"
    )
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(configuration)], stdout=log, stderr=log)
    try:
        for _ in range(200):
            try:
                httpx.get(f"http://{address}/v2/")
                break
            except httpx.TransportError:
                time.sleep(0.02)
        yield DockerRegistry(address, process.pid)
    finally:
        process.terminate()
        process.wait()
