"""Deletes the fair-share policy, once no job queue uses it."""

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.eks_cluster import EksCluster
from specs.scheduling_policy import SchedulingPolicySpec
from tasks.batch_removal import BatchRemovable, not_yet, queues_in_use
from tasks.outcome import Outcome
from tasks.removal import names_removed
from tasks.scheduling_policy import SchedulingPolicy


class SchedulingPolicyRemoval(BatchRemovable):
    """A scheduling policy to be deleted."""

    step = "scheduling policy"

    def __init__(self, cluster: EksCluster, spec: SchedulingPolicySpec) -> None:
        super().__init__(cluster, spec.name)
        self._policy = SchedulingPolicy(cluster, spec.name, spec.to_document())

    def observe(self) -> dict[str, Any] | None:
        """What DescribeSchedulingPolicies answers."""
        return self._policy.observe()

    def reason_to_keep(self, observed: Mapping[str, Any], after: Sequence[Outcome]) -> str:
        """Other queues share by it."""
        queues = queues_in_use(self.cluster, names_removed(after, "job queue"))
        users = [queue["jobQueueName"] for queue in queues if queue.get("schedulingPolicyArn") == observed["arn"]]
        return f"job queue {', '.join(users)} uses it" if users else ""

    def advance(self, observed: Mapping[str, Any]) -> None:
        """Delete it."""
        with not_yet():
            self.cluster.batch.delete_scheduling_policy(arn=observed["arn"])

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its ARN."""
        return self._policy.identifier(observed)
