"""Looking at what the jobs' own identity and their logs in CloudWatch rely on."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from kubernetes.client.exceptions import ApiException

from blocks.aws_errors import DENIED, error_code
from blocks.eks_cluster import EksCluster
from specs.addon import CLOUDWATCH, POD_IDENTITY_AGENT
from specs.job_identity import ROLE_ANNOTATION, JobIdentitySpec
from specs.preflight.optional_parts import Addon, ContainerLogs, JobIdentity
from tasks.addon import describe_addon
from tasks.kubernetes_object import KubernetesObject
from tasks.ownership import left_out_metadata
from tasks.pod_identity_association import find_association


def look_at_job_identity(
    cluster: EksCluster, spec: JobIdentitySpec, namespace: str, *, iam_answers: bool
) -> JobIdentity:
    """What the pods of the jobs' service account rely on to get their role.

    Args:
        cluster: Where.
        spec: Service account, role, and how pods get it.
        namespace: Batch's namespace.
        iam_answers: Whether IAM is reached, which private VPCs outside us-east-1 have no endpoint for.
    """
    issuer = cluster.description.get("identity", {}).get("oidc", {}).get("issuer", "").removeprefix("https://")
    provider = f"arn:{cluster.partition}:iam::{cluster.account_id}:oidc-provider/{issuer}"
    by_pod_identity = spec.provider == "pod-identity"
    found, trust = _role(cluster, spec, iam_answers=iam_answers)
    exists, audiences = _oidc_provider(cluster, provider) if iam_answers and not by_pod_identity else (None, ())
    return JobIdentity(
        cluster=cluster.cluster_name,
        role=spec.role_arn,
        account=f"{namespace}/{spec.service_account}",
        assumption=spec.assumption(cluster.arn, provider, namespace),
        role_found=found,
        trust=trust,
        agent=_agent(cluster) if by_pod_identity else None,
        provider_found=exists,
        provider_audiences=audiences,
        other_identity=_annotation(cluster, spec, namespace)
        if by_pod_identity
        else _association(cluster, spec, namespace),
    )


def look_at_container_logs(cluster: EksCluster) -> ContainerLogs:
    """What the add-on that ships logs relies on.

    Args:
        cluster: Where.
    """
    addon = describe_addon(cluster, CLOUDWATCH) or {}
    return ContainerLogs(bool(addon.get("serviceAccountRoleArn") or addon.get("podIdentityAssociations")))


def _role(cluster: EksCluster, spec: JobIdentitySpec, *, iam_answers: bool) -> tuple[str | None, Mapping[str, Any]]:
    """ARN and trust policy of the role of this name in the cluster's account.

    EKS Pod Identity takes no role of another account (EKS user guide, pod-identities); IRSA does, unseen from here.
    """
    if spec.role_arn.split(":")[4] != cluster.account_id:
        return "" if spec.provider == "pod-identity" else None, {}
    if not iam_answers:
        return None, {}
    try:
        role = cluster.iam.get_role(RoleName=spec.role_arn.rpartition("/")[2])["Role"]
    except ClientError as error:
        if error_code(error) == "NoSuchEntity":
            return "", {}
        if error_code(error) in DENIED:
            return None, {}
        raise
    trust: Any = role["AssumeRolePolicyDocument"]
    return role["Arn"], trust


def _oidc_provider(cluster: EksCluster, arn: str) -> tuple[bool | None, tuple[str, ...]]:
    try:
        found = cluster.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    except ClientError as error:
        if error_code(error) == "NoSuchEntity":
            return False, ()
        if error_code(error) in DENIED:
            return None, ()
        raise
    return True, tuple(found["ClientIDList"])


def _agent(cluster: EksCluster) -> Addon | None:
    found = describe_addon(cluster, POD_IDENTITY_AGENT)
    if found is None:
        return None
    return Addon(found["addonName"], found["addonVersion"], found["status"], found.get("configurationValues", ""))


def _annotation(cluster: EksCluster, spec: JobIdentitySpec, namespace: str) -> str:
    """A role that IRSA gives the account; an annotation that an earlier spec of ours set goes by itself."""
    manifest = spec.manifest(namespace)
    try:
        account = KubernetesObject(cluster.core_v1, manifest).read() or {}
    except ApiException as error:
        if error.status != 403:
            raise
        return ""
    role = (account.get("metadata", {}).get("annotations") or {}).get(ROLE_ANNOTATION)
    is_going = ("annotations", ROLE_ANNOTATION) in left_out_metadata(manifest, account)
    if not role or is_going:
        return ""
    return f"its annotation {ROLE_ANNOTATION} names {role}, which these flows did not write"


def _association(cluster: EksCluster, spec: JobIdentitySpec, namespace: str) -> str:
    found = find_association(cluster, namespace, spec.service_account)
    if found is None:
        return ""
    return (
        f"an EKS Pod Identity association with {found['roleArn']} (aws eks delete-pod-identity-association "
        f"--cluster-name {cluster.cluster_name} --association-id {found['associationId']})"
    )
