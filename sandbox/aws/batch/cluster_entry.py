"""The access entry of Batch's service-linked role on a cluster: when Batch makes it, takes it away, or lets it be.

Source: User Guide, eks-access-entries (table and reconciliation across compute environments). Batch acts with the
caller's credentials, and the caller "must be allowed to perform" five `eks:` actions; all of them are asked for before
anything is made or taken away. What becomes of an entry where a part of them is allowed is not played.
"""

from collections.abc import Collection, Iterator

from sandbox.aws import iam
from sandbox.aws.access_entries import AccessEntries, new_entry
from sandbox.aws.access_policies import CLUSTER_POLICY
from sandbox.aws.authorization.enforcement import Enforcement
from sandbox.aws.authorization.policy import AuthorizationRequest
from sandbox.aws.authorization.requests import requests_of
from sandbox.aws.authorization.resources import Place as AuthorizationPlace
from sandbox.aws.batch.identifiers import Place
from sandbox.aws.batch.refusals import execution_exception
from sandbox.aws.eks import EksClusters

_OPERATIONS = (
    "DescribeCluster",
    "DescribeAccessEntry",
    "CreateAccessEntry",
    "AssociateAccessPolicy",
    "DeleteAccessEntry",
)
_ASSOCIATION = {"policyArn": CLUSTER_POLICY, "accessScope": {"type": "cluster"}}


class ClusterEntry:
    """Batch's entries.

    Args:
        place: Batch's account and region.
        clusters: Tells the clusters' authentication modes.
        entries: The clusters' entries.
        enforcement: Asked for the caller's rights.
    """

    def __init__(self, place: Place, clusters: EksClusters, entries: AccessEntries, enforcement: Enforcement) -> None:
        self._place = place
        self._clusters = clusters
        self._entries = entries
        self._enforcement = enforcement

    def check(self, cluster: str, desired: str | None) -> None:
        """Refuse what would leave Batch without a way in.

        Raises:
            AwsError: DISABLED on a cluster that has nothing but access entries (our wording).
            Denied: The caller may not do what Batch does in its name.
        """
        mode = self._clusters.authentication_mode(cluster)
        if desired == "DISABLED" and mode == "API":
            raise execution_exception(
                "accessEntry desiredState can't be DISABLED: the authentication mode of the cluster is API"
            )
        if mode == "API" or (mode == "API_AND_CONFIG_MAP" and desired in ("ENABLED", "DISABLED")):
            self._enforcement.require(self._asked_of_caller(cluster))

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

    def _asked_of_caller(self, cluster: str) -> Iterator[AuthorizationRequest]:
        place = AuthorizationPlace(self._place.account, self._place.region)
        for operation in _OPERATIONS:
            parameters = {"name": cluster, "principalArn": self._role_arn(), **_ASSOCIATION}
            yield from requests_of("eks", operation, parameters, place)

    def _role_arn(self) -> str:
        return f"arn:aws:iam::{self._place.account}:role{iam.ROLE_PATH}{iam.ROLE_NAME}"
