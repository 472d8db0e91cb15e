"""What becomes of a job from SUBMITTED to its end: dependencies, arrays, retries."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from sandbox.aws.batch import job_documents
from sandbox.aws.batch.core import Core
from sandbox.aws.batch.identifiers import now_ms
from sandbox.aws.batch.jobs import Job

DEPENDENCY_FAILED = "Dependent Job failed"
CHILD_FAILED = "Array Child Job failed"
TIMED_OUT = "Job attempt duration exceeded timeout"
"""Status reasons as users report them of Batch; no page of the User Guide lists them."""


class Lifecycle:
    """Moves jobs from status to status. All methods are called with the core's lock held."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._ended: deque[Job] = deque()
        self._following = False

    def submitted(self, job: Job) -> None:
        """Take a new job further, a moment after it was answered SUBMITTED."""
        self._core.timers.after(0, lambda: self._admit(job))

    def _admit(self, job: Job) -> None:
        with self._core.lock:
            if job.status != "SUBMITTED":
                return
            if job.children is None:
                self._wait(job, self._unfinished(job, None))
                return
            # An array parent is PENDING while its children run [B:ListJobsRequest.jobStatus].
            self._enter(job, "PENDING")
            for child in job.children:
                self._wait(child, self._unfinished(job, child))

    def _unfinished(self, job: Job, child: Job | None) -> list[Job | None]:
        """Jobs that a job (or a child of it) waits for; None stands for one that has been forgotten."""
        found: list[Job | None] = []
        jobs = self._core.state.jobs
        for dependency in job.spec.depends_on:
            kind = dependency.get("type")
            if kind == "SEQUENTIAL":
                if child is not None and child.index:
                    assert job.children is not None
                    found.append(job.children[child.index - 1])
            elif kind == "N_TO_N" and child is not None:
                found.append(jobs.get(f"{dependency['jobId']}:{child.index}"))
            else:
                found.append(jobs.get(dependency["jobId"]))
        return found

    def _wait(self, job: Job, others: list[Job | None]) -> None:
        """PENDING until the others have succeeded; FAILED if one of them has failed."""
        if job.ended:
            return
        waiting = [other for other in others if other is not None and other.status != "SUCCEEDED"]
        if any(other.status == "FAILED" for other in waiting):
            self.end(job, "FAILED", DEPENDENCY_FAILED)
        elif waiting:
            self._enter(job, "PENDING")
            job.waiting_for = {other.id for other in waiting}
            for other in waiting:
                self._core.state.jobs.dependents.setdefault(other.id, []).append(job)
        else:
            self.runnable(job)

    def runnable(self, job: Job) -> None:
        """Put a job in line."""
        self._enter(job, "RUNNABLE")
        job.queue.order.add(job)
        self._core.wake()

    def starting(self, job: Job) -> None:
        """A pod of the job exists."""
        job.status_reason = None
        self._enter(job, "STARTING")

    def running(self, job: Job) -> None:
        """The pod's containers run."""
        job.started = now_ms()
        if job.attempt is not None:
            job.attempt.started = job.started
        self._enter(job, "RUNNING")

    def attempt_ended(self, job: Job, *, succeeded: bool) -> None:
        """The job's pod has ended: record the attempt, then end the job or try again."""
        assert job.attempt is not None
        job.stopped = now_ms()
        reason = job.stop_reason
        record = _attempt_record(job, reason)
        job.finished_attempts = [*(job.finished_attempts or []), record]
        if succeeded and reason is None:
            self.end(job, "SUCCEEDED", None)
        elif reason is not None or not self._retries(job, record):
            # Cancelled, terminated and timed-out jobs are not retried (User Guide, job_retries).
            self.end(job, "FAILED", reason)
        else:
            job.started = job.stopped = None
            self.runnable(job)

    def _retries(self, job: Job, record: Mapping[str, Any]) -> bool:
        retry = job.spec.retry
        if job.attempt_number >= retry["attempts"]:
            return False
        containers = record["containers"]
        failed = next((each for each in containers if each.get("exitCode")), containers[0] if containers else {})
        for condition in retry["evaluateOnExit"]:
            observed = {
                "onStatusReason": record.get("statusReason", ""),
                "onReason": failed.get("reason", ""),
                "onExitCode": str(failed.get("exitCode", "")),
            }
            if all(_glob(condition[key], value) for key, value in observed.items() if condition.get(key)):
                return str(condition["action"]).upper() == "RETRY"
        # "If none of the listed conditions match, then the job is retried" (User Guide, job_retries).
        return True

    def end(self, job: Job, status: str, reason: str | None) -> None:
        """SUCCEEDED or FAILED, with all that follows for those who wait for it."""
        if job.ended:
            return
        job.status_reason = reason
        job.waiting_for = None
        if job.stopped is None and (job.started is not None or status == "FAILED"):
            job.stopped = now_ms()
        job.queue.order.remove(job)
        self._enter(job, status)
        self._ended.append(job)
        # One end leads to the next, 10,000 times in a SEQUENTIAL array: in a loop, as the stack is not that deep.
        if not self._following:
            self._following = True
            try:
                while self._ended:
                    self._follow(self._ended.popleft())
            finally:
                self._following = False

    def _follow(self, job: Job) -> None:
        for dependent in self._core.state.jobs.dependents.pop(job.id, []):
            self._dependency_ended(dependent, job)
        if job.parent is not None:
            self._child_ended(job.parent)
        elif retention := self._core.settings.ended_job_retention:
            self._core.timers.after(retention, lambda: self._forget(job))
        else:
            # Not by the timers' thread: nobody is to see that it ended.
            self._forget(job)

    def _dependency_ended(self, job: Job, other: Job) -> None:
        if job.ended or job.waiting_for is None:
            return
        job.waiting_for.discard(other.id)
        if job.stop_reason is not None:
            # "A PENDING job is cancelled after all dependency jobs are completed" [B:CancelJobs].
            if not job.waiting_for:
                self.end(job, "FAILED", job.stop_reason)
        elif other.status == "FAILED":
            self.end(job, "FAILED", DEPENDENCY_FAILED)
        elif not job.waiting_for:
            self.runnable(job)

    def _child_ended(self, parent: Job) -> None:
        """The parent ends with its last child, FAILED if any child failed (User Guide, array_jobs)."""
        assert parent.counts is not None
        succeeded, failed = parent.counts.get("SUCCEEDED", 0), parent.counts.get("FAILED", 0)
        if succeeded + failed < len(parent.children or ()):
            return
        parent.stopped = now_ms()
        if failed:
            self.end(parent, "FAILED", parent.stop_reason or CHILD_FAILED)
        else:
            self.end(parent, "SUCCEEDED", None)

    def _enter(self, job: Job, status: str) -> None:
        if job.status == status:
            return
        self._core.state.jobs.move(job, status, now_ms())
        self._core.events.job(job.arn(), lambda: job_documents.detail(job))

    def _forget(self, job: Job) -> None:
        with self._core.lock:
            self._core.state.jobs.discard(job)


def _attempt_record(job: Job, reason: str | None) -> dict[str, Any]:
    """A finished attempt [B:EksAttemptDetail]."""
    attempt = job.attempt
    assert attempt is not None
    record: dict[str, Any] = {
        "containers": attempt.containers,
        "initContainers": attempt.init_containers,
        "eksClusterArn": attempt.node.environment.eks_configuration["eksClusterArn"],
        "podName": attempt.pod_name,
        "podNamespace": attempt.namespace,
        "nodeName": attempt.node.name,
        "stoppedAt": job.stopped,
    }
    if attempt.started is not None:
        record["startedAt"] = attempt.started
    return record | ({"statusReason": reason} if reason else {})


def _glob(pattern: str, value: str) -> bool:
    """[B:EvaluateOnExit]: an exact match, or a prefix if the pattern ends with an asterisk."""
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    return value == pattern
