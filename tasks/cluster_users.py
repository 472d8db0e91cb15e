"""The compute environments of a cluster: who still needs what setup made for all of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from blocks.eks_cluster import EksCluster
from tasks.outcome import Outcome

STEP = "compute environment"


def users_of_cluster(cluster: EksCluster, after: Sequence[Outcome], namespace: str = "") -> list[str]:
    """The compute environments on a cluster, whoever made them, without those that were removed.

    Args:
        cluster: The cluster.
        after: Outcomes of what was removed, or in a plan would be.
        namespace: Only those that run their pods in it; empty for all.

    Returns:
        Each as `compute environment My-Eks-CE1`.
    """
    return [
        f"{STEP} {found['computeEnvironmentName']}"
        for found in _environments(cluster, after)
        if namespace in ("", found["eksConfiguration"]["kubernetesNamespace"])
    ]


def nodes_with_role(cluster: EksCluster, role_arn: str, after: Sequence[Outcome]) -> list[str]:
    """The compute environments on a cluster whose nodes may have a role: where IAM cannot be asked, all of them.

    Args:
        cluster: The cluster.
        role_arn: ARN of the role, without its path.
        after: Outcomes of what was removed, or in a plan would be.

    Returns:
        Each as `compute environment My-Eks-CE1`.
    """
    return [
        f"{STEP} {found['computeEnvironmentName']}"
        for found in _environments(cluster, after)
        if _may_have_role(cluster, found.get("computeResources", {}).get("instanceRole", ""), role_arn)
    ]


def removed(after: Sequence[Outcome]) -> set[str]:
    """What is gone by these outcomes, or in a plan would be: each as `job queue My-Eks-JQ1`."""
    return {outcome.label for outcome in after if outcome.action in ("deleted", "replaced", "absent")}


def _environments(cluster: EksCluster, after: Sequence[Outcome]) -> Iterator[Mapping[str, Any]]:
    gone = removed(after)
    for page in cluster.batch.get_paginator("describe_compute_environments").paginate():
        for found in page["computeEnvironments"]:
            is_here = found.get("eksConfiguration", {}).get("eksClusterArn") == cluster.arn
            if is_here and found.get("status") != "DELETED" and f"{STEP} {found['computeEnvironmentName']}" not in gone:
                yield dict(found)


def _may_have_role(cluster: EksCluster, instance_profile: str, role_arn: str) -> bool:
    name = instance_profile.rsplit("/", 1)[-1]
    try:
        roles = cluster.iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]
    except (ClientError, BotoCoreError):
        return True
    return role_arn.rsplit("/", 1)[-1] in {role["RoleName"] for role in roles}
