"""Looking at identities: instance profile, node role, and the caller's own permissions."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from blocks.aws_errors import DENIED, error_code
from blocks.eks_cluster import EksCluster
from specs.preflight.facts import Caller, InstanceProfile, NodeRole
from specs.preflight.identity import NODE_RIGHTS

# Who uses the VPC CNI's service account (EKS user guide, cni-iam-role).
CNI_NAMESPACE, CNI_ACCOUNT = "kube-system", "aws-node"


def look_at_profile(cluster: EksCluster, name: str, known_role: str) -> InstanceProfile:
    """The nodes' instance profile.

    Args:
        cluster: Gives the IAM client.
        name: Name of the profile.
        known_role: ARN of the node role, where the platform names it.
    """
    try:
        found = cluster.iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    except ClientError as error:
        if error_code(error) != "NoSuchEntity":
            raise
        return InstanceProfile(name, exists=False, known_role=known_role)
    return InstanceProfile(name, True, tuple(role["Arn"] for role in found["Roles"]), known_role)


def look_at_node_role(cluster: EksCluster, arn: str, *, cni_has_own_role: bool) -> NodeRole:
    """What the nodes' role may do: simulated where that is allowed, and the managed policies on it.

    Args:
        cluster: Gives the IAM client.
        arn: The role.
        cni_has_own_role: Whether the VPC CNI does not act as it.
    """
    name = arn.rsplit("/", 1)[-1]
    pages = cluster.iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
    policies = frozenset(policy["PolicyName"] for page in pages for policy in page["AttachedPolicies"])
    actions = [action for right in NODE_RIGHTS for action in right.actions]
    denied = _simulated(cluster, arn, {"*": actions}, lambda _: {})
    return NodeRole(
        name=name,
        denied=None if denied is None else frozenset(action for action, _ in denied),
        policies=policies,
        cni_has_own_role=cni_has_own_role,
    )


def cni_has_pod_identity(cluster: EksCluster) -> bool:
    """Whether EKS Pod Identity gives the VPC CNI a role; no answer counts as no."""
    try:
        found = cluster.eks.list_pod_identity_associations(
            clusterName=cluster.cluster_name, namespace=CNI_NAMESPACE, serviceAccount=CNI_ACCOUNT
        )
    except ClientError as error:
        if error_code(error) not in DENIED:
            raise
        return False
    return bool(found["associations"])


def look_at_caller(
    cluster: EksCluster,
    actions: Mapping[str, Iterable[str]],
    context: Callable[[str], Mapping[str, str]],
    *,
    iam_answers: bool,
) -> Caller:
    """What the caller may do: simulated where IAM allows that, otherwise tried with calls that only read.

    Args:
        cluster: Gives the clients.
        actions: What is needed, by resource.
        context: Gives the values of condition keys that policies of the actions on a resource may have.
        iam_answers: Whether IAM is reached, which private VPCs outside us-east-1 have no endpoint for.
    """
    caller = cluster.sts.get_caller_identity()["Arn"]
    if caller.endswith(":root"):
        return Caller(caller, simulated=True)
    denied = _simulated(cluster, _principal(cluster, caller), actions, context) if iam_answers else None
    if denied is not None:
        return Caller(caller, True, denied)
    return Caller(caller, False, tuple((action, "*") for action, call in _reading(cluster) if not _is_allowed(call)))


def _simulated(
    cluster: EksCluster, arn: str, actions: Mapping[str, Iterable[str]], context: Callable[[str], Mapping[str, str]]
) -> tuple[tuple[str, str], ...] | None:
    """What IAM says that a principal may not do; None where it does not let the caller ask."""
    denied = []
    try:
        for resource, names in actions.items():
            entries: Any = [
                {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for key, value in context(resource).items()
            ]
            pages = cluster.iam.get_paginator("simulate_principal_policy").paginate(
                PolicySourceArn=arn, ActionNames=list(names), ResourceArns=[resource], ContextEntries=entries
            )
            results = [result for page in pages for result in page["EvaluationResults"]]
            denied += [(each["EvalActionName"], resource) for each in results if each["EvalDecision"] != "allowed"]
    except ClientError as error:
        if error_code(error) not in DENIED:
            raise
        return None
    return tuple(denied)


def _principal(cluster: EksCluster, caller: str) -> str:
    """The ARN that policies are attached to: of an assumed role's session the role, whose path only IAM knows."""
    service, resource = caller.split(":", 5)[2], caller.split(":", 5)[5]
    if service != "sts" or not resource.startswith("assumed-role/"):
        return caller
    name = resource.split("/")[1]
    try:
        return cluster.iam.get_role(RoleName=name)["Role"]["Arn"]
    except ClientError as error:
        if error_code(error) not in DENIED:
            raise
        return f"arn:{cluster.partition}:iam::{cluster.account_id}:role/{name}"


def _reading(cluster: EksCluster) -> tuple[tuple[str, Callable[[], Any]], ...]:
    batch, ecr = cluster.batch, cluster.ecr
    return (
        ("batch:DescribeComputeEnvironments", lambda: batch.describe_compute_environments(maxResults=1)),
        ("batch:DescribeJobQueues", lambda: batch.describe_job_queues(maxResults=1)),
        ("batch:DescribeJobDefinitions", lambda: batch.describe_job_definitions(maxResults=1)),
        ("ecr:GetAuthorizationToken", lambda: ecr.get_authorization_token()),
        ("ecr:DescribeRepositories", lambda: ecr.describe_repositories(maxResults=1)),
    )


def _is_allowed(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        if error_code(error) in DENIED:
            return False
        raise
    return True
