"""Deletes the compute environment, once no job queue uses it."""

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.eks_cluster import EksCluster
from tasks.batch_removal import CHANGING, BatchRemovable, not_yet, queues_in_use
from tasks.cluster_users import users_of_cluster
from tasks.compute_environment import describe_compute_environment
from tasks.console import batch_url
from tasks.outcome import Outcome
from tasks.removal import names_removed


class ComputeEnvironmentRemoval(BatchRemovable):
    """A compute environment to be deleted.

    One that is INVALID can be disabled and deleted as any other
    (https://github.com/hashicorp/terraform-provider-aws/issues/26930).
    """

    step = "compute environment"

    def observe(self) -> dict[str, Any] | None:
        """What DescribeComputeEnvironments answers."""
        return describe_compute_environment(self.cluster, self.name)

    def reason_to_keep(self, observed: Mapping[str, Any], after: Sequence[Outcome]) -> str:
        """One of another cluster, or of which other queues still take nodes."""
        if observed.get("eksConfiguration", {}).get("eksClusterArn") != self.cluster.arn:
            return f"it is not on cluster {self.cluster.cluster_name}"
        users = [
            queue["jobQueueName"]
            for queue in queues_in_use(self.cluster, names_removed(after, "job queue"))
            for entry in queue.get("computeEnvironmentOrder", ())
            if entry["computeEnvironment"] == observed["computeEnvironmentArn"]
        ]
        return f"job queue {', '.join(users)} uses it" if users else ""

    def advance(self, observed: Mapping[str, Any]) -> None:
        """Disable it, then delete it, and wait in between."""
        if observed["status"] in CHANGING:
            return
        with not_yet():
            if observed["state"] == "ENABLED":
                self.cluster.batch.update_compute_environment(computeEnvironment=self.name, state="DISABLED")
            else:
                self.cluster.batch.delete_compute_environment(computeEnvironment=self.name)

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its ARN."""
        return str(observed["computeEnvironmentArn"])

    def console_url(self) -> str:
        """Its page in the Batch console."""
        return batch_url(self.cluster, "compute-environments", self.name)


def users_that_stay(
    cluster: EksCluster, going: Sequence[ComputeEnvironmentRemoval], after: Sequence[Outcome], namespace: str = ""
) -> list[str]:
    """The compute environments on a cluster that will be left once some are deleted, whoever made them.

    Args:
        cluster: The cluster.
        going: Those to be deleted. One of them that has to be kept stays.
        after: Outcomes of what was removed, or in a plan would be.
        namespace: Only those that run their pods in it; empty for all.

    Returns:
        Each as `compute environment My-Eks-CE1`.
    """
    gone = {removal.label for removal in going if _may_go(removal, after)}
    return [user for user in users_of_cluster(cluster, after, namespace) if user not in gone]


def _may_go(removal: ComputeEnvironmentRemoval, after: Sequence[Outcome]) -> bool:
    found = removal.observe()
    return found is not None and removal.is_ours(found) and not removal.reason_to_keep(found, after)
