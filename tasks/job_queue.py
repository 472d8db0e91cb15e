"""Step 7: the job queue in front of the compute environment."""

from collections.abc import Mapping
from typing import Any, ClassVar

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.job_queue import JobQueueSpec
from tasks.batch_resource import BatchResource
from tasks.console import batch_url
from tasks.outcome import Action, Change, Outcome
from tasks.reconcile import reconcile
from tasks.step import step

UPDATABLE = ("state", "priority", "computeEnvironmentOrder", "schedulingPolicyArn", "jobStateTimeLimitActions")


class JobQueue(BatchResource):
    """A job queue whose compute environments may be named by name, as the tutorial does."""

    step = "job queue"
    unset: ClassVar[Mapping[str, Any]] = {"state": "ENABLED", "jobStateTimeLimitActions": []}

    def observe(self) -> dict[str, Any] | None:
        """What DescribeJobQueues answers, compute environments by the form in which they are wanted.

        Raises:
            OperationError: If it is being created, updated or deleted; that ends by itself. Or if it is INVALID.
        """
        found = describe_job_queue(self.cluster, self.name)
        if found is None or found["status"] == "VALID":
            return found and self._with_wanted_names(found)
        raise OperationError(
            f"{self.step} {self.name}",
            f"its status is {found['status']}: {found.get('statusReason', '')}",
            "Batch has not finished changing it" if found["status"] != "INVALID" else "Batch found it unusable",
            "wait" if found["status"] != "INVALID" else "see its reason; a compute environment of it may be gone",
            can_heal=found["status"] != "INVALID",
        )

    def create(self) -> None:
        """Create it; its compute environments must be VALID."""
        with self.racing():
            self.cluster.batch_once.create_job_queue(**self.wanted(marked=True))

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Update it in place, sending all that can be updated: a part that was left out is unset that way only."""
        self.check_changes(observed, changes)
        content = {key: self.document[key] for key in UPDATABLE if key in self.document}
        content |= {change.field: change.wanted for change in changes if change.field in self.unset}
        with self.racing():
            self.cluster.batch.update_job_queue(jobQueue=self.name, **content)
        self.retag(observed["jobQueueArn"], changes)
        return "updated"

    def check_changes(self, observed: Mapping[str, Any], changes: list[Change]) -> None:
        """Its type, and whether it has a scheduling policy at all, are fixed at creation.

        Raises:
            OperationError: If a policy would have to be added or removed, or the type changed.
        """
        stuck = [change for change in changes if change.field == "jobQueueType"]
        policies = observed.get("schedulingPolicyArn"), self.document.get("schedulingPolicyArn")
        if bool(policies[0]) != bool(policies[1]):
            stuck.append(Change(field="schedulingPolicyArn", observed=policies[0], wanted=policies[1]))
        self.refuse_immutable(stuck, "give the new job queue another name")

    def note(self, observed: Mapping[str, Any], changes: list[Change]) -> str:
        """Tags that it keeps."""
        del changes
        return self.kept_tags(observed)

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its ARN."""
        return str(observed["jobQueueArn"])

    def console_url(self) -> str:
        """Its page in the Batch console."""
        return batch_url(self.cluster, "queues", self.name)

    def _with_wanted_names(self, found: dict[str, Any]) -> dict[str, Any]:
        """AWS answers with ARNs where names were given."""
        names = {entry["computeEnvironment"] for entry in self.document.get("computeEnvironmentOrder", ())}

        def as_wanted(arn: str) -> str:
            name = arn.rsplit("/", 1)[-1]
            return name if name in names else arn

        order = [
            {**entry, "computeEnvironment": as_wanted(entry["computeEnvironment"])}
            for entry in sorted(found["computeEnvironmentOrder"], key=lambda entry: entry["order"])
        ]
        return {**found, "computeEnvironmentOrder": order}


@step("job queue {spec.job_queue_name}")
def ensure_job_queue(cluster: EksCluster, spec: JobQueueSpec, *, plan: bool = False, adopt: bool = False) -> Outcome:
    """Create the job queue, or update it in place.

    Args:
        cluster: Where.
        spec: The queue.
        plan: Report only.
        adopt: Take over one that exists already and differs.

    Raises:
        OperationError: If AWS refuses, if a scheduling policy would have to be added or removed, or if one that is
            not ours differs.
    """
    return reconcile(JobQueue(cluster, spec.job_queue_name, spec.to_document()), plan=plan, adopt=adopt)


def describe_job_queue(cluster: EksCluster, name: str) -> dict[str, Any] | None:
    """One job queue as Batch describes it; None where there is none."""
    found = cluster.batch.describe_job_queues(jobQueues=[name])["jobQueues"]
    return dict(found[0]) if found and found[0].get("status") != "DELETED" else None


def job_queue_names(cluster: EksCluster) -> list[str]:
    """The job queues of the account and region, at most 50 (AWS Batch User Guide, service quotas)."""
    pages = cluster.batch.get_paginator("describe_job_queues").paginate()
    return [queue["jobQueueName"] for page in pages for queue in page["jobQueues"]]
