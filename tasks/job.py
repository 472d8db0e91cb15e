"""Jobs as AWS Batch describes them."""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from blocks.eks_cluster import EksCluster
from specs.submitted_name import SubmittedName
from tasks.console import batch_url, pod_url
from tasks.ownership import OWNER

NAME_TAG = f"{OWNER}:job-name"
# In the order that a job goes through them (User Guide, job_states); a retry begins again at RUNNABLE.
STATUSES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
ENDED = ("SUCCEEDED", "FAILED")
# Kubernetes' reason for the end of a container that its memory limit killed; with it comes exit code 137, which any
# SIGKILL gives.
OUT_OF_MEMORY = "OOMKilled"
DESCRIBE_LIMIT = 100  # [API] DescribeJobs: "Maximum number of jobs supported is 100"

# Attempts that have ended, and the place of the status in the present one: what is further compares as greater.
Progress = tuple[int, int]


class FailedChild(BaseModel):
    """A child of an array job that failed.

    Attributes:
        index: Its place in the array.
        job_id: Its id.
        status_reason: Batch's words, if any.
        exit_code: Of its container, if one was started.
        reason: Kubernetes' word for the end of its container, such as OOMKilled.
        pod_name: Its last pod; known of the first hundred failed children only.
        log: The end of its log; read for the first few failed children only.
        log_lines: How many lines of the log were seen, those in `log` among them.
        log_size: How many bytes of the log were seen.
        log_note: Where the whole log is, or why there is none.
    """

    model_config = ConfigDict(frozen=True)

    index: int
    job_id: str
    status_reason: str = ""
    exit_code: int | None = None
    reason: str = ""
    pod_name: str = ""
    log: str = ""
    log_lines: int = 0
    log_size: int = 0
    log_note: str = ""


class JobResult(BaseModel):
    """How a job stands, or how it ended.

    Attributes:
        job_name: The name that the user gave it.
        job_id: Its id.
        status: SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED or FAILED; UNKNOWN where AWS Batch does not
            show the job any more.
        status_reason: Batch's words, if any.
        exit_code: Of the first container that gave one, in the last attempt.
        pod_name: Its pod, once there is one.
        pod_url: The pod's page in the EKS console, once its namespace is known.
        was_stopped: Whether somebody cancelled or terminated it.
        attempts: How many of its attempts have ended.
        seconds: From start to stop, once both are known.
        vcpu_hours: What it has taken so far, of all its attempts: its vCPUs times the time that it ran. Nothing for an
            array job, whose children are not looked at one by one.
        children: Of an array job: how many of its children are in which status.
        failed_children: Of an array job that failed: which children.
        log: The end of the pod's log, as far as it could be read.
        log_lines: How many lines of the log were seen, those in `log` among them.
        log_size: How many bytes of the log were seen.
        log_note: Where the whole log is, or why there is none.
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
    pod_url: str = ""
    was_stopped: bool = False
    attempts: int = 0
    seconds: float | None = None
    vcpu_hours: float = 0.0
    children: dict[str, int] = {}
    failed_children: tuple[FailedChild, ...] = ()
    log: str = ""
    log_lines: int = 0
    log_size: int = 0
    log_note: str = ""
    explanation: str = ""
    console_url: str = ""

    @property
    def ended(self) -> bool:
        """Whether Batch is done with it."""
        return self.status in ENDED

    @property
    def progress(self) -> Progress:
        """How far it has got."""
        return progress(self.attempts, self.status)


def progress(attempts: int, status: str) -> Progress:
    """How far a job has got; a status that is not known is no progress."""
    return attempts, STATUSES.index(status) if status in STATUSES else -1


def given_name(job: Mapping[str, Any]) -> str:
    """The name that the user gave a described job; of one that these flows did not submit, its only one."""
    name, parsed = str(job["jobName"]), SubmittedName.parse(job["jobName"])
    return str(job.get("tags", {}).get(NAME_TAG) or (parsed.given if parsed else "") or name)


def describe_jobs(cluster: EksCluster, job_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Jobs as Batch describes them, by id; an id that Batch does not show (yet, or any more) is absent."""
    chunks = [job_ids[start : start + DESCRIBE_LIMIT] for start in range(0, len(job_ids), DESCRIBE_LIMIT)]
    found = [job for chunk in chunks for job in cluster.batch.describe_jobs(jobs=list(chunk))["jobs"]]
    return {job["jobId"]: dict(job) for job in found}


def job_result(cluster: EksCluster, job: Mapping[str, Any], job_name: str, **known: Any) -> JobResult:
    """Read a described job.

    Args:
        cluster: Gives the console link.
        job: As DescribeJobs answers.
        job_name: The name that the user gave it.
        known: Further fields of the result.
    """
    attempt = last_attempt(job)
    times = job.get("startedAt"), job.get("stoppedAt")
    summary = job.get("arrayProperties", {}).get("statusSummary", {})
    return JobResult(
        job_name=job_name,
        job_id=job["jobId"],
        status=job["status"],
        status_reason=job.get("statusReason", ""),
        exit_code=exit_code(attempt["containers"]),
        pod_name=attempt["podName"],
        pod_url=pod_url(cluster, attempt["podNamespace"], attempt["podName"]) if attempt["podNamespace"] else "",
        was_stopped=bool(job.get("isCancelled") or job.get("isTerminated")),
        attempts=len(job.get("eksAttempts") or ()),
        seconds=(times[1] - times[0]) / 1000 if times[0] and times[1] else None,
        vcpu_hours=0.0 if summary else vcpu_hours(job, time.time() * 1000),
        children={status: count for status, count in summary.items() if count},
        console_url=batch_url(cluster, "jobs", job["jobId"]),
        **known,
    )


