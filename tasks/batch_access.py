"""Why Batch cannot use a cluster: each thing that it needs there, asked of the cluster itself."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from kubernetes.client.exceptions import ApiException
from pydantic import BaseModel, ConfigDict

from blocks.eks_cluster import EksCluster
from specs.aws_auth import AwsAuthError
from specs.identity_mapping import BATCH_USER, RoleMapping, batch_role_mapping, node_role_mapping
from specs.rbac import batch_cluster_role, batch_namespace_role
from tasks.identity_mapping import read_aws_auth


class Finding(BaseModel):
    """One thing that Batch lacks in the cluster."""

    model_config = ConfigDict(frozen=True)

    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.problem} (fix: {self.fix})"


def missing_access(cluster: EksCluster, namespace: str) -> list[Finding]:
    """Ask the cluster for everything that Batch's health check needs.

    The rights are asked with SubjectAccessReview as user `aws-batch`, verb by verb, as the troubleshooting page does
    with `kubectl auth can-i --as=aws-batch`
    (https://docs.aws.amazon.com/batch/latest/userguide/batch_eks_rbac.html).

    Args:
        cluster: Where.
        namespace: Batch's namespace.

    Returns:
        What is missing; empty where all is there.
    """
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
    return [finding for role in roles for finding in _mapping_findings(cluster, node_role_mapping(role))]


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
