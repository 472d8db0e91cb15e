"""Waiting for the mirror where another worker runs it; the worker is played by a thread that ends the run."""

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from prefect import flow, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import AwaitingRetry, Cancelling, Completed, Failed, Running

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from demo.prefect_server import PrefectServer
from flows.mirror import mirror_images
from sandbox.registries.registry import UpstreamRegistry
from specs.mirror import MirrorImage
from tasks.image import mirror_image
from tasks.mirror_deployment import run_mirror_deployment
from tasks.outcome import Outcome

IMAGE = MirrorImage(source="public.ecr.aws/amazonlinux/amazonlinux:2", repository="mirror/linux")


@pytest.fixture
def cluster(upstream: UpstreamRegistry) -> EksCluster:
    """The sandbox's cluster, with a repository for the mirror."""
    found = EksCluster(cluster_name="my-test-cluster")
    found.ecr.create_repository(repositoryName=IMAGE.repository)
    return found


@dataclass
class Elsewhere:
    """A deployment of the flow on a work pool of its own, which nobody serves.

    Attributes:
        name: Name of the deployment and of the pool.
        identifier: Of the deployment.
    """

    name: str
    identifier: UUID

    def runs(self) -> list[FlowRun]:
        of_this = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[self.identifier]))
        with get_client(sync_client=True) as client:
            return client.read_flow_runs(flow_run_filter=of_this)

    def state(self) -> str:
        """Name of the state of its one run."""
        (run,) = self.runs()
        return run.state.name or "" if run.state else ""

    def serve(self, *states: State, work: Callable[[], object] = lambda: None) -> threading.Thread:
        """Do what a worker would, once there is a run: work, and take it through its states."""

        def serve() -> None:
            while not (runs := self.runs()):
                time.sleep(0.05)
            work()
            with get_client(sync_client=True) as client:
                for state in states:
                    client.set_flow_run_state(runs[0].id, state, force=True)

        # The context tells the thread which server this is about.
        context = copy_context()
        thread = threading.Thread(target=lambda: context.run(serve), daemon=True)
        thread.start()
        return thread


@pytest.fixture
def elsewhere(prefect_server: PrefectServer) -> Elsewhere:
    """Where the mirror is to run."""
    name = f"elsewhere-{uuid4().hex[:8]}"
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=name, type="process"))
        identifier = client.create_deployment(client.create_flow(mirror_images), name, work_pool_name=name)
    return Elsewhere(name, identifier)


@flow
def wait_for_mirror(
    cluster: EksCluster, deployment: str, start_seconds: float = 60, end_seconds: float = 120
) -> Outcome:
    limits = {"start_seconds": start_seconds, "end_seconds": end_seconds}
    return run_mirror_deployment.submit(cluster, [IMAGE], deployment=deployment, **limits).result()


def test_it_waits_and_says_what_the_run_changed(cluster: EksCluster, elsewhere: Elsewhere) -> None:
    worker = elsewhere.serve(Completed(), work=lambda: mirror_image.fn(cluster, IMAGE.source, IMAGE.repository))
    outcome = wait_for_mirror(cluster, f"mirror-images/{elsewhere.name}")
    worker.join()
    assert outcome.action == "created"
    assert [change.field for change in outcome.changes] == [IMAGE.source]
    (run,) = elsewhere.runs()
    assert run.parameters["images"] == [IMAGE.model_dump(mode="json")]
    assert outcome.identifier == str(run.id)
    assert outcome.console_url.endswith(str(run.id))


def test_a_run_that_fails_is_pointed_at(cluster: EksCluster, elsewhere: Elsewhere) -> None:
    worker = elsewhere.serve(Failed(message="StepsFailedError: image x: 404 Not Found"))
    with pytest.raises(OperationError, match=r"ended as Failed: StepsFailedError: image x: 404 Not Found"):
        wait_for_mirror(cluster, f"mirror-images/{elsewhere.name}")
    worker.join()


def test_a_pool_without_a_worker_is_named(cluster: EksCluster, elsewhere: Elsewhere) -> None:
    with pytest.raises(OperationError, match=f"prefect worker start --pool {elsewhere.name}"):
        wait_for_mirror(cluster, f"mirror-images/{elsewhere.name}", start_seconds=0.2)
    # A worker that comes later finds nothing that nobody waits for.
    assert elsewhere.state() == "Cancelled"


@pytest.mark.parametrize("state", [Running(), AwaitingRetry()], ids=lambda state: state.name)
def test_a_run_that_was_started_and_does_not_end_is_cancelled(
    cluster: EksCluster, elsewhere: Elsewhere, state: State
) -> None:
    worker = elsewhere.serve(Running(), state)
    with pytest.raises(OperationError, match=rf"was started, is {state.name} after 4 seconds, and was cancelled"):
        wait_for_mirror(cluster, f"mirror-images/{elsewhere.name}", end_seconds=4)
    worker.join()
    assert elsewhere.state() in ("Cancelling", "Cancelled")


def test_a_waiting_flow_that_is_cancelled_cancels_the_run_too(cluster: EksCluster, elsewhere: Elsewhere) -> None:
    def cancel_the_waiting() -> None:
        with get_client(sync_client=True) as client:
            (run,) = elsewhere.runs()
            waiting = UUID(run.idempotency_key[:36]) if run.idempotency_key else UUID(int=0)
            client.set_flow_run_state(waiting, Cancelling(), force=True)

    worker = elsewhere.serve(Running(), work=cancel_the_waiting)
    with pytest.raises(OperationError, match="which waits for it, is Cancelling"):
        wait_for_mirror(cluster, f"mirror-images/{elsewhere.name}")
    worker.join()
    assert elsewhere.state() == "Cancelling"


@pytest.mark.usefixtures("prefect_server")
def test_an_unknown_deployment_is_explained(cluster: EksCluster) -> None:
    with pytest.raises(OperationError, match=r"python -m deployments.register"):
        wait_for_mirror(cluster, "mirror-images/nowhere")
