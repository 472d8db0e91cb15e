"""Resume the runs that wait for their jobs without a worker."""

from prefect import flow
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import NotPausedError
from prefect.flow_runs import resume_flow_run

from blocks.eks_cluster import EksCluster
from flows.rerun import rerun_failed
from flows.submit import submit_jobs
from tasks.job_suspension import is_due, suspended_runs
from tasks.resumed_runs import show_resumed


@flow(name="watch-jobs", flow_run_name="watch suspended runs")
def watch_jobs(cluster: EksCluster) -> list[str]:
    """Resume suspended runs whose jobs have all ended or hang. Safe to run as often as one likes.

    A run of submit_jobs or rerun_failed with hold_worker=False is suspended while its jobs go on. It needs this flow,
    on a schedule, to be started again; then it looks at its jobs itself, and is suspended again should one of them
    still be open.

    Args:
        cluster: Whose account and region the jobs are in, and who calls AWS.

    Returns:
        The ids of the flow runs that were resumed; where there are any, also shown as the artifact watch-jobs.

    Raises:
        OperationError: If AWS refuses.
    """
    waiting = [run for one in (submit_jobs, rerun_failed) for run in suspended_runs(one.name)]
    due = [run for run in waiting if is_due(cluster, str(run.id), _stuck_after(run))]
    resumed = [str(run.id) for run in due if _resumed(run)]
    show_resumed(resumed, len(waiting))
    return resumed


def _stuck_after(run: FlowRun) -> float:
    parameters = submit_jobs.parameters.properties
    return float(run.parameters.get("stuck_after_seconds", parameters["stuck_after_seconds"]["default"]))


def _resumed(run: FlowRun) -> bool:
    try:
        resume_flow_run(run.id)
    except NotPausedError:
        return False  # somebody else was faster, or has cancelled it
    return True
