"""Runs of submit_jobs that hold no worker: suspended while their jobs go on, resumed when these have ended."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings
from prefect.states import Cancelling, Pending

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from demo.prefect_server import PrefectServer
from flows.reap import reap_jobs
from flows.submit import submit_jobs
from flows.watch import watch_jobs
from sandbox.remote import RemoteSandbox
from specs.job_request import JobRequest
from tasks.job_listing import list_submitted
from tasks.job_report import JobsFailedError, JobsReport
from tests.flows.jobs import end_all, names_in_batch, shell


@pytest.fixture(scope="module")
def deployment(prefect_server: PrefectServer) -> UUID:
    """A deployment of submit_jobs that no worker serves: whoever executes a run of it is this test."""
    return cast(UUID, cast(Any, submit_jobs.to_deployment("unserved", enforce_parameter_schema=False)).apply())


@pytest.fixture
def sandbox(batch_sandbox: RemoteSandbox) -> RemoteSandbox:
    return batch_sandbox


@pytest.fixture
def cluster(batch_cluster: EksCluster) -> EksCluster:
    return batch_cluster


@pytest.fixture
def parameters(cluster: EksCluster) -> Iterator[dict[str, Any]]:
    yield {"cluster": cluster, "hold_worker": False}
    end_all(cluster)


def start(deployment: UUID, parameters: dict[str, Any], **more: Any) -> str:
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(
            deployment, parameters={"stuck_after_seconds": more.get("stuck_after_seconds", 900)}, state=Pending()
        )
    with pytest.raises(Pause):
        execute(str(run.id), parameters | more)
    return str(run.id)


def execute(run_id: str, parameters: dict[str, Any]) -> JobsReport:
    """Execute a run from its beginning, as a worker does."""
    report = run_flow(submit_jobs, flow_run=read(run_id), parameters=parameters)
    assert isinstance(report, JobsReport)
    return report


def read(run_id: str) -> FlowRun:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(UUID(run_id))


def resumed_by_watch(cluster: EksCluster) -> list[str]:
    """Watch, as the schedule does, until a run is due."""
    deadline = time.monotonic() + 60
    while not (resumed := watch_jobs(cluster)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return resumed


def test_a_run_is_suspended_until_its_jobs_have_ended(
    cluster: EksCluster, deployment: UUID, parameters: dict[str, Any], tmp_path: Path
) -> None:
    jobs = [shell(f"unheld-{index}", f"while ! test -e {tmp_path}/end; do sleep 0.1; done") for index in range(2)]
    run_id = start(deployment, parameters, jobs=jobs)
    assert read(run_id).state_name == "Suspended"
    assert watch_jobs(cluster) == []
    (tmp_path / "end").touch()
    assert resumed_by_watch(cluster) == [run_id]
    report = execute(run_id, {**parameters, "jobs": jobs})
    assert [(job.job_name, job.status) for job in report.jobs] == [(job.job_name, "SUCCEEDED") for job in jobs]
    assert {job.job_name: names_in_batch(cluster)[job.job_name] for job in jobs} == {"unheld-0": 1, "unheld-1": 1}
    assert read(run_id).state_name == "Completed"
    with get_client(sync_client=True) as client:
        own = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[UUID(run_id)]))
        (shown,) = client.read_artifacts(artifact_filter=own)
    assert "unheld-1" in str(shown.data)
    assert watch_jobs(cluster) == []


def test_a_run_that_another_worker_resumes_too_early_doubles_nothing_and_is_suspended_again(
    cluster: EksCluster, deployment: UUID, parameters: dict[str, Any], tmp_path: Path
) -> None:
    jobs = [shell("early", "sleep 60")]
    run_id = start(deployment, parameters, jobs=jobs)
    with get_client(sync_client=True) as client:
        client.resume_flow_run(UUID(run_id))
        with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: tmp_path}), pytest.raises(Pause):
            execute(run_id, {**parameters, "jobs": jobs})
        assert (read(run_id).state_name, names_in_batch(cluster)["early"]) == ("Suspended", 1)
        client.set_flow_run_state(UUID(run_id), Cancelling())


def test_a_suspended_run_is_told_of_a_job_that_hangs(
    cluster: EksCluster, deployment: UUID, parameters: dict[str, Any]
) -> None:
    document = shell("unheld-hanging", "true").to_document()
    document["eksPropertiesOverride"]["podProperties"]["containers"][0]["image"] = "public.ecr.aws/some/image:1"
    more = {"jobs": [JobRequest.from_document(document)], "stuck_after_seconds": 2}
    run_id = start(deployment, parameters, **more)
    assert resumed_by_watch(cluster) == [run_id]
    with pytest.raises(JobsFailedError, match="Failed to pull image"):
        execute(run_id, parameters | more)


def test_the_jobs_of_a_suspended_run_that_is_cancelled_are_found(
    cluster: EksCluster, deployment: UUID, parameters: dict[str, Any]
) -> None:
    run_id = start(deployment, parameters, jobs=[shell("unheld-cancelled", "sleep 60")])
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(run_id), Cancelling())
    assert read(run_id).state_name == "Cancelled"
    assert len(reap_jobs(cluster, run_id)) == 1


def test_a_run_without_a_deployment_is_refused_before_any_job_is_submitted(
    cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    with pytest.raises(OperationError, match="belongs to no deployment"):
        submit_jobs(cluster, [shell("undeployed", "true")], hold_worker=False)
    assert not [job for job in list_submitted(cluster, "My-Eks-JQ1", "") if "undeployed" in job["jobName"]]
