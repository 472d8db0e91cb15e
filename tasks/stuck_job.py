"""Why a job hangs in RUNNABLE or STARTING: the first rows of AWS's troubleshooting pages, with evidence."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from kubernetes.client.exceptions import ApiException
from pydantic import BaseModel, ConfigDict

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.batch_access import missing_namespace_policy, missing_node_access
from tasks.compute_environment_health import explain_invalid
from tasks.job import given_name
from tasks.pod import compute_environments_of, pod_namespace, pod_warnings


class StuckReason(BaseModel):
    """One row of the table of head-of-queue reasons: words of a statusReason, what they mean, what helps.

    Attributes:
        words: In the statusReason.
        cause: What they mean.
        fix: What helps.
        is_final: Whether a job for which this is so can never start as it was submitted. AWS lets
            jobStateTimeLimitActions cancel jobs for these reasons, and for want of capacity, which may come.
    """

    model_config = ConfigDict(frozen=True)

    words: str
    cause: str
    fix: str
    is_final: bool = False


class Finding(NamedTuple):
    """What was found out about a job that hangs."""

    answer: str
    cause: str
    fix: str
    is_final: bool = False


# https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable.html and its child pages.
RUNNABLE_REASONS = (
    StuckReason(
        words="CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
        cause="EC2 has no such instances free now",
        fix="wait, or allow more instance types, zones or Spot as well as On-Demand",
    ),
    StuckReason(
        words="MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        cause="maxvCpus of the compute environment is below what the job asks for",
        fix="raise maxvCpus, or ask for fewer vCPUs",
        is_final=True,
    ),
    StuckReason(
        words="MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
        cause="no allowed instance type can hold the job beside the node's own overhead "
        "(2 vCPUs do not fit an instance of 2 vCPUs)",
        fix="ask for less cpu or memory, or allow larger instance types",
        is_final=True,
    ),
    StuckReason(
        words="MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
        cause="the instance type does not exist in these zones, or the launch template contradicts it",
        fix="correct instanceTypes, subnets or the launch template",
        is_final=True,
    ),
    StuckReason(
        words="MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS",
        cause="the service role lacks a permission",
        fix="use the service-linked role (leave serviceRole out)",
    ),
    StuckReason(
        words="ACTION_REQUIRED",
        cause="every compute environment of the queue is INVALID",
        fix="repair it: run setup_batch and read what its health step says",
    ),
)


def explain_stuck(cluster: EksCluster, job: Mapping[str, Any]) -> OperationError:
    """Say why a job does not run.

    Args:
        cluster: Asked for the queue, the compute environments, the pod's events and aws-auth.
        job: As DescribeJobs answers; RUNNABLE or STARTING.

    Returns:
        What was found, with cause and fix; `can_heal` is False where the job can never start as it was submitted. The
        job itself is left alone.
    """
    resource = f"job {given_name(job)} ({job['jobId']})"
    cause = "nothing that is known was found: nodes may still be starting, or jobs before it hold the capacity"
    try:
        finding = _why_starting(cluster, job) if job["status"] == "STARTING" else _why_runnable(cluster, job)
    except (ApiException, ClientError, BotoCoreError, OperationError) as error:
        # An explanation is no reason to fail: the job may still run.
        finding, cause = None, f"it could not be looked into: {error}"
    answer, cause, fix, is_final = finding or Finding(
        f"it stays in {job['status']}: {job.get('statusReason') or 'no reason given'}",
        cause,
        "https://docs.aws.amazon.com/batch/latest/userguide/batch_eks_job_stuck_in_runnable.html",
    )
    stop = f"; `aws batch terminate-job --job-id {job['jobId']} --reason stuck` ends it, it has no time-out here"
    return OperationError(resource, answer, cause, fix + stop, can_heal=not is_final)


def _why_starting(cluster: EksCluster, job: Mapping[str, Any]) -> Finding | None:
    pod_name = job.get("eksProperties", {}).get("podProperties", {}).get("podName")
    return explain_warnings(pod_warnings(cluster, pod_namespace(cluster, job), pod_name) if pod_name else [])


def explain_warnings(messages: Sequence[str]) -> Finding | None:
    """Say what keeps a pod from starting.

    Args:
        messages: Of the warnings among its events, the oldest first.

    Returns:
        What was found; None where there are no warnings.
    """
    pulling = next((text for text in messages if text.startswith("Failed to pull image")), None)
    if pulling and "failed to copy: httpReadSeeker" in pulling:
        # containers-roadmap issue 2304, ECR User Guide, pull-through-cache (considerations)
        return Finding(
            pulling,
            "the image is not in ECR's pull-through cache yet, so ECR sends the node to the upstream's own storage, "
            "and a private cluster has no route to it",
            "run the flow warm_cache where there is a route to the internet: it waits until the image is cached; then "
            "setup_batch with image_source `pull_through` pins the definition to it",
        )
    if pulling:
        return Finding(
            pulling,
            "the node cannot reach that registry: a private cluster pulls from private ECR only, through the "
            "ecr.api, ecr.dkr and s3 endpoints",
            "mirror the image to the private ECR and register the job definition with its URI (setup_batch does both)",
            is_final=_is_out_of_reach(pulling),
        )
    mounting = next((text for text in messages if "Unable to attach or mount volumes" in text), None)
    if mounting:
        return Finding(mounting, "a volume of the pod cannot be mounted", "correct the volume's claim, secret or path")
    if messages:
        return Finding(messages[-1], "the pod cannot start", "see the pod's other events with kubectl describe pod")
    return None


def _is_out_of_reach(pulling: str) -> bool:
    """Whether an image can never be pulled as it is named: it is not in ECR, or ECR has none of this name.

    Other refusals, such as of too many pulls or of the node's role, may be gone at the next try.
    """
    in_ecr = re.match(r'Failed to pull image "[0-9]{12}\.dkr\.ecr\.', pulling)
    return ": not found" in pulling if in_ecr else ": dial tcp" in pulling


def _why_runnable(cluster: EksCluster, job: Mapping[str, Any]) -> Finding | None:
    reason = job.get("statusReason") or ""
    environments = compute_environments_of(cluster, job["jobQueue"])
    for environment in environments:
        if environment["status"] == "INVALID":
            invalid = explain_invalid(cluster, environment)
            answer = f"{reason} {invalid.resource}: {invalid.answer}".strip()
            return Finding(answer, invalid.cause, invalid.next_step)
    known = next((row for row in RUNNABLE_REASONS if row.words in reason), None)
    if known:
        return Finding(reason, known.cause, known.fix, known.is_final)
    denied = [finding for environment in environments for finding in missing_namespace_policy(cluster, environment)]
    if denied:
        return Finding(denied[0].problem, "Batch may not create the pod of the job", denied[0].fix)
    findings = [finding for environment in environments for finding in missing_node_access(cluster, environment)]
    if not findings:
        return None
    return Finding(
        f"the node role: {findings[0].problem}",
        "instances start but cannot join the cluster, so the job finds no node",
        findings[0].fix,
    )
