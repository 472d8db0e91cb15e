"""Deletes the job queue, once its jobs have ended in the way that was chosen."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.batch_removal import CHANGING, BatchRemovable, not_yet
from tasks.compute_environment import describe_compute_environment
from tasks.console import batch_url
from tasks.job_end import terminate
from tasks.job_queue import describe_job_queue
from tasks.outcome import Outcome

if TYPE_CHECKING:
    from mypy_boto3_batch.literals import JobStatusType

OpenJobs = Annotated[Literal["refuse", "cancel", "wait"], Field(examples=["cancel"])]
OPEN: tuple["JobStatusType", ...] = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
NAMED = 10


class JobQueueRemoval(BatchRemovable):
    """A job queue to be deleted.

    Args:
        cluster: Gives the Batch client.
        name: The queue's name.
        jobs: What to do with jobs that have not ended.
    """

    step = "job queue"
    seconds: float = 1800

    def __init__(self, cluster: EksCluster, name: str, jobs: OpenJobs) -> None:
        super().__init__(cluster, name)
        self._jobs = jobs
        self._ended: set[str] = set()
        if jobs == "wait":
            self.seconds = 7 * 24 * 3600

    def observe(self) -> dict[str, Any] | None:
        """What DescribeJobQueues answers."""
        return describe_job_queue(self.cluster, self.name)

    def reason_to_keep(self, observed: Mapping[str, Any], after: Sequence[Outcome]) -> str:
        """A queue whose compute environments are all those of other clusters is that of another setup."""
        del after
        arns = [entry["computeEnvironment"] for entry in observed.get("computeEnvironmentOrder", ())]
        found = [describe_compute_environment(self.cluster, arn) for arn in arns]
        clusters = [
            environment.get("eksConfiguration", {}).get("eksClusterArn") for environment in found if environment
        ]
        if clusters and self.cluster.arn not in clusters:
            return f"its compute environments are not on cluster {self.cluster.cluster_name}"
        return ""

    def rehearse(self, observed: Mapping[str, Any]) -> None:
        """Refuse a queue with jobs, where that was chosen.

        Raises:
            OperationError: If jobs have not ended; they are named.
        """
        if observed["status"] != "DELETING":
            self._refuse_jobs(self._open_jobs())

    def advance(self, observed: Mapping[str, Any]) -> None:
        """End the jobs, disable the queue, delete it: one of them each time, and wait in between.

        Where jobs are waited for the queue is disabled first: it then takes no more of them, and those in it go on.

        Raises:
            OperationError: If there are jobs that have not ended, where that was chosen.
        """
        if observed["status"] in CHANGING:
            return
        jobs = self._open_jobs()
        self._refuse_jobs(jobs)
        is_enabled = observed["state"] == "ENABLED"
        if jobs and self._jobs == "cancel":
            terminate(self.cluster, [job["jobId"] for job in jobs], "its job queue is deleted by teardown")
            self._ended |= {job["jobId"] for job in jobs}
            return
        with not_yet():
            if is_enabled:
                self.cluster.batch.update_job_queue(jobQueue=self.name, state="DISABLED")
            elif not jobs:
                self.cluster.batch.delete_job_queue(jobQueue=self.name)

    def note(self) -> str:
        """How many jobs were ended for it."""
        return f"{len(self._ended)} jobs were ended" if self._ended else ""

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its ARN."""
        return str(observed["jobQueueArn"])

    def console_url(self) -> str:
        """Its page in the Batch console."""
        return batch_url(self.cluster, "queues", self.name)

    def _open_jobs(self) -> list[dict[str, Any]]:
        paginator = self.cluster.batch.get_paginator("list_jobs")
        found = [
            dict(summary)
            for status in OPEN
            for page in paginator.paginate(jobQueue=self.name, jobStatus=status)
            for summary in page["jobSummaryList"]
        ]
        # A job may change its state between two of the questions.
        return list({job["jobId"]: job for job in found}.values())

    def _refuse_jobs(self, jobs: Sequence[Mapping[str, Any]]) -> None:
        if not jobs or self._jobs != "refuse":
            return
        named = ", ".join(f"{job['jobName']} ({job['jobId']}, {job['status']})" for job in jobs[:NAMED])
        more = f" and {len(jobs) - NAMED} more" if len(jobs) > NAMED else ""
        raise OperationError(
            self.label,
            f"{len(jobs)} jobs have not ended: {named}{more}",
            "the deletion of a queue ends its jobs, and teardown was not told to do so",
            "wait until they have ended, or run teardown with jobs `cancel` or `wait`",
        )
