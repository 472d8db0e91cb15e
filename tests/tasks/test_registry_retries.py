"""How often a step is repeated that a registry refuses."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from prefect import flow

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from registry.errors import DeniedError, RegistryError, UnavailableError
from sandbox.registries.faults import Fault
from sandbox.registries.registry import UpstreamRegistry
from tasks.image import mirror_image
from tasks.step import ATTEMPTS, step

pytestmark = pytest.mark.usefixtures("prefect_server")


@flow
def run(action: Callable[[], object]) -> object:
    """A flow of what is given."""
    return action()


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (
            UnavailableError("quay.io/a:1", "500 Internal Server Error (no space left on device)"),
            ATTEMPTS[UnavailableError],
        ),
        (UnavailableError("quay.io/a:1", "429 Too Many Requests", retry_after=3600), 1),
        (DeniedError("quay.io/a:1", "403 Forbidden"), 1),
    ],
    ids=lambda value: getattr(value, "answered", None),
)
def test_what_the_copier_has_tried_again_is_repeated_twice_at_most(error: RegistryError, attempts: int) -> None:
    tried: list[int] = []

    @step("ask")
    def ask() -> None:
        tried.append(1)
        raise error

    with pytest.raises(OperationError, match=f"quay.io/a:1: {error.answered[:3]}"):
        run(ask)
    assert len(tried) == attempts


def test_a_registry_that_wants_to_be_left_alone_for_an_hour_is_and_the_error_says_until_when(
    upstream: UpstreamRegistry,
) -> None:
    limit = {"Retry-After": "3600"}
    upstream.faults.add(Fault("HEAD", "/manifests/", times=100, status=429, headers=limit))
    cluster = EksCluster(cluster_name="my-test-cluster")
    before = datetime.now(UTC) + timedelta(hours=1)
    with pytest.raises(OperationError) as refused:
        run(lambda: mirror_image(cluster, "public.ecr.aws/amazonlinux/amazonlinux:2", "mirror/linux"))
    after = datetime.now(UTC) + timedelta(hours=1)
    ends = {f"{moment:run again after %H:%M UTC on %d %B}" for moment in (before, after)}
    assert any(end in refused.value.next_step for end in ends)
    assert [request for request in upstream.faults.requests if "/manifests/" in request] == [
        "HEAD /v2/amazonlinux/amazonlinux/manifests/2"
    ]
