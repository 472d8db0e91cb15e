"""Step 11: submit a job, and see what became of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict

from blocks.aws_errors import UNSENT, explain_aws, is_throttled
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.job_request import JobRequest
from tasks.console import batch_url
from tasks.step import step

DESCRIBE_LIMIT = 100  # [API] DescribeJobs: "Maximum number of jobs supported is 100"


class SubmittedJob(BaseModel):
    """What SubmitJob answered."""

    model_config = ConfigDict(frozen=True)

    job_name: str
    job_id: str
    console_url: str


class JobResult(BaseModel):
    """How a job stands, or how it ended.

    Attributes:
        job_name: Its name.
        job_id: Its id.
        status: SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED or FAILED.
        status_reason: Batch's words, if any.
        exit_code: Of the first container that gave one, in the last attempt.
        pod_name: Its pod, once there is one.
        seconds: From start to stop, once both are known.
        log: The end of the pod's log, as far as it could be read while the pod existed.
        explanation: Why it hangs, if it hangs.
        console_url: Its page in the Batch console.
    """

    model_config = ConfigDict(frozen=True)

    job_name: str
    job_id: str
    status: str
    status_reason: str = ""
    exit_code: int | None = None
    pod_name: str = ""
    seconds: float | None = None
    log: str = ""
    explanation: str = ""
    console_url: str = ""

    @property
    def ended(self) -> bool:
        """Whether Batch is done with it."""
        return self.status in ("SUCCEEDED", "FAILED")


@step("submit {request.job_name}")
def submit_job(cluster: EksCluster, request: JobRequest) -> SubmittedJob:
    """Submit one job.

    SubmitJob has no idempotency token, so only a call that surely had no effect is repeated: one that was
    throttled, or that never reached AWS.

    Args:
        cluster: Gives the Batch client.
        request: The job.

    Raises:
        OperationError: If AWS refuses, or if the answer was lost and the job may exist.
    """
    resource = f"job {request.job_name}"
    try:
        answer = cluster.batch_once.submit_job(**request.to_document())
    except (ClientError, BotoCoreError) as error:
        explained = explain_aws(error, resource)
        if explained.can_heal and not (is_throttled(error) or isinstance(error, UNSENT)):
            raise OperationError(
                resource,
                explained.answer,
                "the answer was lost: the job may have been submitted or not",
                f"look for it: aws batch list-jobs --job-queue {request.job_queue} "
                f"--filters name=JOB_NAME,values={request.job_name}; submit again if it is not there",
            ) from error
        raise explained from error
    job_id = answer["jobId"]
    return SubmittedJob(job_name=answer["jobName"], job_id=job_id, console_url=batch_url(cluster, "jobs", job_id))


def describe_jobs(cluster: EksCluster, job_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Jobs as Batch describes them, by id; an id that Batch does not show (yet, or any more) is absent."""
    chunks = [job_ids[start : start + DESCRIBE_LIMIT] for start in range(0, len(job_ids), DESCRIBE_LIMIT)]
    found = [job for chunk in chunks for job in cluster.batch.describe_jobs(jobs=list(chunk))["jobs"]]
    return {job["jobId"]: dict(job) for job in found}


def job_result(cluster: EksCluster, job: Mapping[str, Any], *, log: str = "", explanation: str = "") -> JobResult:
    """Read a described job; on EKS an ended attempt is in `eksAttempts`, the current one in `eksProperties`.

    Args:
        cluster: Gives the console link.
        job: As DescribeJobs answers.
        log: What was read of its log.
        explanation: Why it hangs.
    """
    pod = job.get("eksProperties", {}).get("podProperties", {})
    attempts = job.get("eksAttempts") or [{}]
    containers = attempts[-1].get("containers") or pod.get("containers") or []
    codes = [container["exitCode"] for container in containers if "exitCode" in container]
    times = job.get("startedAt"), job.get("stoppedAt")
    return JobResult(
        job_name=job["jobName"],
        job_id=job["jobId"],
        status=job["status"],
        status_reason=job.get("statusReason", ""),
        exit_code=next((code for code in codes if code), codes[0] if codes else None),
        pod_name=pod.get("podName") or attempts[-1].get("podName", ""),
        seconds=(times[1] - times[0]) / 1000 if times[0] and times[1] else None,
        log=log,
        explanation=explanation,
        console_url=batch_url(cluster, "jobs", job["jobId"]),
    )
