"""The access entry of Batch's service-linked role on a cluster: when Batch makes it, takes it away, or lets it be.

Source: User Guide, eks-access-entries (table and reconciliation across compute environments). Batch acts with the
caller's credentials; the sandbox evaluates no IAM policies, so that its caller may do all five `eks:` actions.
"""

from collections.abc import Collection

from sandbox.aws import iam
from sandbox.aws.access_entries import AccessEntries, new_entry
from sandbox.aws.access_policies import CLUSTER_POLICY
from sandbox.aws.batch.identifiers import Place
from sandbox.aws.batch.refusals import execution_exception
from sandbox.aws.eks import EksClusters


class ClusterEntry:
    """Batch's entries.

    Args:
        place: Batch's account and region.
        clusters: Tells the clusters' authentication modes.
        entries: The clusters' entries.
    """

    def __init__(self, place: Place, clusters: EksClusters, entries: AccessEntries) -> None:
        self._place = place
        self._clusters = clusters
        self._entries = entries

    def check(self, cluster: str, desired: str | None) -> None:
        """Refuse what would leave Batch without a way in.

        Raises:
            AwsError: DISABLED on a cluster that has nothing but access entries (our wording).
        """
        if desired == "DISABLED" and self._clusters.authentication_mode(cluster) == "API":
            raise execution_exception(
                "accessEntry desiredState can't be DISABLED: the authentication mode of the cluster is API"
            )

    def settle(self, cluster: str, asked: str | None, recorded: Collection[str | None]) -> None:
        """Make or take away the entry after a compute environment was created or updated.

        Args:
            cluster: Name of the cluster.
            asked: The desiredState that the call names, None if it names none.
            recorded: The desiredState of every compute environment on the cluster.
        """
        mode = self._clusters.authentication_mode(cluster)
        if mode == "API":
            self._make(cluster)
        elif mode == "API_AND_CONFIG_MAP" and asked is not None:
            if set(recorded) == {"ENABLED"}:
                self._make(cluster)
            elif set(recorded) == {"DISABLED"}:
                self._entries.remove(cluster, self._role_arn())

    def is_active(self, cluster: str) -> bool:
        """Whether the entry exists; that its policy is in effect is not said by that."""
        return (
            self._clusters.authentication_mode(cluster) != "CONFIG_MAP"
            and self._entries.get(cluster, self._role_arn()) is not None
        )

    def seconds_until_effective(self, cluster: str) -> float:
        """How long until what Batch changed can be seen to work."""
        return self._entries.seconds_until_effective(cluster)

    def _make(self, cluster: str) -> None:
        role = iam.ensure_service_linked_role(self._place.account)
        if self._entries.get(cluster, role.arn) is None:
            cluster_arn = f"arn:aws:eks:{self._place.region}:{self._place.account}:cluster/{cluster}"
            self._entries.put(cluster, new_entry(cluster_arn, role.arn, role.id))
        entry = self._entries.get(cluster, role.arn)
        if entry is not None and CLUSTER_POLICY not in entry.policies:
            self._entries.associate(cluster, role.arn, CLUSTER_POLICY, "cluster", ())

    def _role_arn(self) -> str:
        return f"arn:aws:iam::{self._place.account}:role{iam.ROLE_PATH}{iam.ROLE_NAME}"
