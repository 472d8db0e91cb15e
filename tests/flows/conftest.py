"""Every test here runs flows, so every one needs the Prefect server."""

from collections.abc import Callable
from multiprocessing.context import ForkServerContext

import pytest

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from sandbox.remote import RemoteSandbox
from tests.flows.forked_run import warmed_process


@pytest.fixture(autouse=True)
def _server(prefect_server: PrefectServer) -> None:
    """Start the Prefect server of the session."""


@pytest.fixture(scope="session")
def forks() -> ForkServerContext:
    """Makes forks of a warmed process."""
    return warmed_process()


@pytest.fixture
def embedded(sandboxes: Callable[[str], RemoteSandbox], monkeypatch: pytest.MonkeyPatch) -> RemoteSandbox:
    """A sandbox as new, where it makes no difference who serves Kubernetes."""
    found = sandboxes("embedded")
    found.clear_faults()
    found.reset()
    found.settings(compute_environment_delay=0.1, job_queue_delay=0.1, deletion_delay=0.1, relationship_delay=0.1)
    for name, value in found.env.items():
        monkeypatch.setenv(name, value)
    return found


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
