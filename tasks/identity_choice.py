"""Before step 1: whether Batch is known to the cluster by aws-auth or by an access entry, and whether that can work."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from blocks.aws_errors import DENIED, error_code
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.identity_choice import ClusterIdentity, IdentityChoice, IdentityRefusal, choose_identity
from tasks.batch_entry import batch_has_entry
from tasks.step import step


@step("identity of Batch on {cluster.cluster_name}")
def decide_identity(cluster: EksCluster, name: str, desired_state: str = "") -> IdentityChoice:
    """Look at the cluster and its compute environments, and choose.

    Args:
        cluster: Where, and what its block asks for.
        name: The compute environment that is set up.
        desired_state: `accessEntry.desiredState` of its document; empty where it has none.

    Raises:
        OperationError: If what is asked for cannot work, with the reason and a way out; nothing is changed then.
    """
    environments = compute_environments_on(cluster)
    others = {other: desired_state_of(found) for other, found in environments.items() if other != name}
    observed = ClusterIdentity(
        mode=cluster.authentication_mode, has_entry=has_entry(cluster, environments), others=others
    )
    chosen = choose_identity(observed, cluster.identity_mapping, desired_state)
    if isinstance(chosen, IdentityRefusal):
        resource = f"compute environment {name} on {cluster.cluster_name}"
        raise OperationError(resource, chosen.answer, chosen.cause, chosen.next_step)
    return chosen


def compute_environments_on(cluster: EksCluster) -> dict[str, dict[str, Any]]:
    """All compute environments of the account and region that use the cluster, by name."""
    pages = cluster.batch.get_paginator("describe_compute_environments").paginate()
    return {
        found["computeEnvironmentName"]: dict(found)
        for page in pages
        for found in page["computeEnvironments"]
        if found.get("eksConfiguration", {}).get("eksClusterArn") == cluster.arn
        and found.get("status") not in ("DELETING", "DELETED")
    }


def desired_state_of(environment: Mapping[str, Any]) -> str:
    """What Batch has recorded as its desiredState; empty where nobody set one."""
    entry = environment["eksConfiguration"].get("accessEntry", {})
    return str(entry.get("desiredState", ""))


def has_entry(cluster: EksCluster, environments: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether Batch has an entry: any compute environment tells, and where there is none, EKS.

    Args:
        cluster: Where.
        environments: All compute environments on it.
    """
    for environment in environments.values():
        return bool(environment["eksConfiguration"].get("accessEntry", {}).get("status") == "ACTIVE")
    if cluster.authentication_mode == "CONFIG_MAP":
        return False
    try:
        return batch_has_entry(cluster)
    except ClientError as error:
        # Those who set up aws-auth need no right to look at access entries.
        if error_code(error) in DENIED:
            return False
        raise
