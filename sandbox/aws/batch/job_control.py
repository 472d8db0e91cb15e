"""DescribeJobs, CancelJob, TerminateJob and their bulk forms, GetJobQueueSnapshot."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from sandbox.aws.batch import job_documents
from sandbox.aws.batch.core import Core
from sandbox.aws.batch.identifiers import now_ms, short_name
from sandbox.aws.batch.jobs import WAITING, Job
from sandbox.aws.batch.lifecycle import Lifecycle
from sandbox.aws.batch.pod_runner import PodRunner
from sandbox.aws.batch.refusals import client_exception, execution_exception

_MOST_DESCRIBED = 100
_MOST_STOPPED = 50
_MOST_REASON = 1024
_FRONT = 100


class JobControl:
    """The operations on jobs that exist."""

    def __init__(self, core: Core, lifecycle: Lifecycle, runner: PodRunner) -> None:
        self._core = core
        self._lifecycle = lifecycle
        self._runner = runner

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeJobs: at most 100 ids; unknown ones are left out."""
        ids = request["jobs"]
        if len(ids) > _MOST_DESCRIBED:
            # pegasus-isi/pegasus#2086 (verbatim, spaces included).
            raise execution_exception(f"Maximum number of jobs supported is  {_MOST_DESCRIBED} .")
        with self._core.lock:
            found = [self._core.state.jobs.get(job_id) for job_id in ids]
            return {"jobs": [job_documents.detail(job) for job in found if job is not None]}

    def cancel(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """CancelJob: what has not begun to start becomes FAILED; anything else is left as it is."""
        self._stop_all([request["jobId"]], request["reason"], terminate=False)
        return {}

    def terminate(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """TerminateJob: in whatever state it is."""
        self._stop_all([request["jobId"]], request["reason"], terminate=True)
        return {}

    def cancel_many(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """CancelJobs: "jobs that can't be found are treated as successfully processed"."""
        return self._many(request, terminate=False)

    def terminate_many(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """TerminateJobs, likewise."""
        return self._many(request, terminate=True)

    def _many(self, request: Mapping[str, Any], *, terminate: bool) -> dict[str, Any]:
        """[B:CancelJobs]: 200 with one verdict for each id.

        What can fail for a single id is not documented; here an id that cannot be one (our wording).
        """
        ids = request["jobs"]
        if not 1 <= len(ids) <= _MOST_STOPPED:
            raise execution_exception(f"jobs must have 1 to {_MOST_STOPPED} job IDs")
        errors = [
            {"job": job_id, "code": "ClientException", "message": f"Invalid job ID {job_id!r}"}
            for job_id in ids
            if not job_id.strip()
        ]
        good = [job_id for job_id in ids if job_id.strip()]
        self._stop_all(good, request["reason"], terminate=terminate)
        return {"successful": good, "errors": errors}

    def _stop_all(self, ids: list[str], reason: str, *, terminate: bool) -> None:
        if not reason or len(reason) > _MOST_REASON:
            raise execution_exception(f"reason must have 1 to {_MOST_REASON} characters")
        with self._core.lock:
            for job_id in ids:
                job = self._core.state.jobs.get(job_id)
                if job is not None:
                    self.stop(job, reason, terminate=terminate)

    def stop(self, job: Job, reason: str, *, terminate: bool) -> None:
        """Cancel or terminate a job. Called with the lock held."""
        if job.ended or (job.status not in WAITING and not terminate):
            return
        if terminate:
            job.terminated = True
        else:
            job.cancelled = True
        if job.children is not None:
            job.stop_reason = job.stop_reason or reason
            for child in job.children:
                self.stop(child, reason, terminate=terminate)
        elif job.status in ("STARTING", "RUNNING") or self._runner.is_placing(job):
            self._runner.stop(job, reason)
        elif job.status == "PENDING" and job.waiting_for:
            # Ends when the jobs that it waits for have ended [B:CancelJobs].
            job.stop_reason = job.stop_reason or reason
        else:
            self._lifecycle.end(job, "FAILED", reason)
            self._core.wake()

    def snapshot(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """GetJobQueueSnapshot: the first 100 RUNNABLE jobs in the order they will be placed."""
        with self._core.lock:
            queue = self._core.state.queues.get(short_name(request["jobQueue"]))
            if queue is None:
                raise client_exception(f"JobQueue {request['jobQueue']} not found.")
            now = now_ms()
            front = [
                {"jobArn": job.arn(), "earliestTimeAtPosition": job.created}
                for job in islice(queue.order.jobs(), _FRONT)
            ]
        return {"frontOfQueue": {"jobs": front, "lastUpdatedAt": now}}
