"""Deletes the EKS Pod Identity associations that these flows made in a namespace which is given up."""

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.eks_cluster import EksCluster
from tasks.cluster_users import users_of_cluster
from tasks.outcome import Outcome
from tasks.ownership import has_aws_mark
from tasks.pod_identity_association import associations_in
from tasks.pod_identity_association_removal import PodIdentityAssociationRemoval
from tasks.removal import Removable


class FormerAssociationsRemoval(Removable):
    """The associations of ours in a namespace, whose service accounts go with it.

    They cannot be moved to another namespace (EKS API Reference, UpdatePodIdentityAssociation), and those that stayed
    would give their role to service accounts of the same names that somebody makes later.

    Args:
        cluster: Where.
        namespace: The namespace.
    """

    step = "pod identity associations of namespace"

    def __init__(self, cluster: EksCluster, namespace: str) -> None:
        super().__init__(namespace)
        self._cluster = cluster

    def observe(self) -> dict[str, Any] | None:
        """What DescribePodIdentityAssociation answers of those with our tag; None where there are none."""
        ours = [found for found in associations_in(self._cluster, self.name) if has_aws_mark(found)]
        return {"associations": ours} if ours else None

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Those of others are not even observed."""
        del observed
        return True

    def reason_to_keep(self, observed: Mapping[str, Any], after: Sequence[Outcome]) -> str:
        """Jobs of other compute environments in the namespace may act as their roles."""
        del observed
        users = users_of_cluster(self._cluster, after, self.name)
        return f"{', '.join(users)} needs them" if users else ""

    def advance(self, observed: Mapping[str, Any]) -> None:
        """Delete the first."""
        first = observed["associations"][0]
        PodIdentityAssociationRemoval(self._cluster, first["serviceAccount"], self.name).advance(first)

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Their ARNs."""
        return " ".join(found["associationArn"] for found in observed["associations"])
