"""Signing in to the private registry: once for as long as that lasts, and in time before it ends."""

import time
from dataclasses import dataclass

import pytest
from botocore.exceptions import ClientError

from blocks.eks_cluster import EksCluster
from registry.reference import Reference
from sandbox.remote import RemoteSandbox
from tasks.private_registry import PrivateRegistry

# The registries are the same whoever serves Kubernetes.
pytestmark = pytest.mark.parametrize("sandbox", ["embedded"], indirect=True)

HOUR = 3600.0


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
