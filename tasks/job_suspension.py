"""Hours without a worker slot: runs that are suspended while their jobs go on, and when they are due again."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid4

from prefect import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.client.schemas.objects import FlowRun
from prefect.flow_runs import suspend_flow_run
from prefect.runtime import deployment

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.submitted_name import run_digits
from tasks.job import ENDED, JobResult, describe_jobs, quiet_seconds
from tasks.job_listing import list_submitted
from tasks.job_queue import job_queue_names
from tasks.step import step

SUSPENDED = "Suspended"
_PAGE = 200  # PREFECT_API_DEFAULT_LIMIT


def require_deployment() -> None:
    """Refuse to suspend a run that nothing could start again.

    Raises:
        OperationError: If the run was not started from a deployment.
    """
    if not deployment.id:
        raise OperationError(
            "this flow run",
            "hold_worker=False, but it belongs to no deployment",
            "a suspended run is started again by a worker, from its deployment",
            "run its deployment, such as submit or rerun, or leave hold_worker at True",
        )


def was_executed_before(run_id: str) -> bool:
    """Whether a flow run that is being executed was so before: retried, taken over from a dead worker, or resumed.

    Prefect does not count an execution after a suspension.

    Args:
        run_id: Id of the flow run.
    """
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(run_id))
    return run.run_count > 1 or bool(run.empirical_policy.pause_keys)


def suspend_while_open(results: Iterable[JobResult]) -> None:
    """Suspend the flow run that calls, if a job of it is still to be waited for; does not come back then.

    Args:
        results: How its jobs stand.

    Raises:
        prefect.exceptions.Pause: Prefect's signal that ends the process and keeps the run.
    """
    if any(not result.ended and not result.explanation for result in results):
        # Prefect takes a key that it has seen for a suspension that is over.
        suspend_flow_run(key=str(uuid4()))


def suspended_runs(flow_name: str) -> list[FlowRun]:
    """The suspended runs of a flow.

    Args:
        flow_name: The flow.
    """
    named = FlowFilter(name=FlowFilterName(any_=[flow_name]))
    suspended = FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=[SUSPENDED])))
    runs: list[FlowRun] = []
    with get_client(sync_client=True) as client:
        while True:
            page = client.read_flow_runs(flow_filter=named, flow_run_filter=suspended, limit=_PAGE, offset=len(runs))
            runs += page
            if len(page) < _PAGE:
                return runs


@step("look at the jobs of run {run_id}")
def is_due(cluster: EksCluster, run_id: str, stuck_after_seconds: float) -> bool:
    """Whether a suspended run should go on: all of its jobs have ended, or they hang.

    They hang where none of them runs, and none was created, has started or stopped for so long.

    Args:
        cluster: Gives the Batch client.
        run_id: Id of the flow run.
        stuck_after_seconds: How long a job may wait before it is explained.

    Returns:
        False also where AWS Batch shows no job of the run: they are in another account or Region.
    """
    prefix = f"{run_digits(run_id)}-"
    found = [job for queue in job_queue_names(cluster) for job in list_submitted(cluster, queue, prefix)]
    waiting = [job for job in found if job["status"] not in ENDED]
    if not found or not waiting:
        return bool(found)
    if quiet_seconds(found) < stuck_after_seconds:
        return False
    return not any(_is_running(job) for job in describe_jobs(cluster, [job["jobId"] for job in waiting]).values())


def _is_running(job: Mapping[str, Any]) -> bool:
    return job["status"] == "RUNNING" or bool(job.get("arrayProperties", {}).get("statusSummary", {}).get("RUNNING"))