def quiet_seconds(jobs: Collection[Mapping[str, Any]]) -> float:
    """How long ago a job of several was created, started or stopped last, in seconds.

    Args:
        jobs: As DescribeJobs or ListJobs answers.

    Returns:
        0 where there are none.
    """
    moments = [job.get(name) or 0 for job in jobs for name in ("createdAt", "startedAt", "stoppedAt")]
    moments += [job.get("arrayProperties", {}).get("statusSummaryLastUpdatedAt", 0) for job in jobs]
    return max(time.time() - max(moments) / 1000, 0.0) if moments else 0.0


def last_attempt(job: Mapping[str, Any]) -> dict[str, Any]:
    """Pod, namespace, node and containers of the newest attempt of a described job.

    On EKS an ended attempt is in `eksAttempts`, the current one in `eksProperties` (botocore batch JobDetail).

    Args:
        job: As DescribeJobs answers.

    Returns:
        `podName`, `podNamespace` and `nodeName`, empty where not known, and `containers`.
    """
    pod = job.get("eksProperties", {}).get("podProperties", {})
    ended = (job.get("eksAttempts") or [{}])[-1]
    return {
        "podName": pod.get("podName") or ended.get("podName", ""),
        "podNamespace": ended.get("podNamespace") or pod.get("metadata", {}).get("namespace", ""),
        "nodeName": pod.get("nodeName") or ended.get("nodeName", ""),
        "containers": ended.get("containers") or pod.get("containers") or [],
    }


def was_killed_for_memory(job: Mapping[str, Any]) -> bool:
    """Whether a container of the newest attempt of a described job took more memory than its limit.

    Args:
        job: As DescribeJobs answers.
    """
    return any(OUT_OF_MEMORY in container.get("reason", "") for container in last_attempt(job)["containers"])


def exit_code(containers: Sequence[Mapping[str, Any]]) -> int | None:
    """The exit code that decided: the first that is not 0, else the first."""
    codes: list[int] = [container["exitCode"] for container in containers if "exitCode" in container]
    return next((code for code in codes if code), codes[0] if codes else None)


def vcpu_hours(job: Mapping[str, Any], now: float) -> float:
    """The vCPUs that a described job asks for, times the time that its attempts ran.

    Args:
        job: As DescribeJobs answers.
        now: Milliseconds since 1970; a running attempt counts up to here.
    """
    ended = [(one.get("startedAt"), one.get("stoppedAt")) for one in job.get("eksAttempts") or ()]
    latest = job.get("startedAt"), job.get("stoppedAt", now if job["status"] == "RUNNING" else None)
    # The newest attempt that ended is in both places.
    spans = {start: stop for start, stop in [*ended, latest] if start and stop}
    containers = job.get("eksProperties", {}).get("podProperties", {}).get("containers", ())
    vcpus: float = sum(_vcpus(container.get("resources", {})) for container in containers)
    hours: float = sum(max(0, stop - start) for start, stop in spans.items()) / 3_600_000
    return vcpus * hours


def _vcpus(resources: Mapping[str, Any]) -> float:
    # Batch places a container by its request, which is its limit where there is none.
    return float(resources.get("requests", {}).get("cpu") or resources.get("limits", {}).get("cpu") or 0)


def container_names(attempt: Mapping[str, Any]) -> list[str]:
    """The containers of an attempt, as Kubernetes knows them: Batch's container Default is its default.

    Args:
        attempt: As `last_attempt` answers.
    """
    return [str(container.get("name", "default")).lower() for container in attempt["containers"]] or ["default"]


def decisive_container(attempt: Mapping[str, Any]) -> str:
    """The container that decided how an attempt ended: the first that failed, else the first.

    Args:
        attempt: As `last_attempt` answers.
    """
    names = container_names(attempt)
    failed = (index for index, container in enumerate(attempt["containers"]) if container.get("exitCode"))
    return names[next(failed, 0)]


def failed_children(cluster: EksCluster, array_job_id: str) -> list[FailedChild]:
    """The children of an array job that failed, by their places.

    ListJobs gives 1,000 a page, with exit code and reason of the container only; the pods of the first hundred come
    from one DescribeJobs.

    Args:
        cluster: Gives the Batch client.
        array_job_id: The parent's id.
    """
    pages = cluster.batch.get_paginator("list_jobs").paginate(arrayJobId=array_job_id, jobStatus="FAILED")
    found = [summary for page in pages for summary in page["jobSummaryList"]]
    ordered = sorted(found, key=lambda summary: summary["arrayProperties"]["index"])
    described = describe_jobs(cluster, [summary["jobId"] for summary in ordered[:DESCRIBE_LIMIT]])
    return [
        FailedChild(
            index=summary["arrayProperties"]["index"],
            job_id=summary["jobId"],
            status_reason=summary.get("statusReason", ""),
            exit_code=summary.get("container", {}).get("exitCode"),
            reason=summary.get("container", {}).get("reason", ""),
            pod_name=last_attempt(described.get(summary["jobId"], {}))["podName"],
        )
        for summary in ordered
    ]
