"""Deletes the EKS Pod Identity association of the jobs' service account."""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from blocks.aws_errors import error_code
from blocks.eks_cluster import EksCluster
from tasks.cluster_users import users_of_cluster
from tasks.outcome import Outcome
from tasks.ownership import has_aws_mark
from tasks.pod_identity_association import PodIdentityAssociation, find_association
from tasks.removal import Removable


class PodIdentityAssociationRemoval(Removable):
    """An association to be deleted; its role is not ours and stays.

    Args:
        cluster: Where.
        account: The service account.
        namespace: Its namespace.
    """

    step = PodIdentityAssociation.step

    def __init__(self, cluster: EksCluster, account: str, namespace: str) -> None:
        super().__init__(account)
        self._cluster = cluster
        self._namespace = namespace

    def observe(self) -> dict[str, Any] | None:
        """What DescribePodIdentityAssociation answers."""
        return find_association(self._cluster, self._namespace, self.name)

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether it carries our tag."""
        return has_aws_mark(observed)

    def reason_to_keep(self, observed: Mapping[str, Any], after: Sequence[Outcome]) -> str:
        """Jobs of other compute environments in the namespace may act as its role."""
        users = users_of_cluster(self._cluster, after, self._namespace)
        return f"{', '.join(users)} needs it" if users else ""

    def advance(self, observed: Mapping[str, Any]) -> None:
        """Delete it; one that is gone already is looked at again, since EKS shows changes after some seconds."""
        try:
            self._cluster.eks.delete_pod_identity_association(
                clusterName=self._cluster.cluster_name, associationId=observed["associationId"]
            )
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its ARN."""
        return str(observed["associationArn"])
