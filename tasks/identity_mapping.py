"""Step 4: IAM roles made known to the cluster through the aws-auth ConfigMap, which others write too."""

import random
import time
from collections.abc import Sequence
from typing import Any

from kubernetes.client.exceptions import ApiException
from prefect.artifacts import create_markdown_artifact

from blocks.eks_cluster import EksCluster
from blocks.kubernetes_errors import status_reason
from blocks.operation_error import OperationError
from specs.aws_auth import AwsAuth, AwsAuthError
from specs.identity_mapping import RoleMapping
from tasks.outcome import Action, Change, Outcome
from tasks.step import step

NAME, NAMESPACE = "aws-auth", "kube-system"
LOST_RACES = 20


@step("identity mapping {mapping.username}")
def ensure_identity_mapping(cluster: EksCluster, mapping: RoleMapping, *, plan: bool = False) -> Outcome:
    """Map an IAM role to a Kubernetes user in aws-auth, touching no other byte of it.

    The document is written with the resourceVersion that was read; whoever loses a race reads again. Its previous
    text is kept in the artifact `aws-auth-before`.

    Args:
        cluster: Where.
        mapping: The role, its path stripped, with the user and groups it stands for.
        plan: Report only.

    Raises:
        OperationError: If the cluster does not read aws-auth, if its text does not parse (it is then left as it
            is), or if the API server refuses.
    """
    if cluster.authentication_mode == "API":
        raise OperationError(
            f"identity mapping {mapping.rolearn}",
            f"the authentication mode of cluster {cluster.cluster_name} is API",
            "a cluster in this mode does not read aws-auth",
            "give the role an access entry (setup_batch does), with identity_mapping of the EKS Cluster block at auto",
        )
    for _ in range(LOST_RACES):
        config_map = _read(cluster)
        before = ((config_map or {}).get("data") or {}).get("mapRoles")
        document = _parsed(before)
        after = _mapped(document, mapping)
        if after == before:
            return _outcome(mapping, "unchanged", (), plan, document.warnings)
        try:
            _write(cluster, config_map, after, plan)
        except ApiException as error:
            if status_reason(error) not in ("Conflict", "AlreadyExists"):
                raise
            time.sleep(random.uniform(0.01, 0.2))
            continue
        if not plan:
            _keep(before)
        action: Action = "created" if config_map is None else "updated"
        return _outcome(mapping, action, (_change(document, mapping),), plan, document.warnings)
    raise OperationError(
        f"ConfigMap {NAMESPACE}/{NAME}",
        f"{LOST_RACES} writes in a row were overtaken",
        "somebody writes it without pause",
        "find the writer (a controller or an infrastructure tool in a loop) and run again",
        can_heal=True,
    )


def read_aws_auth(cluster: EksCluster) -> AwsAuth:
    """What the cluster's aws-auth says now; nothing where it is absent.

    Raises:
        AwsAuthError: If it cannot be parsed; the cluster then ignores it.
    """
    return AwsAuth.parse(((_read(cluster) or {}).get("data") or {}).get("mapRoles"))


def _parsed(map_roles: str | None) -> AwsAuth:
    try:
        return AwsAuth.parse(map_roles)
    except AwsAuthError as error:
        raise _refused(error) from error


def _mapped(document: AwsAuth, mapping: RoleMapping) -> str:
    try:
        return document.with_role(mapping)
    except AwsAuthError as error:
        raise _refused(error) from error


def _refused(error: AwsAuthError) -> OperationError:
    return OperationError(
        f"ConfigMap {NAMESPACE}/{NAME}",
        str(error),
        "its mapRoles is not a list of mappings that can be changed without touching what others wrote",
        f"repair it by hand (kubectl edit configmap {NAME} -n {NAMESPACE}); it was left as it is",
    )


def _change(document: AwsAuth, mapping: RoleMapping) -> Change:
    """The entry as it was and as it is; the whole previous text is in the artifact."""
    before = document.who_is(mapping.rolearn)
    observed = f"{before.username} {list(before.groups)}" if before else None
    return Change(field=mapping.rolearn, observed=observed, wanted=f"{mapping.username} {list(mapping.groups)}")


def _read(cluster: EksCluster) -> dict[str, Any] | None:
    try:
        config_map = cluster.core_v1.read_namespaced_config_map(NAME, NAMESPACE)
    except ApiException as error:
        if error.status == 404:
            return None
        raise
    return {"data": config_map.data, "resource_version": config_map.metadata.resource_version, "object": config_map}


def _write(cluster: EksCluster, config_map: dict[str, Any] | None, map_roles: str, plan: bool) -> None:
    options = {"dry_run": "All"} if plan else {}
    if config_map is None:
        body = {"metadata": {"name": NAME, "namespace": NAMESPACE}, "data": {"mapRoles": map_roles}}
        cluster.core_v1.create_namespaced_config_map(NAMESPACE, body, **options)
        return
    changed = config_map["object"]
    changed.data = {**(changed.data or {}), "mapRoles": map_roles}
    cluster.core_v1.replace_namespaced_config_map(NAME, NAMESPACE, changed, **options)


def _keep(before: str | None) -> None:
    create_markdown_artifact(
        f"The text of `mapRoles` in `{NAMESPACE}/{NAME}` before it was changed:\n\n```yaml\n{before or ''}\n```",
        key="aws-auth-before",
        description="aws-auth as it was before this run changed it.",
    )


def _outcome(
    mapping: RoleMapping, action: Action, changes: tuple[Change, ...], plan: bool, warnings: Sequence[str]
) -> Outcome:
    return Outcome(
        step="identity mapping",
        name=mapping.username,
        action=action,
        changes=changes,
        planned=plan,
        identifier=mapping.rolearn,
        note="; ".join(warnings),
    )
