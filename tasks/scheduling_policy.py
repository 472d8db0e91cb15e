"""The fair-share policy of a job queue, for queues that have one."""

from collections.abc import Mapping
from typing import Any, ClassVar

from blocks.eks_cluster import EksCluster
from specs.scheduling_policy import SchedulingPolicySpec
from tasks.batch_resource import BatchResource
from tasks.outcome import Action, Change, Outcome
from tasks.reconcile import reconcile
from tasks.step import step

# What a field that is left out means at creation (botocore shape FairsharePolicy).
DEFAULTS: Mapping[str, Any] = {"shareDecaySeconds": 0, "computeReservation": 0, "shareDistribution": []}


class SchedulingPolicy(BatchResource):
    """A scheduling policy; its ARN follows from its name."""

    step = "scheduling policy"
    unset: ClassVar[Mapping[str, Any]] = {"fairsharePolicy": None} | {
        f"fairsharePolicy.{field}": value for field, value in DEFAULTS.items()
    }

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
        self.check_changes(observed, changes)
        update = {key: self.document[key] for key in ("fairsharePolicy", "quotaSharePolicy") if key in self.document}
        if "fairsharePolicy" in update:
            update["fairsharePolicy"] = DEFAULTS | update["fairsharePolicy"]
        with self.racing():
            self.cluster.batch.update_scheduling_policy(arn=self.arn, **update)
        self.retag(self.arn, changes)
        return "updated"

    def check_changes(self, observed: Mapping[str, Any], changes: list[Change]) -> None:
        """A policy cannot be removed from it.

        Raises:
            OperationError: If the document leaves out the fair-share policy that it has.
        """
        self.refuse_unset(changes, "give the new scheduling policy another name")

    def note(self, observed: Mapping[str, Any], changes: list[Change]) -> str:
        """Tags that it keeps."""
        del changes
        return self.kept_tags(observed)

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
