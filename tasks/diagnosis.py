"""What can be said of one job: how it stands, why, and what helps."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from kubernetes.client.exceptions import ApiException
from pydantic import BaseModel, ConfigDict

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.cloudwatch_log import NoCloudWatchLogsError, read_cloudwatch_log
from tasks.console import batch_url
from tasks.failed_job import explain_failed
from tasks.job import describe_jobs, given_name, job_result
from tasks.pod import read_job_log
from tasks.step import step
from tasks.stuck_job import explain_stuck


class Diagnosis(BaseModel):
    """What was found out about a job.

    Attributes:
        job_id: Its id.
        job_name: Its name in AWS Batch.
        status: Its status.
        evidence: What was seen, in the words of whoever said it.
        cause: What that means.
        next_step: What a person should do now.
        log: The end of its log, as far as its pod still exists or CloudWatch has it.
        console_url: Its page in the Batch console.
    """

    model_config = ConfigDict(frozen=True)

    job_id: str
    job_name: str
    status: str
    evidence: str
    cause: str
    next_step: str
    log: str = ""
    console_url: str = ""

    def markdown(self) -> str:
        """The same for a person."""
        lines = [f"# [{self.job_name}]({self.console_url}) is {self.status}", "", "## Evidence", "", "```"]
        lines += [*self.evidence.splitlines(), "```", "", "## Cause", "", self.cause]
        lines += ["", "## Next step", "", self.next_step]
        return "\n".join(lines + (["", "## Log", "", "```", *self.log.splitlines(), "```"] if self.log else []))


@step("diagnosis of {job_id}")
def diagnose(cluster: EksCluster, job_id: str) -> Diagnosis:
    """Look at a job and everything it depends on.

    Args:
        cluster: Asked for the job, its queue, compute environment, pod, events and mappings.
        job_id: Id of the job.

    Raises:
        OperationError: If AWS Batch does not know the job.
    """
    job = describe_jobs(cluster, [job_id]).get(job_id)
    if job is None:
        raise OperationError(
            f"job {job_id}",
            "AWS Batch does not know it",
            "the id, the region or the account is another one, or it ended more than 7 days ago and was forgotten",
            "correct the id, or the EKS Cluster block",
        )
    log = _end_of_log(cluster, job) if job["status"] in ("RUNNING", "SUCCEEDED", "FAILED") else ""
    found = _finding(cluster, job, log)
    return Diagnosis(
        job_id=job_id,
        job_name=given_name(job),
        status=job["status"],
        evidence=found.answer,
        cause=found.cause,
        next_step=found.next_step,
        log=log,
        console_url=batch_url(cluster, "jobs", job_id),
    )


def _end_of_log(cluster: EksCluster, job: Mapping[str, Any]) -> str:
    """From the pod, or from CloudWatch once it is gone; a diagnosis goes without, where neither has it."""
    with suppress(ApiException, OperationError):
        return read_job_log(cluster, job).text
    with suppress(NoCloudWatchLogsError):
        return read_cloudwatch_log(cluster, job).text
    return ""


def _finding(cluster: EksCluster, job: Mapping[str, Any], log: str) -> OperationError:
    resource, status = f"job {given_name(job)}", job["status"]
    if status == "FAILED":
        return explain_failed(job_result(cluster, job, given_name(job), log=log))
    if status in ("RUNNABLE", "STARTING"):
        return explain_stuck(cluster, job)
    if status == "PENDING":
        return _waiting(cluster, job)
    answer = f"it is {status}: {job.get('statusReason') or 'no reason given'}"
    return OperationError(resource, answer, "nothing is wrong with it", "none")


def _waiting(cluster: EksCluster, job: Mapping[str, Any]) -> OperationError:
    """A job in PENDING waits for other jobs; an array job's parent is PENDING while its children run."""
    summary = job.get("arrayProperties", {}).get("statusSummary", {})
    if summary:
        answer = ", ".join(f"{count} {status}" for status, count in summary.items() if count)
        cause, fix = "an array job is PENDING while its children run", "diagnose a child by <id>:<index>"
        return OperationError(f"job {given_name(job)}", f"its children: {answer}", cause, fix)
    ids = [dependency["jobId"] for dependency in job.get("dependsOn", ()) if dependency.get("jobId")]
    others = describe_jobs(cluster, ids)
    waits = [f"{one} ({others[one]['status'] if one in others else 'unknown to AWS Batch'})" for one in ids]
    return OperationError(
        f"job {given_name(job)}",
        f"it waits for {', '.join(waits) or 'no other job'}",
        "a job starts when all jobs that it depends on have succeeded",
        "diagnose those jobs",
    )
