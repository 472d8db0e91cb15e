"""Step 4, with access entries: the role of Batch's nodes made known to the cluster."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from blocks.aws_errors import error_code
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.outcome import Action, Change, Outcome
from tasks.ownership import OWNER, OWNER_TAG, has_aws_mark
from tasks.reconcile import Resource, reconcile
from tasks.step import step

NODE_TYPE = "EC2_LINUX"


class NodeAccessEntry(Resource):
    """The access entry of a node role; EKS gives it user name, group and rights by its type."""

    step = "node access entry"

    def __init__(self, cluster: EksCluster, role_arn: str) -> None:
        super().__init__(role_arn.rpartition("/")[2])
        self._cluster = cluster
        self._role_arn = role_arn

    def observe(self) -> dict[str, Any] | None:
        """What DescribeAccessEntry answers.

        Raises:
            OperationError: If the role has an entry of another type, which cannot be changed.
        """
        found = describe_access_entry(self._cluster, self._role_arn)
        if found and found["type"] != NODE_TYPE:
            raise OperationError(
                f"access entry of {self._role_arn}",
                f"its type is {found['type']}",
                f"nodes join with an entry of type {NODE_TYPE}, and the type of an entry cannot be changed",
                f"delete it (aws eks delete-access-entry --cluster-name {self._cluster.cluster_name} --principal-arn "
                f"{self._role_arn}) if nobody needs it, or give the nodes another role; then run again",
            )
        return found

    def wanted(self, *, marked: bool) -> dict[str, Any]:
        """The CreateAccessEntry document. No access policy: those are for entries of type STANDARD only."""
        document = {"principalArn": self._role_arn, "type": NODE_TYPE}
        return {**document, "tags": {OWNER_TAG: OWNER}} if marked else document

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether it carries our tag."""
        return has_aws_mark(observed)

    def create(self) -> None:
        """Create it; the caller needs `iam:PassRole` for the role."""
        self._cluster.eks.create_access_entry(clusterName=self._cluster.cluster_name, **self.wanted(marked=True))

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Never needed: what can differ cannot be changed, and `observe` refuses it."""
        raise NotImplementedError(f"{observed['accessEntryArn']}: {changes}")

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its ARN."""
        return str(observed["accessEntryArn"])


@step("node access entry {role_arn}")
def ensure_node_access_entry(cluster: EksCluster, role_arn: str, *, plan: bool = False) -> Outcome:
    """Give the node role an access entry, unless it has one: without it no node joins, and jobs stay RUNNABLE.

    Args:
        cluster: Where.
        role_arn: The role in the nodes' instance profile.
        plan: Report only.

    Raises:
        OperationError: If it has an entry of another type, or EKS refuses.
    """
    return reconcile(NodeAccessEntry(cluster, role_arn), plan=plan)


def describe_access_entry(cluster: EksCluster, principal_arn: str) -> dict[str, Any] | None:
    """The access entry of a principal; None where there is none."""
    try:
        found = cluster.eks.describe_access_entry(clusterName=cluster.cluster_name, principalArn=principal_arn)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return None
        raise
    return dict(found["accessEntry"])
