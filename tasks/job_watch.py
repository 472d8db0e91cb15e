"""Follow jobs to their end: one watcher for all of them, a hundred ids a call."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from prefect.logging import get_run_logger

from blocks.eks_cluster import EksCluster
from tasks.job import JobResult, SubmittedJob, describe_jobs, job_result
from tasks.pod import pod_namespace, read_pod_log
from tasks.step import step
from tasks.stuck_job import explain_stuck

FIRST_PAUSE = 0.5
# The log of a pod goes with the pod, soon after its end, so the few whose logs are followed are looked at more often.
LONGEST_PAUSE, LONGEST_PAUSE_WITH_LOGS = 15.0, 3.0
LOGS_FOLLOWED = 20
WAITING = ("RUNNABLE", "STARTING")


@step("watch of the jobs")
def watch_jobs(
    cluster: EksCluster, submitted: Sequence[SubmittedJob], *, stuck_after_seconds: float = 900, wait: bool = True
) -> list[JobResult]:
    """Follow jobs until every one has ended, or hangs and is explained.

    Args:
        cluster: Gives the Batch client and the pods' logs.
        submitted: The jobs.
        stuck_after_seconds: How long a job may stay in RUNNABLE or in STARTING before it is explained and no longer
            waited for; Batch's own time-out counts from RUNNING only, so a job whose image cannot be pulled would
            be waited for without end.
        wait: Look once only, where False.

    Returns:
        One result a job, in the order given.
    """
    watch = _Watch(cluster, submitted, stuck_after_seconds)
    pause, longest = FIRST_PAUSE, LONGEST_PAUSE if len(submitted) > LOGS_FOLLOWED else LONGEST_PAUSE_WITH_LOGS
    while not watch.look() and wait:
        time.sleep(pause)
        pause = min(pause * 1.2, longest)
    return [watch.results[job.job_id] for job in submitted]


class _Watch:
    """What is known of the jobs so far."""

    def __init__(self, cluster: EksCluster, jobs: Sequence[SubmittedJob], stuck_after_seconds: float) -> None:
        self.results = {
            job.job_id: JobResult(
                job_name=job.job_name, job_id=job.job_id, status="SUBMITTED", console_url=job.console_url
            )
            for job in jobs
        }
        self._cluster = cluster
        self._stuck_after = stuck_after_seconds
        self._since = {job.job_id: time.monotonic() for job in jobs}
        self._namespaces: dict[str, str] = {}
        self._logger = get_run_logger()

    def look(self) -> bool:
        """Describe what has not ended once; True when nothing is left to wait for."""
        open_ids = [job_id for job_id, result in self.results.items() if not result.ended and not result.explanation]
        for job_id, job in describe_jobs(self._cluster, open_ids).items():
            before = self.results[job_id]
            result = job_result(self._cluster, job, log=before.log)
            if result.status != before.status:
                self._since[job_id] = time.monotonic()
                self._logger.info("%s is %s %s", result.job_name, result.status, result.status_reason)
            if self._is_stuck(result):
                explanation = str(explain_stuck(self._cluster, job))
                self._logger.warning(explanation)
                result = result.model_copy(update={"explanation": explanation})
            self.results[job_id] = self._with_log(result, job)
        return all(result.ended or result.explanation for result in self.results.values())

    def _is_stuck(self, result: JobResult) -> bool:
        waited = time.monotonic() - self._since[result.job_id]
        return result.status in WAITING and waited >= self._stuck_after

    def _with_log(self, result: JobResult, job: Mapping[str, Any]) -> JobResult:
        if len(self.results) > LOGS_FOLLOWED or not result.pod_name or result.status in WAITING:
            return result
        if job["jobQueue"] not in self._namespaces:
            self._namespaces[job["jobQueue"]] = pod_namespace(self._cluster, job)
        log = read_pod_log(self._cluster, self._namespaces[job["jobQueue"]], result.pod_name)
        return result if log is None else result.model_copy(update={"log": log})
