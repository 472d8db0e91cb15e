"""Deletes the access entries that these flows gave to roles of nodes, once no compute environment has such nodes."""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from blocks.aws_errors import DENIED, error_code
from blocks.eks_cluster import EksCluster
from tasks.cluster_users import nodes_with_role
from tasks.node_access_entry import NODE_TYPE, describe_access_entry
from tasks.outcome import Outcome
from tasks.ownership import has_aws_mark
from tasks.removal import Removable
from tasks.step import step


class NodeAccessEntryRemoval(Removable):
    """The access entry of a node role, to be deleted."""

    step = "node access entry"

    def __init__(self, cluster: EksCluster, role_arn: str) -> None:
        super().__init__(role_arn.rpartition("/")[2])
        self._cluster = cluster
        self._role_arn = role_arn

    def observe(self) -> dict[str, Any] | None:
        """What DescribeAccessEntry answers."""
        return describe_access_entry(self._cluster, self._role_arn)

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether it carries our tag."""
        return has_aws_mark(observed)

    def reason_to_keep(self, observed: Mapping[str, Any], after: Sequence[Outcome]) -> str:
        """Nodes of other compute environments have the role."""
        del observed
        users = nodes_with_role(self._cluster, self._role_arn, after)
        return f"{', '.join(users)} on this cluster needs it" if users else ""

    def advance(self, observed: Mapping[str, Any]) -> None:
        """Delete it."""
        del observed
        try:
            self._cluster.eks.delete_access_entry(clusterName=self._cluster.cluster_name, principalArn=self._role_arn)
        except ClientError as error:
            # Deleted by somebody else in between.
            if error_code(error) != "ResourceNotFoundException":
                raise

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its ARN."""
        return str(observed["accessEntryArn"])


@step("node roles with access entries on {cluster.cluster_name}")
def node_entries_to_remove(cluster: EksCluster) -> list[str]:
    """ARNs of the roles that these flows gave an entry for nodes, whatever the platform says by now.

    Args:
        cluster: Where.
    """
    if cluster.authentication_mode == "CONFIG_MAP":
        return []
    pages = cluster.eks.get_paginator("list_access_entries").paginate(clusterName=cluster.cluster_name)
    try:
        principals = [arn for page in pages for arn in page["accessEntries"]]
    except ClientError as error:
        # Those who take down aws-auth need no right to look at access entries.
        if error_code(error) in DENIED and cluster.authentication_mode != "API":
            return []
        raise
    entries = {arn: describe_access_entry(cluster, arn) for arn in principals if ":role/aws-service-role/" not in arn}
    return [arn for arn, entry in entries.items() if entry and entry["type"] == NODE_TYPE and has_aws_mark(entry)]
