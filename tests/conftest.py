"""What all tests share: one Prefect server, and a sandbox for each Kubernetes control plane."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, settings
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from sandbox.remote import RemoteSandbox
from specs.platform import PlatformSpec
from tests.control_planes import CONTROL_PLANES

# These machines are shared: a slow draw is no defect of a strategy.
settings.register_profile("shared-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared-machine")


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A running Prefect server that flows and tasks of this process report to."""
    with PrefectServer(tmp_path_factory.mktemp("prefect")) as server:
        home = Path(server.env["PREFECT_HOME"])
        with temporary_settings({PREFECT_API_URL: server.env["PREFECT_API_URL"], PREFECT_HOME: home}):
            yield server


@pytest.fixture(scope="session")
def sandboxes() -> Iterator[Callable[[str], RemoteSandbox]]:
    """Sandboxes in processes of their own, one for each control plane, started when first asked for."""
    with ExitStack() as running:

        @cache
        def started(control_plane: Literal["embedded", "real"]) -> RemoteSandbox:
            return running.enter_context(RemoteSandbox(control_plane=control_plane))

        yield started


@pytest.fixture(params=CONTROL_PLANES)
def sandbox(
    request: pytest.FixtureRequest, sandboxes: Callable[[str], RemoteSandbox], monkeypatch: pytest.MonkeyPatch
) -> RemoteSandbox:
    """The sandbox as new, and its env.sh in the environment of this process."""
    found = sandboxes(request.param)
    found.clear_faults()
    found.reset()
    for name, value in found.env.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def cluster(sandbox: RemoteSandbox) -> EksCluster:
    """The sandbox's cluster, called as its administrator."""
    return EksCluster(cluster_name=sandbox.env["EKS_CLUSTER"])


@pytest.fixture
def platform(sandbox: RemoteSandbox) -> PlatformSpec:
    """The tutorial's own names."""
    resources = {"instanceRole": sandbox.env["INSTANCE_PROFILE"]}
    return PlatformSpec.model_validate({"computeEnvironment": {"computeResources": resources}})
