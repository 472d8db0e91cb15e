"""Jobs as DescribeJobs, ListJobs and the events give them."""

from collections.abc import Mapping
from typing import Any

from sandbox.aws.batch import pod_properties
from sandbox.aws.batch.jobs import STATUSES, Job


def pod_of(job: Job) -> dict[str, Any]:
    """The pod properties that a job runs with."""
    spec = job.spec
    return pod_properties.merged(spec.definition.pod, spec.override, spec.parameters)


def detail(job: Job) -> dict[str, Any]:
    """A job as DescribeJobs gives it [B:JobDetail]."""
    spec = job.spec
    pod = pod_of(job)
    if job.attempt is not None and job.status != "RUNNABLE":
        pod["podName"] = job.attempt.pod_name
        pod["nodeName"] = job.attempt.node.name
        _add_ends(pod.get("containers") or [], job.attempt.containers)
        _add_ends(pod.get("initContainers") or [], job.attempt.init_containers)
    document: dict[str, Any] = {
        "jobArn": job.arn(),
        "jobName": job.name,
        "jobId": job.id,
        "jobQueue": job.queue.arn,
        "status": job.status,
        "attempts": [],
        "createdAt": job.created,
        "retryStrategy": spec.retry,
        "dependsOn": spec.depends_on,
        "jobDefinition": spec.definition.arn,
        "parameters": dict(spec.parameters),
        "tags": spec.tags,
        "eksProperties": {"podProperties": pod},
        "eksAttempts": list(job.finished_attempts or []),
        "isCancelled": job.cancelled,
        "isTerminated": job.terminated,
    }
    if spec.timeout:
        document["timeout"] = spec.timeout
    if spec.share is not None:
        document |= {"shareIdentifier": spec.share, "schedulingPriority": spec.priority}
    return document | _times(job) | _array(job)


def _add_ends(containers: list[dict[str, Any]], ended: list[dict[str, Any]]) -> None:
    by_name = {end["name"]: end for end in ended}
    for container in containers:
        end = by_name.get(container["name"], {})
        container |= {key: end[key] for key in ("exitCode", "reason") if key in end}


def _times(job: Job) -> dict[str, Any]:
    known = {"statusReason": job.status_reason, "startedAt": job.started, "stoppedAt": job.stopped}
    return {key: value for key, value in known.items() if value is not None}


def _array(job: Job) -> dict[str, Any]:
    if job.counts is not None:
        return {
            "arrayProperties": {
                "statusSummary": {status: job.counts.get(status, 0) for status in STATUSES},
                "statusSummaryLastUpdatedAt": job.summary_updated or job.created,
                "size": len(job.children or ()),
            }
        }
    return {} if job.index is None else {"arrayProperties": {"index": job.index}}


def summary(job: Job) -> dict[str, Any]:
    """A job as ListJobs gives it [B:JobSummary]; its container has exitCode and reason only."""
    document: dict[str, Any] = {
        "jobArn": job.arn(),
        "jobId": job.id,
        "jobName": job.name,
        "createdAt": job.created,
        "status": job.status,
        "jobDefinition": job.spec.definition.arn,
    }
    if job.spec.share is not None:
        document["shareIdentifier"] = job.spec.share
    ended: Mapping[str, Any] = job.attempt.containers[0] if job.attempt and job.attempt.containers else {}
    if ended:
        document["container"] = {key: ended[key] for key in ("exitCode", "reason") if key in ended}
    # [B:JobSummary.isCancelled] "only present when the value is true".
    document |= {"isCancelled": True} if job.cancelled else {}
    document |= {"isTerminated": True} if job.terminated else {}
    return document | _times(job) | _array(job)
