"""What all tests share beside the Prefect server: a sandbox for each Kubernetes control plane."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Literal

import pytest
from hypothesis import HealthCheck, settings

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from flows.setup import setup_batch
from sandbox.remote import RemoteSandbox
from specs.platform import PlatformSpec
from tests.control_planes import CONTROL_PLANES
from tests.unmeasured import unmeasured

# These machines are shared: a slow draw is no defect of a strategy.
settings.register_profile("shared-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared-machine")


@pytest.fixture(scope="session")
def sandboxes() -> Iterator[Callable[[str], RemoteSandbox]]:
    """Sandboxes in processes of their own, one for each control plane, started when first asked for."""
    with ExitStack() as running:

        @cache
        def started(control_plane: Literal["embedded", "real"]) -> RemoteSandbox:
            with unmeasured():
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
    # Still seen as CREATING; a test that is about a delay sets it.
    found.settings(compute_environment_delay=0.2, job_queue_delay=0.1, deletion_delay=0.1, relationship_delay=0.2)
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
