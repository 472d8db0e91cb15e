"""What became of jobs, as Prefect events that automations can match.

One event for each job that failed or hangs, at most 100 a run, and one for the run: events of every transition of
thousands of jobs would flood the server.
"""

from collections.abc import Iterable

from prefect.events import emit_event

from tasks.job import JobResult
from tasks.job_progress import counted

MOST_EVENTS = 100


def emit_job_events(results: Iterable[JobResult], run_id: str) -> None:
    """Emit `aws-batch.job.failed`, `aws-batch.job.stuck`, and one `aws-batch.jobs.ended` with the counts by status.

    Each is related to the flow run that it is emitted in.

    Args:
        results: All jobs of the run, as they ended or hang.
        run_id: Id of the flow run.
    """
    results = list(results)
    troubled = [result for result in results if result.status == "FAILED" or result.explanation]
    for result in troubled[:MOST_EVENTS]:
        emit_event(
            event="aws-batch.job.stuck" if result.explanation else "aws-batch.job.failed",
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
    emit_event(
        event="aws-batch.jobs.ended",
        resource={"prefect.resource.id": f"aws-batch.jobs.{run_id}"},
        payload={"jobs": counted(results), "failed": len(troubled)},
    )
