"""What the tests of tasks that move images share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks.eks_cluster import EksCluster
from sandbox.registries.registry import UpstreamRegistry
from sandbox.remote import RemoteSandbox

REPOSITORY = "amazonlinux/amazonlinux"


@pytest.fixture
def upstream(
    tmp_path: Path, sandboxes: Callable[[str], RemoteSandbox], monkeypatch: pytest.MonkeyPatch
) -> Iterator[UpstreamRegistry]:
    """A public.ecr.aws of this process, whose tags a test can move; the private registry is the sandbox's.

    Nothing here needs Kubernetes, so one control plane is enough.
    """
    sandbox = sandboxes("embedded")
    sandbox.clear_faults()
    sandbox.reset()
    for name, value in sandbox.env.items():
        monkeypatch.setenv(name, value)
    registry = UpstreamRegistry(tmp_path)
    registry.start()
    monkeypatch.setenv("REGISTRY_HOSTS", f"public.ecr.aws=http://{registry.address}")
    yield registry
    registry.stop()


@pytest.fixture
def move_tag(upstream: UpstreamRegistry) -> Callable[[], str]:
    """Let the upstream's tag 2 name the image of 2023; gives that image's digest."""

    def move() -> str:
        repository = upstream.repositories.find(REPOSITORY)
        assert repository is not None
        repository.tags["2"] = repository.tags["2023"]
        return repository.tags["2"]

    return move


def job_definition(name: str, image: str, **more: Any) -> dict[str, Any]:
    """The document of RegisterJobDefinition for a pod with one container."""
    resources = {"limits": {"cpu": "1", "memory": "1024Mi"}}
    pod = {"containers": [{"image": image, "command": ["sleep", "60"], "resources": resources}]}
    return {"jobDefinitionName": name, "type": "container", "eksProperties": {"podProperties": pod}, **more}


@pytest.fixture
def define() -> Callable[..., str]:
    """``define(cluster, name, image)``: register a job definition by hand; gives the revision's name."""

    def register(cluster: EksCluster, name: str, image: str, **more: Any) -> str:
        answer = cluster.batch.register_job_definition(**job_definition(name, image, **more))
        return f"{answer['jobDefinitionName']}:{answer['revision']}"

    return register
