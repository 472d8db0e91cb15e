"""The fair-share policy of a job queue, for queues that have one."""

from collections.abc import Mapping
from typing import Any

from blocks.eks_cluster import EksCluster
from specs.scheduling_policy import SchedulingPolicySpec
from tasks.batch_resource import BatchResource
from tasks.outcome import Action, Change, Outcome
from tasks.reconcile import reconcile
from tasks.step import step


class SchedulingPolicy(BatchResource):
    """A scheduling policy; its ARN follows from its name."""

    step = "scheduling policy"

    @property
    def arn(self) -> str:
        """ARN of the policy."""
        cluster = self.cluster
        return f"arn:{cluster.partition}:batch:{cluster.region}:{cluster.account_id}:scheduling-policy/{self.name}"

    def observe(self) -> dict[str, Any] | None:
        """What DescribeSchedulingPolicies answers."""
        found = self.cluster.batch.describe_scheduling_policies(arns=[self.arn])["schedulingPolicies"]
        return dict(found[0]) if found else None

    def create(self) -> None:
        """Create it."""
        with self.racing():
            self.cluster.batch_once.create_scheduling_policy(**self.wanted(marked=True))

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Replace its shares; running jobs keep theirs."""
        self.retag(self.arn, changes)
        if any(change.field.startswith("fairsharePolicy") for change in changes):
            policy = self.document["fairsharePolicy"]
            with self.racing():
                self.cluster.batch.update_scheduling_policy(arn=self.arn, fairsharePolicy=policy)
        return "updated"

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its ARN."""
        return str(observed["arn"])


@step("scheduling policy {spec.name}")
def ensure_scheduling_policy(
    cluster: EksCluster, spec: SchedulingPolicySpec, *, plan: bool = False, adopt: bool = False
) -> Outcome:
    """Create the scheduling policy, or bring its shares in line.

    Args:
        cluster: Where.
        spec: The policy.
        plan: Report only.
        adopt: Take over one that exists already and differs.

    Raises:
        OperationError: If AWS refuses, or one that is not ours differs.
    """
    return reconcile(SchedulingPolicy(cluster, spec.name, spec.to_document()), plan=plan, adopt=adopt)
