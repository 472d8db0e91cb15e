"""Why Batch cannot use a cluster: each thing that it needs there, asked of the cluster itself."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from kubernetes.client.exceptions import ApiException
from pydantic import BaseModel, ConfigDict

from blocks.aws_errors import DENIED, error_code
from blocks.eks_cluster import EksCluster
from specs.aws_auth import AwsAuthError
from specs.identity_mapping import BATCH_USER, RoleMapping, batch_role_mapping, node_role_mapping
from specs.rbac import batch_cluster_role, batch_namespace_role
from tasks.batch_entry import CLUSTER_POLICY, NAMESPACE_POLICY, batch_policies, batch_role_arn, covers, policy_arn
from tasks.identity_mapping import read_aws_auth
from tasks.node_access_entry import NODE_TYPE, describe_access_entry


class Finding(BaseModel):
    """One thing that Batch lacks in the cluster."""

    model_config = ConfigDict(frozen=True)

    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.problem} (fix: {self.fix})"


def missing_access(cluster: EksCluster, environment: Mapping[str, Any]) -> list[Finding]:
    """Ask the cluster for everything that Batch's health check needs.

    The rights are asked with SubjectAccessReview as user `aws-batch`, verb by verb, as the troubleshooting page does
    with `kubectl auth can-i --as=aws-batch`
    (https://docs.aws.amazon.com/batch/latest/userguide/batch_eks_rbac.html). Where Batch has an access entry they mean
    nothing, and the entry's policies are looked at.

    Args:
        cluster: Where.
        environment: As DescribeComputeEnvironments answers.

    Returns:
        What is missing; empty where all is there.
    """
    namespace = environment["eksConfiguration"]["kubernetesNamespace"]
    if _is_known_by_entry(cluster, environment):
        return _namespace_findings(cluster, namespace) + _entry_findings(cluster)
    batch = batch_role_mapping(cluster.account_id, cluster.partition)
    findings = _namespace_findings(cluster, namespace) + _mapping_findings(cluster, batch)
    denied = [
        f"{attributes['verb']} {attributes['resource']}"
        + (f" in {where}" if (where := attributes["namespace"]) else "")
        for attributes in needed_rights(namespace)
        if not _is_allowed(cluster, attributes)
    ]
    if denied:
        findings.append(
            Finding(
                problem=f"user {BATCH_USER} may not: {', '.join(denied)}",
                fix="create the cluster role, the namespaced role and their bindings with subject kind User, "
                f"name {BATCH_USER} (run setup_batch, with `adopt` if they exist and differ)",
            )
        )
    return findings


def missing_namespace_policy(cluster: EksCluster, environment: Mapping[str, Any]) -> list[Finding]:
    """Whether Batch's access entry, where it has one, lets it run pods in the compute environment's namespace.

    Args:
        cluster: Where.
        environment: As DescribeComputeEnvironments answers.
    """
    namespace = environment["eksConfiguration"]["kubernetesNamespace"]
    if not _is_known_by_entry(cluster, environment):
        return []
    scope = (batch_policies(cluster) or {}).get(policy_arn(cluster, NAMESPACE_POLICY))
    if scope and covers(scope, namespace):
        return []
    problem = f"{NAMESPACE_POLICY} is not associated with the access entry of Batch for namespace {namespace}"
    return [Finding(problem=problem, fix="associate it (run setup_batch)")]


def missing_node_access(cluster: EksCluster, environment: Mapping[str, Any], node_role_arn: str = "") -> list[Finding]:
    """Ask the cluster whether it knows the role of a compute environment's nodes; unknown nodes cannot join.

    Args:
        cluster: Where.
        environment: As DescribeComputeEnvironments answers.
        node_role_arn: The role of its nodes; empty to ask IAM, which a private VPC may not reach.

    Returns:
        What is missing; empty where all is there, or where Batch starts no nodes itself (UNMANAGED).
    """
    profile = environment.get("computeResources", {}).get("instanceRole", "").rsplit("/", 1)[-1]
    if not profile:
        return []
    try:
        roles = [node_role_arn] if node_role_arn else _roles_in(cluster, profile)
    except (ClientError, BotoCoreError) as error:
        fix = "compare the role in the profile with aws-auth by hand"
        return [Finding(problem=f"the role in instance profile {profile} cannot be looked up: {error}", fix=fix)]
    return [finding for role in roles for finding in _node_findings(cluster, role)]


def needed_rights(namespace: str) -> list[dict[str, str]]:
    """Every verb on every resource of the tutorial's two roles, as SubjectAccessReview's resourceAttributes."""
    scopes = ((batch_cluster_role(), ""), (batch_namespace_role(namespace), namespace))
    return [
        {"verb": verb, "group": group, "resource": resource, "namespace": where}
        for role, where in scopes
        for rule in role.to_document()["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def _roles_in(cluster: EksCluster, profile: str) -> list[str]:
    found = cluster.iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]
    return [role["Arn"] for role in found["Roles"]]


def _is_allowed(cluster: EksCluster, attributes: dict[str, str]) -> bool:
    body: dict[str, Any] = {"spec": {"user": BATCH_USER, "resourceAttributes": attributes}}
    return bool(cluster.authorization_v1.create_subject_access_review(body).status.allowed)


def _namespace_findings(cluster: EksCluster, namespace: str) -> list[Finding]:
    try:
        phase = cluster.core_v1.read_namespace(namespace).status.phase
    except ApiException as error:
        if error.status != 404:
            raise
        return [Finding(problem=f"namespace {namespace} does not exist", fix="create it (run setup_batch)")]
    if phase == "Terminating":
        return [Finding(problem=f"namespace {namespace} is being deleted", fix="wait, then run setup_batch")]
    return []


def _is_known_by_entry(cluster: EksCluster, environment: Mapping[str, Any]) -> bool:
    entry = environment["eksConfiguration"].get("accessEntry", {})
    return bool(cluster.authentication_mode == "API" or entry.get("status") == "ACTIVE")


def _entry_findings(cluster: EksCluster) -> list[Finding]:
    policies = batch_policies(cluster)
    if policies is None:
        problem = f"{batch_role_arn(cluster)} has no access entry"
        return [Finding(problem=problem, fix="have Batch make it (run setup_batch): nobody else may")]
    if policy_arn(cluster, CLUSTER_POLICY) not in policies:
        problem = f"{CLUSTER_POLICY} is not associated with the access entry of Batch"
        return [Finding(problem=problem, fix="allow the caller eks:AssociateAccessPolicy, then run setup_batch")]
    return []


def _node_findings(cluster: EksCluster, role_arn: str) -> list[Finding]:
    """What keeps a node out: an entry comes before aws-auth, which a cluster in mode API does not read at all."""
    entry = _node_entry(cluster, role_arn) if cluster.authentication_mode != "CONFIG_MAP" else None
    if entry and entry["type"] == NODE_TYPE:
        return []
    if entry:
        problem = f"the access entry of {role_arn} is of type {entry['type']}, and comes before aws-auth"
        return [Finding(problem=problem, fix=f"delete it; nodes need one of type {NODE_TYPE} (run setup_batch)")]
    if cluster.authentication_mode == "API":
        problem = f"{role_arn} has no access entry"
        return [Finding(problem=problem, fix=f"create one of type {NODE_TYPE} (run setup_batch)")]
    return _mapping_findings(cluster, node_role_mapping(role_arn))


def _node_entry(cluster: EksCluster, role_arn: str) -> dict[str, Any] | None:
    try:
        return describe_access_entry(cluster, role_arn)
    except ClientError as error:
        # Those who use aws-auth need no right to look at access entries.
        if error_code(error) in DENIED and cluster.authentication_mode != "API":
            return None
        raise


def _mapping_findings(cluster: EksCluster, wanted: RoleMapping) -> list[Finding]:
    fix = f"map {wanted.rolearn} to username {wanted.username}"
    fix += f" with groups {' and '.join(wanted.groups)}" if wanted.groups else ""
    try:
        document = read_aws_auth(cluster)
    except AwsAuthError as error:
        return [Finding(problem=str(error), fix="repair it by hand, then run setup_batch")]
    found, with_path = document.who_is(wanted.rolearn), document.never_matching(wanted.rolearn)
    if found and found.username == wanted.username and set(wanted.groups) <= set(found.groups):
        return []
    if found and found.username != wanted.username:
        problem = f"aws-auth maps {found.rolearn} to user {found.username!r} instead of {wanted.username!r}"
    elif found:
        problem = f"aws-auth maps {found.rolearn} without all of the groups {', '.join(wanted.groups)}"
    elif with_path:
        problem = f"aws-auth maps {with_path.rolearn}; with a path in it the entry never matches"
    else:
        problem = f"aws-auth does not map {wanted.rolearn}"
    return [Finding(problem=problem, fix=f"{fix} (run setup_batch)")]
