"""Follow jobs to their end: one watcher for all of them, a hundred ids a call."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from prefect.logging import get_run_logger

from blocks.eks_cluster import EksCluster
from tasks.job import ENDED, JobResult, describe_jobs, failed_children, job_result, quiet_seconds
from tasks.job_changes import Changes, Polling
from tasks.job_end import end_stuck_job
from tasks.job_log import JobLogs, with_log
from tasks.job_state_messages import NET_SECONDS, NET_SECONDS_WITH_LOGS, Messages
from tasks.job_submission import SubmittedJob
from tasks.log_tail import KeptLog
from tasks.step import step
from tasks.stuck_job import explain_stuck

# The log of a pod goes with the pod, soon after its end, so the few whose logs are followed are looked at more often.
LONGEST_PAUSE, LONGEST_PAUSE_WITH_LOGS = 15.0, 3.0
LOGS_FOLLOWED = 20
LINES_LOGGED = 50
# A new job may not be shown yet; one that ended is shown for 7 days at least (User Guide, job_states).
ABSENT_SECONDS = 600.0
WAITING = ("RUNNABLE", "STARTING")


@step("watch of the jobs")
def watch_jobs(
    cluster: EksCluster,
    submitted: Sequence[SubmittedJob],
    *,
    stuck_after_seconds: float = 900,
    end_stuck_jobs: bool = False,
    wait: bool = True,
    resumed: bool = False,
    queue_url: str = "",
    logs: JobLogs,
    show: Sequence[Callable[[Collection[JobResult]], None]] = (),
) -> list[JobResult]:
    """Follow jobs until every one has ended, or hangs and is explained.

    Args:
        cluster: Gives the Batch client.
        submitted: The jobs.
        stuck_after_seconds: How long a job, or all open children of an array job, may stay in RUNNABLE or in STARTING
            before it is explained and no longer waited for; Batch's own time-out counts from RUNNING only, so a job
            whose image cannot be pulled would be waited for without end.
        end_stuck_jobs: End a job that hangs and can never start as it was submitted.
        wait: Look once only, where False.
        resumed: Whether the jobs may have hung for long when the watch begins.
        queue_url: SQS queue that is told of the jobs' changes; empty where they are polled.
        logs: Follows the logs of some of them, and reads those of the ones that ended.
        show: Called with all jobs after each look.

    Returns:
        One result a job, in the order given.
    """
    watch = _Watch(cluster, submitted, stuck_after_seconds, logs, end_stuck_jobs=end_stuck_jobs, resumed=resumed)
    changes = _changes(cluster, queue_url, stuck_after_seconds, with_logs=len(submitted) <= LOGS_FOLLOWED)
    asked: Collection[str] = watch.open_jobs.keys()
    while True:
        watch.look(asked)
        for each in show:
            each(watch.results.values())
        open_jobs = watch.open_jobs
        if not (wait and open_jobs):
            return [watch.results[job.job_id] for job in submitted]
        asked = changes.wait(open_jobs)


def _changes(cluster: EksCluster, queue_url: str, stuck_after_seconds: float, *, with_logs: bool) -> Changes:
    polling = Polling(LONGEST_PAUSE_WITH_LOGS if with_logs else LONGEST_PAUSE)
    if not queue_url:
        return polling
    # A job that hangs sends no message: only the net finds it.
    net = min(NET_SECONDS_WITH_LOGS if with_logs else NET_SECONDS, max(stuck_after_seconds, LONGEST_PAUSE_WITH_LOGS))
    return Messages(cluster, queue_url, net, polling)


class _Watch:
    """What is known of the jobs so far."""

    def __init__(
        self,
        cluster: EksCluster,
        jobs: Sequence[SubmittedJob],
        stuck_after_seconds: float,
        logs: JobLogs,
        *,
        end_stuck_jobs: bool,
        resumed: bool,
    ) -> None:
        self.results = {
            job.job_id: JobResult(
                job_name=job.job_name, job_id=job.job_id, status="SUBMITTED", console_url=job.console_url
            )
            for job in jobs
        }
        self._cluster = cluster
        self._stuck_after = stuck_after_seconds
        self._resumed = resumed
        self._end_stuck = end_stuck_jobs
        self._logs = logs
        self._logs_of_ended: dict[str, KeptLog] = {}
        # When a job was last seen to get on; an absent one was last seen then.
        self._since = dict.fromkeys(self.results, time.monotonic())
        self._moved = 0.0
        self._lines_left = LINES_LOGGED
        self._logger = get_run_logger()

    @property
    def open_jobs(self) -> dict[str, JobResult]:
        """The jobs that are still waited for, by their ids."""
        return {
            job_id: result for job_id, result in self.results.items() if not result.ended and not result.explanation
        }

    def look(self, job_ids: Collection[str]) -> None:
        """Describe jobs once.

        Args:
            job_ids: Of jobs that have not ended.
        """
        asked = list(job_ids)
        found = describe_jobs(self._cluster, asked)
        # Changes that the first look of a resumed run finds are as old as the run's last movement.
        self._moved = time.monotonic() - (quiet_seconds(found.values()) if self._resumed else 0.0)
        self._resumed = False
        named = [(self.results[job_id].job_name, job) for job_id, job in found.items()]
        self._logs_of_ended = self._logs.of_ended(one for one in named if one[1]["status"] in ENDED)
        for job_id, job in found.items():
            self.results[job_id] = self._looked_at(self.results[job_id], job)
        self._give_up_absent(job_id for job_id in asked if job_id not in found)
        self._give_up_waiting(found)
        self._logs.follow(one for one in named if one[1]["status"] not in ENDED)

    def _looked_at(self, before: JobResult, job: Mapping[str, Any]) -> JobResult:
        result = job_result(self._cluster, job, before.job_name)
        if (result.status, result.children) != (before.status, before.children):
            self._since[result.job_id] = self._moved
        if result.status != before.status:
            self._log(result)
        if result.ended:
            return self._ended(result)
        hanging = self._hanging(result, job)
        if hanging:
            explained = explain_stuck(self._cluster, hanging)
            ends = self._end_stuck and not explained.can_heal
            explanation = end_stuck_job(self._cluster, result.job_id, explained) if ends else str(explained)
            self._logger.warning(explanation)
            return result.model_copy(update={"explanation": explanation})
        return result

    def _ended(self, result: JobResult) -> JobResult:
        if result.status == "FAILED" and result.children:
            children = self._logs.of_failed_children(result.job_id, failed_children(self._cluster, result.job_id))
            return result.model_copy(update={"failed_children": children})
        return with_log(result, self._logs_of_ended.get(result.job_id))

    def _hanging(self, result: JobResult, job: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The job that hangs, if one does: this one, or of an array one that stands for its children."""
        if time.monotonic() - self._since[result.job_id] < self._stuck_after:
            return None
        if result.status in WAITING:
            return job
        return self._hanging_child(result) if result.children else None

    def _hanging_child(self, result: JobResult) -> Mapping[str, Any] | None:
        if result.children.get("RUNNING"):
            return None
        for status in ("STARTING", "RUNNABLE"):
            page = self._cluster.batch.list_jobs(arrayJobId=result.job_id, jobStatus=status, maxResults=1)
            for summary in page["jobSummaryList"]:
                return describe_jobs(self._cluster, [summary["jobId"]]).get(summary["jobId"])
        return None

    def _give_up_absent(self, job_ids: Iterable[str]) -> None:
        """AWS Batch forgets jobs a week after their end, and shows new ones a moment late."""
        for job_id in job_ids:
            if time.monotonic() - self._since[job_id] >= ABSENT_SECONDS:
                result = self.results[job_id]
                minutes = f"{ABSENT_SECONDS / 60:.0f} minutes"
                explanation = (
                    f"job {result.job_name} ({job_id}): AWS Batch has not shown it for {minutes}\n"
                    "  Cause: it ended more than 7 days ago and was forgotten, or it was lost\n"
                    "  Next step: look for its output; submit it again if there is none"
                )
                self.results[job_id] = result.model_copy(update={"status": "UNKNOWN", "explanation": explanation})

    def _give_up_waiting(self, found: Mapping[str, Mapping[str, Any]]) -> None:
        """A job that waits for one which hangs is waited for no longer either."""
        hanging = {job_id for job_id, result in self.results.items() if result.explanation}
        while hanging:
            behind = {
                job_id: blocker
                for job_id in self.open_jobs
                for blocker in [self._blocker(found.get(job_id, {}), hanging)]
                if blocker
            }
            for job_id, blocker in behind.items():
                explanation = f"job {self.results[job_id].job_name} ({job_id}): it waits for {blocker}, which hangs"
                self.results[job_id] = self.results[job_id].model_copy(update={"explanation": explanation})
            hanging = set(behind)

    def _blocker(self, job: Mapping[str, Any], hanging: set[str]) -> str:
        waits_for = (dependency.get("jobId", "") for dependency in job.get("dependsOn", ()))
        return next((self.results[job_id].job_name for job_id in waits_for if job_id in hanging), "")

    def _log(self, result: JobResult) -> None:
        """A line for each change of a status, as long as there are few; the artifact shows all."""
        if self._lines_left > 0 or result.status == "FAILED":
            self._lines_left -= 1
            reason = f": {result.status_reason}" if result.status_reason else ""
            self._logger.info("%s is %s%s", result.job_name, result.status, reason)
