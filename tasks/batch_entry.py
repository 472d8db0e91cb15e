"""Step 5, with access entries: the entry that Batch makes for its service-linked role, and its policies."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from blocks.aws_errors import error_code
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.name import SERVICE_LINKED_ROLE, SERVICE_LINKED_ROLE_PATH
from tasks.compute_environment import describe_compute_environment
from tasks.invalid_cause import known_cause
from tasks.pauses import pauses
from tasks.step import step

CLUSTER_POLICY, NAMESPACE_POLICY = "AWSBatchClusterPolicy", "AWSBatchNamespacePolicy"


@step("access entry of Batch for {name}")
def wait_for_batch_entry(cluster: EksCluster, name: str, *, timeout_seconds: float = 300, plan: bool = False) -> str:
    """Wait until Batch has its access entry, and the policy that lets it see the cluster.

    The entry is reported ACTIVE before its policy is associated, so both are waited for (AWS Batch User Guide,
    eks-access-entries).

    Args:
        cluster: Where.
        name: The compute environment that has the entry made.
        timeout_seconds: How long; Batch makes it with the call that creates or updates the compute environment.
        plan: Do not wait.

    Returns:
        The entry's status, `ACTIVE`; with `plan` whatever it is now.

    Raises:
        OperationError: If Batch does not make it, with what is known of the reason.
    """
    status = "INACTIVE"
    for _ in pauses(timeout_seconds, f"AWS Batch to make its access entry for {name}"):
        found = describe_compute_environment(cluster, name) or {}
        status = found.get("eksConfiguration", {}).get("accessEntry", {}).get("status", "INACTIVE")
        if plan or (status == "ACTIVE" and policy_arn(cluster, CLUSTER_POLICY) in (batch_policies(cluster) or {})):
            return str(status)
        _refuse_incomplete(name, found)
    raise OperationError(
        f"access entry of {SERVICE_LINKED_ROLE} on {cluster.cluster_name}",
        f"its status is {status} after {timeout_seconds:.0f} s, "
        + (f"without {CLUSTER_POLICY}" if status == "ACTIVE" else "so that Batch has not made it"),
        "another compute environment on the cluster is not ENABLED, or the caller of Batch may not create access "
        "entries and associate policies with them",
        "compare eksConfiguration.accessEntry of all compute environments on the cluster, allow the caller "
        "eks:DescribeCluster, DescribeAccessEntry, CreateAccessEntry, AssociateAccessPolicy and DeleteAccessEntry, and "
        "run again",
    )


@step("removal of the access entry of Batch for {name}")
def wait_until_entry_is_gone(
    cluster: EksCluster, name: str, *, timeout_seconds: float = 300, plan: bool = False
) -> str:
    """Wait until Batch has taken its access entry away, so that aws-auth is used.

    Args:
        cluster: Where.
        name: A compute environment on the cluster.
        timeout_seconds: How long; Batch does so with the call that sets the last compute environment to DISABLED.
        plan: Do not wait.

    Returns:
        The entry's status, `INACTIVE`; with `plan` whatever it is now.

    Raises:
        OperationError: If the entry stays.
    """
    for _ in pauses(timeout_seconds, f"AWS Batch to take its access entry for {name} away"):
        found = describe_compute_environment(cluster, name) or {}
        status = str(found.get("eksConfiguration", {}).get("accessEntry", {}).get("status", "INACTIVE"))
        if plan or status == "INACTIVE":
            return status
    raise OperationError(
        f"access entry of {SERVICE_LINKED_ROLE} on {cluster.cluster_name}",
        f"its status is {status} after {timeout_seconds:.0f} s",
        "another compute environment on the cluster is not DISABLED, or the caller of Batch may not delete access "
        "entries",
        "compare eksConfiguration.accessEntry of all compute environments on the cluster, allow the caller "
        "eks:DeleteAccessEntry, and run again",
    )


def batch_role_arn(cluster: EksCluster) -> str:
    """The ARN of Batch's service-linked role; access entries have it with its path, as aws-auth must not."""
    return f"arn:{cluster.partition}:iam::{cluster.account_id}:role/{SERVICE_LINKED_ROLE_PATH}{SERVICE_LINKED_ROLE}"


def policy_arn(cluster: EksCluster, name: str) -> str:
    """The ARN of an access policy of EKS."""
    return f"arn:{cluster.partition}:eks::aws:cluster-access-policy/{name}"


def batch_has_entry(cluster: EksCluster) -> bool:
    """Whether the service-linked role has an access entry."""
    return batch_policies(cluster) is not None


def batch_policies(cluster: EksCluster) -> dict[str, dict[str, Any]] | None:
    """The access scope of each policy of Batch's entry, by ARN; None where there is no entry."""
    pages = cluster.eks.get_paginator("list_associated_access_policies").paginate(
        clusterName=cluster.cluster_name, principalArn=batch_role_arn(cluster)
    )
    try:
        return {
            each["policyArn"]: dict(each["accessScope"]) for page in pages for each in page["associatedAccessPolicies"]
        }
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return None
        raise


def covers(scope: Mapping[str, Any], namespace: str) -> bool:
    """Whether an access scope is about a namespace; names in it may end with a wildcard."""
    if scope["type"] == "cluster":
        return True
    return any(
        namespace.startswith(name[:-1]) if name.endswith("*") else namespace == name
        for name in scope.get("namespaces", ())
    )


def _refuse_incomplete(name: str, environment: Mapping[str, Any]) -> None:
    """Stop waiting where Batch says that it could not set the entry up."""
    reason = environment.get("statusReason", "")
    known = known_cause(reason) if environment.get("status") == "INVALID" else None
    if known and known.words == "Access Entry setup incomplete":
        raise OperationError(f"compute environment {name}", f"INVALID: {reason}", known.cause, known.fix)
