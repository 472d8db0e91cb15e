"""Looking into the cluster: CoreDNS, and what the worker itself may do there."""

from collections.abc import Iterable

from kubernetes.client.exceptions import ApiException

from blocks.eks_cluster import EksCluster
from specs.job_identity import ROLE_ANNOTATION
from specs.preflight.facts import CoreDns, KubernetesRight, WorkerRights
from specs.preflight.kubernetes_rights import escalation_rights, granted_rights, setup_rights
from tasks.preflight.identity import CNI_ACCOUNT, CNI_NAMESPACE


def look_at_core_dns(cluster: EksCluster) -> CoreDns:
    """The cluster's DNS."""
    try:
        deployment = cluster.apps_v1.read_namespaced_deployment("coredns", "kube-system")
    except ApiException as error:
        if error.status != 404:
            raise
        return CoreDns(None)
    return CoreDns(deployment.spec.replicas)


def look_at_rights(cluster: EksCluster, namespace: str, *, service_accounts: bool) -> WorkerRights:
    """What the worker may do, asked of the cluster with SelfSubjectAccessReview, which everybody may send.

    Args:
        cluster: Where.
        namespace: Batch's namespace.
        service_accounts: Whether the jobs get one of their own.
    """
    aws_auth = mapping_in_use(cluster) == "aws-auth"
    is_there = _is_there(cluster, namespace)
    wanted = setup_rights(namespace, aws_auth=aws_auth, service_accounts=service_accounts, is_there=is_there)
    no_escalation = _denied(cluster, escalation_rights(namespace))
    return WorkerRights(
        denied=_denied(cluster, wanted),
        no_escalation=no_escalation,
        not_held=_denied(cluster, granted_rights(namespace)) if no_escalation else (),
    )


def mapping_in_use(cluster: EksCluster) -> str:
    """How identities are going to be mapped, whether or not the block's choice and the cluster's mode agree."""
    mode = cluster.description.get("accessConfig", {}).get("authenticationMode", "CONFIG_MAP")
    return "access-entry" if cluster.identity_mapping == "access-entry" or mode == "API" else "aws-auth"


def cni_has_annotated_role(cluster: EksCluster) -> bool:
    """Whether the VPC CNI's service account names a role of its own; no answer counts as no."""
    try:
        account = cluster.core_v1.read_namespaced_service_account(CNI_ACCOUNT, CNI_NAMESPACE)
    except ApiException:
        return False
    return ROLE_ANNOTATION in (account.metadata.annotations or {})


def _is_there(cluster: EksCluster, namespace: str) -> bool:
    """Whether a namespace can be seen."""
    try:
        cluster.core_v1.read_namespace(namespace)
    except ApiException as error:
        if error.status not in (403, 404):
            raise
        return False
    return True


def _denied(cluster: EksCluster, rights: Iterable[KubernetesRight]) -> tuple[KubernetesRight, ...]:
    return tuple(right for right in rights if not _is_allowed(cluster, right))


def _is_allowed(cluster: EksCluster, right: KubernetesRight) -> bool:
    resource, _, subresource = right.resource.partition("/")
    where = {"namespace": right.namespace, "name": right.name}
    what = {"verb": right.verb, "group": right.group, "resource": resource, "subresource": subresource}
    review = {"spec": {"resourceAttributes": what | where}}
    return bool(cluster.authorization_v1.create_self_subject_access_review(review).status.allowed)
