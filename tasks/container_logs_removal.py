"""Deletes the add-on that ships logs, once Batch is no longer on the cluster."""

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.eks_cluster import EksCluster
from specs.addon import CLOUDWATCH
from tasks.addon import describe_addon
from tasks.cloudwatch_log import log_group
from tasks.cluster_users import users_of_cluster
from tasks.container_logs import ContainerLogs
from tasks.outcome import Outcome
from tasks.ownership import has_aws_mark
from tasks.removal import Removable


class ContainerLogsRemoval(Removable):
    """The add-on to be deleted; what it has shipped stays in CloudWatch."""

    step = ContainerLogs.step

    def __init__(self, cluster: EksCluster) -> None:
        super().__init__(CLOUDWATCH)
        self._cluster = cluster

    def observe(self) -> dict[str, Any] | None:
        """What DescribeAddon answers."""
        return describe_addon(self._cluster, self.name)

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether it carries our tag."""
        return has_aws_mark(observed)

    def reason_to_keep(self, observed: Mapping[str, Any], after: Sequence[Outcome]) -> str:
        """Jobs of other compute environments leave their logs by it."""
        users = users_of_cluster(self._cluster, after)
        return f"{', '.join(users)} needs it" if users else ""

    def advance(self, observed: Mapping[str, Any]) -> None:
        """Delete it, unless that is under way."""
        if observed["status"] != "DELETING":
            self._cluster.eks.delete_addon(clusterName=self._cluster.cluster_name, addonName=self.name)

    def note(self) -> str:
        """Its log groups stay."""
        return f"The CloudWatch log group {log_group(self._cluster)} and those beside it stay, with the logs in them"

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its ARN."""
        return str(observed["addonArn"])
