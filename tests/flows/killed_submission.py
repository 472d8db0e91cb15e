"""Executes a flow run of submit_jobs in a process that the test kills."""

from uuid import UUID

from prefect import get_client
from prefect.flow_engine import run_flow

from blocks.eks_cluster import EksCluster
from flows.submit import submit_jobs
from specs.job_request import JobRequest


def run(run_id: str, cluster_name: str, documents: list[dict[str, object]]) -> None:
    """Execute a flow run.

    Args:
        run_id: The flow run.
        cluster_name: The cluster; all else is in the environment.
        documents: The jobs, as SubmitJob takes them.
    """
    with get_client(sync_client=True) as client:
        planned = client.read_flow_run(UUID(run_id))
    jobs = [JobRequest.from_document(document) for document in documents]
    run_flow(submit_jobs, flow_run=planned, parameters={"cluster": EksCluster(cluster_name=cluster_name), "jobs": jobs})
