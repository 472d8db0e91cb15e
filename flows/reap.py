"""End the jobs of a run that cannot do so itself any more, and remove what told it of them."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging import get_run_logger
from prefect.logging.loggers import flow_run_logger

from blocks.eks_cluster import EksCluster
from specs.flow_parameters import FlowRunId
from tasks.job_end import end_all_jobs, end_jobs_of_run
from tasks.job_end_report import show_end
from tasks.job_queue import job_queue_names
from tasks.job_state_queue import remove_job_state_queues


@flow(name="reap-jobs", flow_run_name="end the jobs of run {flow_run_id}")
def reap_jobs(cluster: EksCluster, flow_run_id: FlowRunId) -> list[str]:
    """End every job of a flow run of submit_jobs that has not ended. Safe to run again.

    The jobs are found by the names that the run gave them, in every job queue of the account, so nothing of the run
    needs to be alive: not its process, not its worker. A rule and a queue that it made for `push` are found and
    removed in the same way.

    Args:
        cluster: Whose account and region the jobs are in, and who calls AWS.
        flow_run_id: Id of the flow run that submitted the jobs.

    Returns:
        The ids of the jobs that were told to end; also shown as the artifact reap-jobs.

    Raises:
        OperationError: If AWS refuses.
    """
    ended = end_all_jobs(cluster, flow_run_id)
    show_end(cluster, flow_run_id, ended)
    for refused in remove_job_state_queues(cluster, flow_run_id):
        get_run_logger().info("Where the run used `push`, something may be left: %s", refused)
    return ended


def end_jobs_of(flow: Any, flow_run: FlowRun, state: State) -> None:
    """Hook of submit_jobs: end its jobs, and what told it of them, when the run was cancelled or has crashed.

    Args:
        flow: The flow.
        flow_run: The run; its parameter `cluster` says where its jobs are.
        state: Cancelled or Crashed; either means that nobody follows the jobs any more.
    """
    parameters = flow.validate_parameters(flow_run.parameters)
    cluster = parameters["cluster"]
    end_jobs_of_run(cluster, str(flow_run.id), job_queue_names(cluster), f"flow run {flow_run.id} is {state.name}")
    if parameters.get("push"):
        for refused in remove_job_state_queues(cluster, str(flow_run.id)):
            flow_run_logger(flow_run, flow).warning("Not removed: %s", refused)
