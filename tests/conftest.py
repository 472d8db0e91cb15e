"""What all tests share: one Prefect server, and a sandbox for each Kubernetes control plane."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from sandbox.remote import RemoteSandbox
from specs.platform import PlatformSpec

CONTROL_PLANES = ["embedded", "real"] if "KUBEBUILDER_ASSETS" in os.environ else ["embedded"]


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A running Prefect server that flows and tasks of this process report to."""
    with PrefectServer(tmp_path_factory.mktemp("prefect")) as server:
        home = Path(server.env["PREFECT_HOME"])
        with temporary_settings({PREFECT_API_URL: server.env["PREFECT_API_URL"], PREFECT_HOME: home}):
            yield server


@pytest.fixture(scope="session", params=CONTROL_PLANES)
def sandbox_process(request: pytest.FixtureRequest) -> Iterator[RemoteSandbox]:
    """A sandbox in a process of its own, once for each control plane."""
    with RemoteSandbox(control_plane=request.param) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_process: RemoteSandbox, monkeypatch: pytest.MonkeyPatch) -> RemoteSandbox:
    """The sandbox as new, and its env.sh in the environment of this process."""
    sandbox_process.clear_faults()
    sandbox_process.reset()
    for name, value in sandbox_process.env.items():
        monkeypatch.setenv(name, value)
    return sandbox_process


@pytest.fixture
def cluster(sandbox: RemoteSandbox) -> EksCluster:
    """The sandbox's cluster, called as its administrator."""
    return EksCluster(cluster_name=sandbox.env["EKS_CLUSTER"])


@pytest.fixture
def platform(sandbox: RemoteSandbox) -> PlatformSpec:
    """The tutorial's own names."""
    resources = {"instanceRole": sandbox.env["INSTANCE_PROFILE"]}
    return PlatformSpec.model_validate({"computeEnvironment": {"computeResources": resources}})
