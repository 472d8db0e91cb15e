"""What becomes of jobs, as Prefect events that automations can match.

One event for each job that failed or hangs, as soon as that is seen and at most 100 a run, and one for the run. Events
of every transition of thousands of jobs would flood the server: there are such only where they are asked for.
"""

from collections.abc import Iterable

from prefect.events import emit_event

from tasks.job import JobResult
from tasks.job_progress import counted

MOST_EVENTS = 100


class JobEvents:
    """Emits what happens to the jobs of a run: `aws-batch.job.failed` and `aws-batch.job.stuck`.

    Each event is related to the flow run that it is emitted in. What was emitted before the run was suspended, or
    before its process died, is emitted again.

    Args:
        every_transition: Emit `aws-batch.job.<status>`, in lower case, for each status that a job is seen in too, such
            as `aws-batch.job.running`, and for every job.
    """

    def __init__(self, *, every_transition: bool = False) -> None:
        self._every_transition = every_transition
        self._left = MOST_EVENTS
        self._seen: dict[str, str] = {}
        self._stuck: set[str] = set()

    def show(self, results: Iterable[JobResult]) -> None:
        """Emit what is new since the last look.

        Args:
            results: All jobs of the run.
        """
        for result in results:
            is_new = self._seen.get(result.job_id) != result.status
            self._seen[result.job_id] = result.status
            if is_new and (result.status == "FAILED" or self._every_transition):
                self._emit(result.status.lower(), result)
            if result.explanation and result.job_id not in self._stuck:
                self._stuck.add(result.job_id)
                self._emit("stuck", result)

    def _emit(self, what: str, result: JobResult) -> None:
        self._left -= 1
        if self._left < 0 and not self._every_transition:
            return
        emit_event(
            event=f"aws-batch.job.{what}",
            resource={
                "prefect.resource.id": f"aws-batch.job.{result.job_id}",
                "prefect.resource.name": result.job_name,
            },
            payload={
                "status": result.status,
                "status_reason": result.status_reason,
                "exit_code": result.exit_code,
                "explanation": result.explanation,
                "console_url": result.console_url,
            },
        )


def emit_end(results: Iterable[JobResult], run_id: str) -> None:
    """Emit the one `aws-batch.jobs.ended` of a run, with the counts by status.

    Args:
        results: All jobs of the run, as they ended or hang.
        run_id: Id of the flow run.
    """
    results = list(results)
    failed = sum(result.status == "FAILED" or bool(result.explanation) for result in results)
    emit_event(
        event="aws-batch.jobs.ended",
        resource={"prefect.resource.id": f"aws-batch.jobs.{run_id}"},
        payload={"jobs": counted(results), "failed": failed},
    )
