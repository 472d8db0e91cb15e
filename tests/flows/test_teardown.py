"""Teardown deletes what setup made, in whatever state it is, and nothing else."""

from typing import Any

from blocks.eks_cluster import EksCluster
from flows.setup import setup_batch
from flows.teardown import teardown
from sandbox.remote import RemoteSandbox
from specs.platform import PlatformSpec
from tests.flows.cluster_picture import cluster_picture


def take_down(cluster: EksCluster, platform: PlatformSpec, **options: Any) -> dict[str, str]:
    """Tear down without asking anybody; what was done with each thing."""
    report = teardown(cluster, platform, approve=False, **options)
    return {outcome.label: outcome.action for outcome in report.outcomes}


def mutating(sandbox: RemoteSandbox) -> list[dict[str, Any]]:
    return [call for call in sandbox.calls() if call["mutating"]]


def test_what_setup_made_is_gone_and_all_else_is_as_before(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    before = cluster_picture(cluster)
    setup_batch(cluster, platform)
    sandbox.clear_calls()

    planned = teardown(cluster, platform, delete_images=True, plan=True)
    assert mutating(sandbox) == []
    report = teardown(cluster, platform, delete_images=True, approve=False)
    assert [(o.label, o.action) for o in report.outcomes] == [(o.label, o.action) for o in planned.outcomes]
    assert cluster_picture(cluster) == before

    sandbox.clear_calls()
    again = teardown(cluster, platform, delete_images=True)
    assert {outcome.action for outcome in again.outcomes} == {"absent"}
    assert mutating(sandbox) == []
