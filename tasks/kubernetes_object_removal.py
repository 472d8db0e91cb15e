"""Deletes an object of the cluster, if it is ours and no compute environment needs it."""

from collections.abc import Mapping, Sequence
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from blocks.eks_cluster import EksCluster
from blocks.kubernetes_errors import status_reason
from tasks.cluster_users import users_of_cluster
from tasks.kubernetes_object import KubernetesObject
from tasks.outcome import Outcome
from tasks.ownership import has_kubernetes_mark
from tasks.removal import Removable


class KubernetesObjectRemoval(Removable):
    """An object to be deleted; one in a namespace is needed by the compute environments of that namespace only.

    Args:
        cluster: Where.
        api: The typed API that serves its kind, such as `cluster.rbac_v1`.
        manifest: The document that it was made from.
        namespace: The namespace whose compute environments need it; empty for all of the cluster.
    """

    def __init__(self, cluster: EksCluster, api: Any, manifest: Mapping[str, Any], namespace: str = "") -> None:
        self._object = KubernetesObject(api, manifest)
        self.step = self._object.step
        super().__init__(self._object.name)
        self.cluster = cluster
        self.namespace = namespace

    def observe(self) -> dict[str, Any] | None:
        """The object as the API server holds it, also while it is being deleted."""
        return self._object.read()

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether it carries our label."""
        return has_kubernetes_mark(observed)

    def reason_to_keep(self, observed: Mapping[str, Any], after: Sequence[Outcome]) -> str:
        """Other compute environments need it."""
        users = users_of_cluster(self.cluster, after, self.namespace)
        return f"{', '.join(users)} needs it" if users else ""

    def advance(self, observed: Mapping[str, Any]) -> None:
        """Delete it as it was read, unless that is under way."""
        metadata = observed["metadata"]
        if metadata.get("deletionTimestamp"):
            return
        seen = client.V1Preconditions(uid=metadata["uid"], resource_version=metadata["resourceVersion"])
        try:
            self._object.delete(client.V1DeleteOptions(preconditions=seen))
        except ApiException as error:
            # Changed or deleted by somebody else in between: it is looked at again.
            if status_reason(error) not in ("Conflict", "NotFound"):
                raise
