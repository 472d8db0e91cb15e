"""Every test here runs flows, so every one needs the Prefect server."""

from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext

import pytest

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from flows.setup import setup_batch
from sandbox.remote import RemoteSandbox
from specs.platform import PlatformSpec
from tests.flows.forked_run import warmed_process


@pytest.fixture(autouse=True)
def _server(prefect_server: PrefectServer) -> None:
    """Start the Prefect server of the session."""


@pytest.fixture(scope="session")
def forks() -> ForkServerContext:
    """Makes forks of a warmed process."""
    return warmed_process()


@pytest.fixture(scope="module")
def batch(
    sandboxes: Callable[[str], RemoteSandbox], prefect_server: PrefectServer
) -> Iterator[tuple[RemoteSandbox, EksCluster]]:
    """A sandbox that was set up once; who serves Kubernetes makes no difference here."""
    sandbox = sandboxes("embedded")
    sandbox.clear_faults()
    sandbox.reset()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in sandbox.env.items():
            environment.setenv(name, value)
        cluster = EksCluster(cluster_name=sandbox.env["EKS_CLUSTER"])
        resources = {"instanceRole": sandbox.env["INSTANCE_PROFILE"]}
        setup_batch(cluster, PlatformSpec.model_validate({"computeEnvironment": {"computeResources": resources}}))
        yield sandbox, cluster
        sandbox.clear_faults()
        sandbox.settings(list_jobs_delay=0, ended_job_retention=86400)


@pytest.fixture
def batch_sandbox(batch: tuple[RemoteSandbox, EksCluster]) -> RemoteSandbox:
    """The sandbox of tests about jobs, without faults and delays."""
    batch[0].clear_faults()
    batch[0].settings(list_jobs_delay=0, ended_job_retention=86400)
    return batch[0]


@pytest.fixture
def batch_cluster(batch: tuple[RemoteSandbox, EksCluster], batch_sandbox: RemoteSandbox) -> EksCluster:
    """The cluster of tests about jobs."""
    return batch[1]
