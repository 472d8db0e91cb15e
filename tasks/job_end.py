"""Ending jobs: those of a run that is cancelled, killed or given up."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from prefect.exceptions import Pause

from blocks.aws_errors import error_text
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.submitted_name import run_digits
from tasks.job import ENDED
from tasks.job_listing import list_submitted
from tasks.job_queue import job_queue_names
from tasks.step import step

BULK = 50  # botocore batch TerminateJobsRequest.jobs
LONGEST_REASON = 1024  # [API] TerminateJob, reason


def end_jobs_of_run(cluster: EksCluster, run_id: str, queues: Iterable[str], reason: str) -> list[str]:
    """End every job of a run that has not ended, whatever its state; can be repeated.

    Args:
        cluster: Gives the Batch client.
        run_id: Id of the flow run that submitted them.
        queues: The queues they may be in.
        reason: Shown as the jobs' statusReason.

    Returns:
        The ids of the jobs that were told to end. AWS Batch gives a running one 30 seconds.
    """
    found = [job for queue in sorted(queues) for job in list_submitted(cluster, queue, f"{run_digits(run_id)}-")]
    alive = [job["jobId"] for job in found if job["status"] not in ENDED]
    terminate(cluster, alive, reason)
    return alive


def terminate(cluster: EksCluster, job_ids: Sequence[str], reason: str) -> None:
    """End jobs, whatever their state; those that have ended stay as they are.

    Args:
        cluster: Gives the Batch client.
        job_ids: The jobs.
        reason: Shown as their statusReason, at most 1,024 characters (botocore batch TerminateJobsRequest.reason).

    Raises:
        OperationError: If AWS refused for some of them, after all were tried: it answers 200 even then
            (botocore batch TerminateJobsResponse.errors).
    """
    chunks = [list(job_ids[start : start + BULK]) for start in range(0, len(job_ids), BULK)]
    answers = [cluster.batch.terminate_jobs(jobs=chunk, reason=reason) for chunk in chunks]
    errors = [error for answer in answers for error in answer.get("errors", ())]
    if errors:
        raise OperationError(
            f"{len(errors)} of {len(job_ids)} jobs, {errors[0].get('job')} among them",
            f"{errors[0].get('code')}: {errors[0].get('message')}",
            "AWS Batch did not end these jobs",
            "run reap_jobs again",
            can_heal=True,
        )


def end_stuck_job(cluster: EksCluster, job_id: str, explanation: OperationError) -> str:
    """End a job that can never start.

    Args:
        cluster: Gives the Batch client.
        job_id: The job, or the array job that it is a child of.
        explanation: Why it cannot; shown as the job's statusReason.

    Returns:
        The explanation, and what became of the job.
    """
    reason = " ".join(f"It can never start: {explanation.answer}. {explanation.cause}".split())
    try:
        cluster.batch.terminate_job(jobId=job_id, reason=reason[:LONGEST_REASON])
    except (ClientError, BotoCoreError) as error:
        return f"{explanation}\n  It can never start, but could not be ended: {error_text(error)}"
    return f"{explanation}\n  It was ended, since it can never start as it was submitted"


@step("end of the jobs of {run_id}")
def end_all_jobs(cluster: EksCluster, run_id: str) -> list[str]:
    """End the jobs of a run in whichever queue of the account they are.

    Args:
        cluster: Gives the Batch client.
        run_id: Id of the flow run that submitted them.

    Returns:
        The ids of the jobs that were told to end.
    """
    return end_jobs_of_run(cluster, run_id, job_queue_names(cluster), f"flow run {run_id} has ended")


@contextmanager
def ended_with_the_run(cluster: EksCluster, run_id: str, queues: Iterable[str], *, on_failure: bool) -> Iterator[None]:
    """End the jobs of a run that is interrupted while the body goes on: cancelled, or its process told to stop.

    The first of three layers; the others are the hooks of the flow, and the deployment reap-jobs, which needs no
    process of the run to be alive.

    Args:
        cluster: Gives the Batch client.
        run_id: Id of the flow run.
        queues: The queues of its jobs.
        on_failure: Whether jobs that have not ended are ended too when the body fails.
    """
    try:
        yield
    except Pause:  # suspended: the jobs go on without it
        raise
    except Exception:
        if on_failure:
            end_jobs_of_run(cluster, run_id, queues, f"flow run {run_id} failed")
        raise
    except BaseException:
        end_jobs_of_run(cluster, run_id, queues, f"flow run {run_id} was cancelled")
        raise
