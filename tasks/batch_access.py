"""Why Batch cannot use a cluster: each thing that it needs there, asked of the cluster itself."""

from typing import Any

from kubernetes.client.exceptions import ApiException
from pydantic import BaseModel, ConfigDict

from blocks.eks_cluster import EksCluster
from specs.identity_mapping import BATCH_USER, batch_role_mapping
from specs.rbac import batch_cluster_role, batch_namespace_role
from tasks.identity_mapping import role_mappings


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
    findings = _namespace_findings(cluster, namespace) + _mapping_findings(cluster)
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


def _mapping_findings(cluster: EksCluster) -> list[Finding]:
    wanted = batch_role_mapping(cluster.account_id, cluster.partition)
    role = wanted.rolearn.rsplit("/", 1)[-1]
    named = [mapping for mapping in role_mappings(cluster) if mapping.rolearn.rsplit("/", 1)[-1] == role]
    if any(mapping.rolearn == wanted.rolearn and mapping.username == BATCH_USER for mapping in named):
        return []
    if not named:
        problem = f"aws-auth does not map {wanted.rolearn}"
    elif all(mapping.rolearn != wanted.rolearn for mapping in named):
        problem = f"aws-auth maps {named[0].rolearn}; with a path in it the entry never matches"
    else:
        problem = f"aws-auth maps {wanted.rolearn} to user {named[0].username!r} instead of {BATCH_USER!r}"
    return [Finding(problem=problem, fix=f"map {wanted.rolearn} to username {BATCH_USER} (run setup_batch)")]
