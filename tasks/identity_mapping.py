"""Step 4: IAM roles made known to the cluster through the aws-auth ConfigMap, which others write too."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kubernetes.client.exceptions import ApiException
from prefect.artifacts import create_markdown_artifact

from blocks.eks_cluster import EksCluster
from blocks.kubernetes_errors import status_reason
from blocks.operation_error import OperationError
from specs.aws_auth import AwsAuth, AwsAuthError
from specs.identity_mapping import RoleMapping
from tasks.outcome import Action, Change, Outcome
from tasks.ownership import OWNER, OWNER_LABEL, added_roles, with_added_roles
from tasks.step import step

NAME, NAMESPACE = "aws-auth", "kube-system"
LOST_RACES = 20


@step("identity mapping {mapping.username}")
def ensure_identity_mapping(cluster: EksCluster, mapping: RoleMapping, *, plan: bool = False) -> Outcome:
    """Map an IAM role to a Kubernetes user in aws-auth, touching no other byte of it.

    The document is written with the resourceVersion that was read; whoever loses a race reads again. Its previous
    text is kept in the artifact `aws-auth-before`. An annotation of the ConfigMap names the roles whose entries were
    added here, so that teardown knows them from those of others.

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
        held = read_map_roles(cluster)
        document = parsed(held.text)
        after = _mapped(document, mapping)
        if after == held.text:
            return _outcome(mapping, "unchanged", (), plan, document.warnings)
        added = [*held.added, *([] if document.who_is(mapping.rolearn) else [mapping.rolearn])]
        if not write_map_roles(cluster, held, after, added, plan=plan):
            continue
        action: Action = "created" if held.config_map is None else "updated"
        return _outcome(mapping, action, (_change(document, mapping),), plan, document.warnings)
    raise overtaken()


@dataclass(frozen=True)
class MapRoles:
    """The aws-auth ConfigMap as it was read.

    Attributes:
        text: Its mapRoles; None where there are none.
        added: ARNs of the roles whose entries these flows added.
        config_map: The ConfigMap; None where there is none.
    """

    text: str | None
    added: tuple[str, ...]
    config_map: Any

    @property
    def is_ours(self) -> bool:
        """Whether these flows made the ConfigMap itself."""
        labels = self.config_map.metadata.labels if self.config_map else None
        return bool((labels or {}).get(OWNER_LABEL) == OWNER)


def read_map_roles(cluster: EksCluster) -> MapRoles:
    """Read aws-auth."""
    try:
        config_map = cluster.core_v1.read_namespaced_config_map(NAME, NAMESPACE)
    except ApiException as error:
        if error.status == 404:
            return MapRoles(None, (), None)
        raise
    added = added_roles(config_map.metadata.annotations)
    return MapRoles((config_map.data or {}).get("mapRoles"), tuple(added), config_map)


def write_map_roles(cluster: EksCluster, held: MapRoles, text: str, added: Sequence[str], *, plan: bool) -> bool:
    """Write aws-auth with the resourceVersion that was read, and keep its previous text in an artifact.

    Args:
        cluster: Where.
        held: As it was read.
        text: The new mapRoles.
        added: ARNs of the roles whose entries these flows added, these ones included.
        plan: Have the server check it only.

    Returns:
        Whether it was written; False when somebody else was faster, after a moment's pause.
    """
    try:
        _write(cluster, held.config_map, text, added, {"dry_run": "All"} if plan else {})
    except ApiException as error:
        if status_reason(error) not in ("Conflict", "AlreadyExists"):
            raise
        time.sleep(random.uniform(0.01, 0.2))
        return False
    if not plan:
        keep_text(held.text)
    return True


def overtaken() -> OperationError:
    """The error when others write aws-auth without pause."""
    return OperationError(
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
    return AwsAuth.parse(read_map_roles(cluster).text)


def parsed(map_roles: str | None) -> AwsAuth:
    """Parse mapRoles.

    Raises:
        OperationError: If it cannot be parsed.
    """
    try:
        return AwsAuth.parse(map_roles)
    except AwsAuthError as error:
        raise refused(error) from error


def _mapped(document: AwsAuth, mapping: RoleMapping) -> str:
    try:
        return document.with_role(mapping)
    except AwsAuthError as error:
        raise refused(error) from error


def refused(error: AwsAuthError) -> OperationError:
    """The error for an aws-auth that was left as it is."""
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


def _write(cluster: EksCluster, config_map: Any, map_roles: str, added: Sequence[str], options: dict[str, str]) -> None:
    if config_map is None:
        metadata = {"name": NAME, "namespace": NAMESPACE, "labels": {OWNER_LABEL: OWNER}}
        metadata["annotations"] = with_added_roles(None, added)
        body = {"metadata": metadata, "data": {"mapRoles": map_roles}}
        cluster.core_v1.create_namespaced_config_map(NAMESPACE, body, **options)
        return
    config_map.data = {**(config_map.data or {}), "mapRoles": map_roles}
    config_map.metadata.annotations = with_added_roles(config_map.metadata.annotations, added)
    cluster.core_v1.replace_namespaced_config_map(NAME, NAMESPACE, config_map, **options)


def keep_text(before: str | None) -> None:
    """Keep the text of mapRoles in the run's artifact `aws-auth-before`."""
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
