"""Ending jobs: those of a run that is cancelled, killed or given up."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prefect.exceptions import Pause

from blocks.eks_cluster import EksCluster
from specs.submitted_name import run_digits
from tasks.job_listing import list_submitted
from tasks.job_queue import job_queue_names
from tasks.step import step

BULK = 50  # botocore batch TerminateJobsRequest.jobs
ENDED = ("SUCCEEDED", "FAILED")


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
    for start in range(0, len(alive), BULK):
        cluster.batch.terminate_jobs(jobs=alive[start : start + BULK], reason=reason)
    return alive


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
