"""Takes out of aws-auth what these flows added to it, once nobody on the cluster needs it any more."""

from collections.abc import Sequence
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from blocks.eks_cluster import EksCluster
from blocks.kubernetes_errors import status_reason
from specs.aws_auth import AwsAuth, AwsAuthError
from specs.identity_mapping import RoleMapping, batch_role_mapping, node_role_mapping
from tasks.cluster_users import nodes_with_role, users_of_cluster
from tasks.identity_mapping import (
    LOST_RACES,
    NAME,
    NAMESPACE,
    MapRoles,
    keep_text,
    overtaken,
    parsed,
    read_map_roles,
    refused,
    write_map_roles,
)
from tasks.outcome import Action, Outcome
from tasks.step import step


@step("roles that were mapped on {cluster.cluster_name}")
def mappings_to_remove(cluster: EksCluster) -> list[RoleMapping]:
    """Batch's own mapping, and those of other roles that these flows added, nodes' roles all of them.

    Args:
        cluster: Where.
    """
    batch = batch_role_mapping(cluster.account_id, cluster.partition)
    others = [arn for arn in read_map_roles(cluster).added if arn != batch.rolearn]
    return [batch, *map(node_role_mapping, others)]


@step("removal of identity mapping {mapping.username}")
def remove_identity_mapping(
    cluster: EksCluster, mapping: RoleMapping, after: Sequence[Any] = (), *, plan: bool = False
) -> Outcome:
    """Take an entry out of aws-auth, touching no other byte, if these flows added it and nobody needs it.

    A ConfigMap that these flows made goes with its last entry.

    Args:
        cluster: Where.
        mapping: The entry as it was added.
        after: Outcomes of what is removed before, or the futures that give them: a compute environment among them does
            not need the entry any more.
        plan: Report only.

    Raises:
        OperationError: If the entry cannot be taken out without touching others, or the API server refuses.
    """
    for _ in range(LOST_RACES):
        held = read_map_roles(cluster)
        document = parsed(held.text)
        if document.who_is(mapping.rolearn) is None:
            return _outcome(mapping, "absent", plan=plan)
        reason = _reason_to_keep(cluster, held, document, mapping, after)
        if reason:
            return _outcome(mapping, "kept", reason, plan=plan)
        left = _without(document, mapping)
        added = [arn for arn in held.added if arn != mapping.rolearn]
        if held.is_ours and not AwsAuth.parse(left).role_mappings and set(held.config_map.data) == {"mapRoles"}:
            if plan or _delete(cluster, held):
                return _outcome(mapping, "deleted", plan=plan)
        elif write_map_roles(cluster, held, left, added, plan=plan):
            return _outcome(mapping, "deleted", plan=plan)
    raise overtaken()


def _reason_to_keep(
    cluster: EksCluster, held: MapRoles, document: AwsAuth, mapping: RoleMapping, after: Sequence[Outcome]
) -> str:
    if mapping.rolearn not in held.added:
        return "these flows did not add it"
    if _without(document, mapping) == document.text:
        return "somebody has changed it since these flows added it"
    is_batch = mapping == batch_role_mapping(cluster.account_id, cluster.partition)
    users = users_of_cluster(cluster, after) if is_batch else nodes_with_role(cluster, mapping.rolearn, after)
    return f"{', '.join(users)} on this cluster needs it" if users else ""


def _without(document: AwsAuth, mapping: RoleMapping) -> str:
    try:
        return document.without_role(mapping)
    except AwsAuthError as error:
        raise refused(error) from error


def _delete(cluster: EksCluster, held: MapRoles) -> bool:
    """Delete the ConfigMap as it was read; False when somebody else has changed it."""
    metadata = held.config_map.metadata
    seen = client.V1Preconditions(uid=metadata.uid, resource_version=metadata.resource_version)
    try:
        cluster.core_v1.delete_namespaced_config_map(NAME, NAMESPACE, body=client.V1DeleteOptions(preconditions=seen))
    except ApiException as error:
        if status_reason(error) != "Conflict":
            raise
        return False
    keep_text(held.text)
    return True


def _outcome(mapping: RoleMapping, action: Action, note: str = "", *, plan: bool) -> Outcome:
    return Outcome(
        step="identity mapping",
        name=mapping.username,
        action=action,
        planned=plan,
        identifier=mapping.rolearn,
        note=note,
    )
