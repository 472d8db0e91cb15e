"""A compute environment's wish for Batch's access entry, changed by itself; setup changes it with all else."""

from collections.abc import Mapping
from typing import Any

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.batch_resource import BatchResource
from tasks.compute_environment import describe_compute_environment
from tasks.console import batch_url
from tasks.identity_choice import desired_state_of
from tasks.outcome import Action, Change, Outcome
from tasks.reconcile import reconcile
from tasks.step import step


class DesiredState(BatchResource):
    """`accessEntry.desiredState` of a compute environment that is there."""

    step = "desired state of access entry"

    def observe(self) -> dict[str, Any] | None:
        """The recorded state, with the tags and the ARN of the compute environment.

        Raises:
            OperationError: If there is no such compute environment (any more).
        """
        found = describe_compute_environment(self.cluster, self.name)
        if found is None:
            raise OperationError(
                f"compute environment {self.name}", "it is not there", "it was deleted meanwhile", "run again"
            )
        return {
            "desiredState": desired_state_of(found),
            "tags": found.get("tags", {}),
            "arn": found["computeEnvironmentArn"],
        }

    def wanted(self, *, marked: bool) -> dict[str, Any]:
        """The state alone: the tags are those of the whole compute environment."""
        del marked
        return dict(self.document)

    def create(self) -> None:
        """Never needed: `observe` refuses a compute environment that is not there."""
        raise NotImplementedError(self.name)

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Set it; Batch makes or takes away its entry once all compute environments on the cluster agree."""
        del observed, changes
        update: dict[str, Any] = {"eksConfiguration": {"accessEntry": dict(self.document)}}
        with self.racing():
            self.cluster.batch.update_compute_environment(computeEnvironment=self.name, **update)
        return "updated"

    def leftovers(self, observed: Mapping[str, Any]) -> list[Change]:
        """Of one field nothing is left over."""
        del observed
        return []

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """The compute environment's ARN."""
        return str(observed["arn"])

    def console_url(self) -> str:
        """The compute environment's page in the Batch console."""
        return batch_url(self.cluster, "compute-environments", self.name)


@step("desired state of access entry of {name}")
def ensure_desired_state(cluster: EksCluster, name: str, state: str, *, plan: bool = False) -> Outcome:
    """Set `accessEntry.desiredState` of a compute environment.

    Args:
        cluster: Where.
        name: The compute environment.
        state: `ENABLED` or `DISABLED`.
        plan: Report only.

    Raises:
        OperationError: If AWS refuses, or it is not ours and differs.
    """
    return reconcile(DesiredState(cluster, name, {"desiredState": state}), plan=plan)
