"""The tutorial's story against the sandbox: each chapter does one thing and checks what it claims."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import boto3

from blocks.eks_cluster import EksCluster
from demo.narration import narrate
from flows.preflight import preflight
from flows.setup import setup_batch
from flows.submit import TUTORIAL_JOBS, submit_jobs
from flows.teardown import teardown
from sandbox.remote import RemoteSandbox
from specs.job_request import JobRequest
from specs.platform import PlatformSpec
from tasks.job_report import JobsFailedError, JobsReport
from tasks.preflight.report import PreflightReport
from tasks.report import Report

PUBLIC_IMAGE = "public.ecr.aws/amazonlinux/amazonlinux:2"
STUCK_AFTER_SECONDS = 5


class NotAsClaimedError(Exception):
    """What the demo claims did not happen."""


def tell(sandbox: RemoteSandbox) -> list[str]:
    """Tell all chapters, one line each, and go on where one fails.

    Args:
        sandbox: The running sandbox; its environment is already this process's own.

    Returns:
        The titles of the chapters that failed.
    """
    story = _Story(sandbox)
    with narrate(), ThreadPoolExecutor(1) as background:
        chapters: list[tuple[str, Callable[[], str]]] = [
            ("Check every prerequisite", story.preflight),
            ("Set Batch up with the tutorial's names", story.first_setup),
            ("Submit the tutorial's job (sleep 60), followed in the background", lambda: story.submit(background)),
            ("Set up again: nothing to do", story.second_setup),
            ("Submit it with another command", story.override),
            ("Submit it with the public image, which a private cluster cannot pull", story.public_image),
            ("Wait for the tutorial's job", story.wait),
            ("Take it all down again: only what is ours", story.teardown),
        ]
        return [title for title, chapter in chapters if not _told(title, chapter)]


def _told(title: str, chapter: Callable[[], str]) -> bool:
    print(f"\n== {title}", flush=True)
    started = time.monotonic()
    try:
        result = chapter()
    except Exception as error:
        print(f"   FAILED after {time.monotonic() - started:.1f} s: {type(error).__name__}: {error}", flush=True)
        logging.getLogger(__name__).debug("chapter failed", exc_info=True)
        return False
    print(f"   ok, {time.monotonic() - started:.1f} s: {result}", flush=True)
    return True


class _Story:
    def __init__(self, sandbox: RemoteSandbox) -> None:
        self._sandbox = sandbox
        self._cluster = EksCluster(cluster_name=sandbox.env["EKS_CLUSTER"])
        self._platform = PlatformSpec.model_validate(
            {"computeEnvironment": {"computeResources": {"instanceRole": sandbox.env["INSTANCE_PROFILE"]}}}
        )
        self._sleeping: Future[JobsReport] | None = None
        self._map_roles_before = ""

    def preflight(self) -> str:
        report: PreflightReport = preflight(self._cluster, self._platform)
        _check(not report.of("ERROR"), f"it finds {report.findings}")
        return report.summary

    def first_setup(self) -> str:
        self._map_roles_before = self._map_roles()
        report: Report = setup_batch(self._cluster, self._platform)
        _show(report)
        _check(
            all(outcome.action in ("created", "updated") for outcome in report.outcomes), "a step found its work done"
        )
        return report.summary

    def second_setup(self) -> str:
        self._sandbox.clear_calls()
        report: Report = setup_batch(self._cluster, self._platform)
        ours = [call for call in self._sandbox.calls() if call["mutating"] and not _is_batch_at_work(call["user"])]
        _check(not report.changed, f"the second setup changed {report.changed}")
        _check(not ours, f"the second setup made mutating calls: {ours}")
        return f"{report.summary}; 0 mutating calls counted at the servers"

    def submit(self, background: ThreadPoolExecutor) -> str:
        self._sleeping = background.submit(submit_jobs, self._cluster, [TUTORIAL_JOBS[0]])
        while not (self._sleeping.done() or self._was_called("SubmitJob")):
            time.sleep(0.1)
        return "the next chapters go on meanwhile"

    def _was_called(self, operation: str) -> bool:
        return any(call["operation"] == operation for call in self._sandbox.calls())

    def wait(self) -> str:
        if self._sleeping is None:
            raise NotAsClaimedError("it was never submitted")
        job = self._sleeping.result().jobs[0]
        _check(job.status == "SUCCEEDED" and job.exit_code == 0, f"it ended as {job}")
        _check(job.seconds is not None and 59 <= job.seconds <= 70, f"it ran for {job.seconds} s, not a minute")
        return f"{job.job_name} {job.status}, exit code {job.exit_code}, {job.seconds:.0f} s in pod {job.pod_name}"

    def override(self) -> str:
        job = submit_jobs(self._cluster, [TUTORIAL_JOBS[1]]).jobs[0]
        _check(job.status == "SUCCEEDED", f"it ended as {job}")
        _check(job.log.strip() == "hello world", f"its log is {job.log!r}")
        return f"{job.job_name} {job.status}, its log: {job.log.strip()}"

    def public_image(self) -> str:
        request = JobRequest.from_document(
            {
                "jobName": "EksWithPublicImage",
                "jobQueue": "My-Eks-JQ1",
                "jobDefinition": "MyJobOnEks_Sleep",
                "eksPropertiesOverride": {"podProperties": {"containers": [{"image": PUBLIC_IMAGE}]}},
            }
        )
        try:
            submit_jobs(self._cluster, [request], stuck_after_seconds=STUCK_AFTER_SECONDS)
        except JobsFailedError as error:
            explanation = str(error)
        else:
            raise NotAsClaimedError("the job ran")
        for words in (f'Failed to pull image "{PUBLIC_IMAGE}"', "i/o timeout", "mirror the image to the private ECR"):
            _check(words in explanation, f"the explanation does not say {words!r}: {explanation}")
        print("\n".join(f"     {line}" for line in explanation.splitlines()), flush=True)
        self._end_stuck_jobs()
        return "it stays in STARTING, the run says why and what to do; the job was terminated"

    def teardown(self) -> str:
        report: Report = teardown(self._cluster, self._platform, jobs="wait", delete_images=True, approve=False)
        _show(report)
        actions = {outcome.action for outcome in report.outcomes}
        _check(actions <= {"deleted", "absent"}, f"something was kept: {report.outcomes}")
        _check(not boto3.client("batch").describe_compute_environments()["computeEnvironments"], "Batch is still there")
        _check(self._map_roles() == self._map_roles_before, "aws-auth is not as it was before")
        again: Report = teardown(self._cluster, self._platform, delete_images=True, approve=False)
        _check(not again.changed, f"the second teardown changed {again.changed}")
        return f"{report.summary}; aws-auth is byte for byte what it was; a second teardown finds nothing to do"

    def _map_roles(self) -> str:
        return str(self._cluster.core_v1.read_namespaced_config_map("aws-auth", "kube-system").data["mapRoles"])

    def _end_stuck_jobs(self) -> None:
        batch = boto3.client("batch")
        for job in batch.list_jobs(jobQueue="My-Eks-JQ1", jobStatus="STARTING")["jobSummaryList"]:
            batch.terminate_job(jobId=job["jobId"], reason="the demo has shown it")


def _show(report: Report) -> None:
    for outcome in report.outcomes:
        print(f"     {outcome.action:9} {outcome.label}", flush=True)


def _is_batch_at_work(user: str) -> bool:
    """Whether a call was made by Batch or a node, for the job that runs meanwhile."""
    return user == "aws-batch" or user.startswith("system:node:")


def _check(truth: bool, otherwise: str) -> None:
    if not truth:
        raise NotAsClaimedError(otherwise)
