"""Drains a compute environment that has a successor, and deletes it: no job is lost, no queue is left without one."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from blocks.eks_cluster import EksCluster
from tasks.batch_removal import CHANGING, not_yet, queues_in_use
from tasks.compute_environment_removal import ComputeEnvironmentRemoval
from tasks.outcome import Action, Outcome
from tasks.ownership import has_aws_mark

if TYPE_CHECKING:
    from mypy_boto3_batch.type_defs import ComputeEnvironmentOrderTypeDef

# The label of every pod of a job on EKS (AWS Batch User Guide, eks-jobs-map-running-pod-to-job).
UUID_LABEL = "batch.amazonaws.com/compute-environment-uuid"
UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed"
# Batch may still be making the pod of a job that it had placed when the environment was disabled.
IDLE_LOOKS = 3


class ComputeEnvironmentRetirement(ComputeEnvironmentRemoval):
    """A compute environment to be drained and deleted, since another stands for its name.

    Args:
        cluster: Gives the Batch and Kubernetes clients.
        name: The environment's name.
        successor: The one that takes over; it must be VALID by then.
        replace: Whether to go ahead; otherwise it is kept and named.
        drain_hours: How long its jobs may take to end.
    """

    action: Action = "replaced"
    again: str = "setup"
    hangs: str = "jobs on it have not ended, or its deletion hangs"

    def __init__(
        self, cluster: EksCluster, name: str, successor: str, *, replace: bool, drain_hours: float = 24
    ) -> None:
        super().__init__(cluster, name)
        self._successor = successor
        self._replace = replace
        self._idle_looks = 0
        self.seconds = drain_hours * 3600

    def reason_to_keep(self, observed: Mapping[str, Any], after: Sequence[Outcome]) -> str:
        """It is still needed by queues of others, or nobody has asked for it to go."""
        del after
        if not self._replace:
            return f"{self._successor} has taken over: run setup with `replace` to drain and delete it"
        others = [queue["jobQueueName"] for queue in self._queues(observed) if not has_aws_mark(queue)]
        if not others:
            return ""
        return f"job queue {', '.join(others)} uses it, which these flows did not make: give it {self._successor} first"

    def advance(self, observed: Mapping[str, Any]) -> None:
        """Switch a queue, else disable it, else wait for its jobs, else delete it: one call each time.

        Jobs that run go on, those that wait are placed on the successor (User Guide, compute_environments: state).
        """
        for queue in self._queues(observed):
            if queue["status"] not in CHANGING:
                self._switch(queue, observed["computeEnvironmentArn"])
            return
        if observed["state"] == "DISABLED" and observed["status"] not in CHANGING and not self._is_idle(observed):
            return
        super().advance(observed)

    def note(self) -> str:
        """What becomes of its jobs."""
        return (
            f"compute environment {self.name} is replaced by {self._successor}: queues go over to it once it is VALID, "
            f"jobs on {self.name} run to their end, within {self.seconds / 3600:.0f} hours, and those that wait are "
            "placed on the new one; none is interrupted"
        )

    def _queues(self, observed: Mapping[str, Any]) -> list[dict[str, Any]]:
        arn = observed["computeEnvironmentArn"]
        return [
            queue
            for queue in queues_in_use(self.cluster, set())
            if any(entry["computeEnvironment"] == arn for entry in queue.get("computeEnvironmentOrder", ()))
        ]

    def _switch(self, queue: Mapping[str, Any], arn: str) -> None:
        """In one call: the successor takes the turn, unless the queue has it already."""
        successor = f"{arn.rpartition('/')[0]}/{self._successor}"
        turns: dict[str, int] = {}
        for entry in sorted(queue["computeEnvironmentOrder"], key=lambda entry: entry["order"]):
            environment = entry["computeEnvironment"]
            turns.setdefault(successor if environment == arn else environment, entry["order"])
        order: list[ComputeEnvironmentOrderTypeDef] = [
            {"order": turn, "computeEnvironment": environment} for environment, turn in turns.items()
        ]
        with not_yet():
            self.cluster.batch.update_job_queue(jobQueue=queue["jobQueueName"], computeEnvironmentOrder=order)

    def _is_idle(self, observed: Mapping[str, Any]) -> bool:
        """Whether no pod of it was seen for a few looks in a row."""
        pods = self.cluster.core_v1.list_pod_for_all_namespaces(
            label_selector=f"{UUID_LABEL}={observed['uuid']}", field_selector=UNFINISHED, limit=1
        )
        self._idle_looks = 0 if pods.items else self._idle_looks + 1
        return self._idle_looks >= IDLE_LOOKS
