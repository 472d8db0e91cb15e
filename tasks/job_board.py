"""A task run for each job, so that the UI shows jobs one by one, although one watcher follows all of them."""

import threading
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from prefect.futures import PrefectFuture

from tasks.failed_job import explain_failed
from tasks.job import JobResult
from tasks.job_submission import SubmittedJob
from tasks.step import step

# More would flood the server, and nobody reads them one by one.
MOST_TASK_RUNS = 50


class JobEndedError(Exception):
    """The job of a task run failed or hangs; the message says why. That of the run names all such jobs."""


class JobBoard:
    """Where the watcher writes how the jobs stand, and the task runs of the jobs read it.

    A context manager: at its end nobody waits any more.
    """

    def __init__(self) -> None:
        self._results: dict[str, JobResult] = {}
        self._closed = False
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def write(self, results: Iterable[JobResult]) -> None:
        """Write down how the jobs stand."""
        with self._changed:
            self._results = {result.job_id: result for result in results}
            self._changed.notify_all()

    def read_end(self, job_id: str) -> JobResult | None:
        """Wait until a job has ended or hangs; None where that is not watched any longer."""
        with self._changed:
            while True:
                result = self._results.get(job_id)
                if result and (result.ended or result.explanation):
                    return result
                if self._closed:
                    return None
                self._changed.wait()


def show_as_task_runs(board: JobBoard, jobs: Sequence[SubmittedJob]) -> list[PrefectFuture[JobResult | None]]:
    """Begin a task run for each job, if they are no more than 50.

    Args:
        board: Where their states are written.
        jobs: The jobs.
    """
    return [follow_job.submit(board, job) for job in jobs] if len(jobs) <= MOST_TASK_RUNS else []


# Prefect logs no traceback of an error that its retry condition has refused, and a traceback says nothing of a job.
@step("job {job.job_name}")
def follow_job(board: JobBoard, job: SubmittedJob) -> JobResult | None:
    """Last as long as a job does.

    Args:
        board: Where the watcher writes.
        job: The job.

    Raises:
        JobEndedError: If the job failed or hangs.
    """
    result = board.read_end(job.job_id)
    if result and result.explanation:
        raise JobEndedError(result.explanation)
    if result and result.status == "FAILED":
        raise JobEndedError(str(explain_failed(result)))
    return result
