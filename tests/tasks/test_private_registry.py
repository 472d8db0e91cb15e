"""Signing in to the private registry: once for as long as that lasts, and in time before it ends."""

import http.server
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from blocks.eks_cluster import EksCluster
from registry.errors import RegistryError
from registry.reference import Reference
from sandbox.certificate_authority import CertificateAuthority
from sandbox.remote import RemoteSandbox
from tasks.private_registry import PrivateRegistry

# The registries are the same whoever serves Kubernetes.
pytestmark = pytest.mark.parametrize("sandbox", ["embedded"], indirect=True)

HOUR = 3600.0
DIGEST = f"sha256:{'0' * 64}"


@dataclass
class Clock:
    """The clock of this machine, put forward: the sandbox's own tokens stay valid."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class Signing:
    """A registry, and how often it signed in."""

    sandbox: RemoteSandbox
    registry: PrivateRegistry
    clock: Clock

    def tokens(self) -> int:
        return sum(call["operation"] == "GetAuthorizationToken" for call in self.sandbox.calls())

    def ask(self) -> None:
        """Ask the registry for an image, several requests with the token."""
        with self.registry.client() as client:
            assert client.digest_of(Reference(self.registry.host, "mirror/linux", "2", None)) is None

    def refuse(self) -> None:
        operation = {"service": "ecr", "operation": "GetAuthorizationToken"}
        self.sandbox.fault(**operation, status=400, code="AccessDeniedException", message="not any more")


@pytest.fixture
def signing(cluster: EksCluster, sandbox: RemoteSandbox) -> Signing:
    clock = Clock()
    cluster.ecr.create_repository(repositoryName="mirror/linux")
    return Signing(sandbox, PrivateRegistry(cluster, clock), clock)


def test_a_token_is_replaced_an_hour_before_it_ends(signing: Signing) -> None:
    signing.ask()
    signing.clock.ahead = 10.9 * HOUR
    signing.ask()
    assert signing.tokens() == 1
    signing.clock.ahead = 11.1 * HOUR
    signing.ask()
    assert signing.tokens() == 2


def test_a_token_that_ends_within_the_hour_is_not_replaced_at_every_request(signing: Signing) -> None:
    signing.clock.ahead = 11.5 * HOUR
    signing.ask()
    signing.ask()
    assert signing.tokens() == 1
    signing.clock.ahead = 11.8 * HOUR
    signing.ask()
    assert signing.tokens() == 2


def test_a_token_that_cannot_be_replaced_is_used_as_long_as_it_lasts(signing: Signing) -> None:
    signing.ask()
    signing.refuse()
    signing.clock.ahead = 11.1 * HOUR
    signing.ask()
    signing.ask()
    assert signing.tokens() == 2
    signing.clock.ahead += 61
    signing.ask()
    assert signing.tokens() == 3
    signing.clock.ahead = 12.1 * HOUR
    with pytest.raises(ClientError, match="not any more"):
        signing.ask()


@pytest.fixture
def inspected(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A registry with one image behind a certificate that only a CA of one's own vouches for; gives that CA's file."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Docker-Content-Digest", DIGEST)
            self.end_headers()

    authority = CertificateAuthority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("registry", ["localhost"]))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{server.server_port}", authority.ca_file
    server.shutdown()


def test_the_ca_bundle_of_aws_calls_counts_for_images_too(
    cluster: EksCluster, inspected: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, ca_file = inspected
    strict = PrivateRegistry(cluster)
    image = Reference(strict.host, "mirror/linux", "2", None)
    monkeypatch.setenv("REGISTRY_HOSTS", f"{strict.host}={address}")
    with strict.client() as client, pytest.raises(RegistryError, match="certificate"):
        client.digest_of(image)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(ca_file))
    with PrivateRegistry(EksCluster(cluster_name=cluster.cluster_name)).client() as client:
        assert client.digest_of(image) == DIGEST
