"""`make up`: its deployments run on its workers; what people do in its UI is in test_ui.py."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterName
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.demo.running_up import ROOT, RunningUp

# Starting everything, two servers and two workers with a process for each run, takes its time on a loaded machine.
pytestmark = pytest.mark.timeout(600)


def run(deployment: str, **parameters: object) -> FlowRun:
    finished = run_deployment(deployment, parameters=parameters, timeout=120, poll_interval=1)
    assert isinstance(finished, FlowRun)
    return finished


# What the form sends for one image: every field, filled in or not.
IMAGE = {
    "source": "public.ecr.aws/amazonlinux/amazonlinux:2023",
    "repository": "",
    "platforms": ["linux/arm64"],
    "pin": "",
    "includeReferrers": False,
}
REPOSITORIES: dict[str, object] = {
    "prefix": "tools",
    "imageTagMutability": "IMMUTABLE",
    "imageTagMutabilityExclusionFilters": [],
    "imageScanningConfiguration": None,
    "encryptionConfiguration": None,
    "tags": [],
    "lifecyclePolicy": None,
}


def test_setup_has_its_image_mirrored_and_a_submission_runs_it(up: RunningUp) -> None:
    """Setup runs on one work pool and waits for the mirror, which runs on the one that has the internet."""
    override = {"podProperties": {"containers": [{"command": ["/bin/sh"], "args": ["-c", "echo hello world"]}]}}
    job = {"jobName": "Hello", "jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep"}
    with temporary_settings({PREFECT_API_URL: f"{up.ui_url}/api"}):
        mirror = run("mirror-images/mirror", images=[IMAGE], repositories=REPOSITORIES)
        assert mirror.state is not None
        assert mirror.state.is_completed(), mirror.state.message
        setup = run("setup-batch/setup", image_source="mirror_by_deployment")
        assert setup.state is not None
        assert setup.state.is_completed(), setup.state.message
        submission = run("submit-jobs/submit", jobs=[{**job, "eksPropertiesOverride": override}])
        assert submission.state is not None
        assert submission.state.is_completed(), submission.state.message
        with get_client(sync_client=True) as client:
            artifacts = client.read_artifacts()

    def written(key: str, by: FlowRun | None = None) -> list[str]:
        runs = {by.id} if by else {artifact.flow_run_id for artifact in artifacts}
        return [str(artifact.data) for artifact in artifacts if artifact.key == key and artifact.flow_run_id in runs]

    tables = "".join(written("mirrored-images"))
    assert "tools/amazonlinux/amazonlinux:2023@sha256:" in tables
    assert "/amazonlinux/amazonlinux:2@sha256:" in tables
    assert any("| 3 of 3 | 0 |" in progress for progress in written("mirror-progress"))
    (setup_report,) = written("setup-batch", setup)
    assert "mirror deployment" in setup_report
    (jobs_report,) = written("submit-jobs", submission)
    assert "hello world" in jobs_report


def wait_for(found: Callable[[SyncPrefectClient], bool], seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    with get_client(sync_client=True) as client:
        while not found(client):
            assert time.monotonic() < deadline
            time.sleep(0.5)


def is_submitted(client: SyncPrefectClient, run_id: UUID) -> bool:
    runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])))
    return any(run.name == "submission of the jobs" and run.state_name == "Completed" for run in runs)


def is_reaped(client: SyncPrefectClient, run_id: UUID) -> bool:
    names = FlowRunFilter(name=FlowRunFilterName(any_=[f"end the jobs of run {run_id}"]))
    return any(run.state_name == "Completed" for run in client.read_flow_runs(flow_run_filter=names))


def processes(is_wanted: Callable[[Path], bool]) -> list[Path]:
    """Directories of processes in /proc."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if is_wanted(directory):
                found.append(directory)
    return found


@pytest.mark.campaign  # it waits for three heartbeats, minutes in all
def test_a_killed_worker_s_run_is_found_dead_and_a_suspended_one_needs_no_worker(up: RunningUp) -> None:
    """SIGKILL to the worker and to the process of a run: one run had both, the other was suspended before."""
    job = {"jobName": "Unheld", "jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep"}
    with temporary_settings({PREFECT_API_URL: f"{up.ui_url}/api"}):
        assert run("setup-batch/setup").state_name == "Completed"
        unheld = {"hold_worker": False, "jobs": [job]}
        suspended = cast(FlowRun, run_deployment("submit-jobs/submit", parameters=unheld, timeout=0))
        held = cast(FlowRun, run_deployment("submit-jobs/nightly", timeout=0))
        wait_for(lambda client: client.read_flow_run(suspended.id).state_name == "Suspended")
        wait_for(lambda client: is_submitted(client, held.id))
        pool = b"worker\0start\0--pool\0batch-eks\0"
        (worker,) = processes(
            lambda process: (
                pool in (process / "cmdline").read_bytes() and up.ui_url.encode() in (process / "environ").read_bytes()
            )
        )
        variables = (worker / "environ").read_bytes().decode().rstrip("\0").split("\0")
        command = (worker / "cmdline").read_bytes().decode().rstrip("\0").split("\0")
        os.kill(int(worker.name), signal.SIGKILL)
        for process in processes(lambda process: str(held.id).encode() in (process / "environ").read_bytes()):
            os.kill(int(process.name), signal.SIGKILL)
        environment = dict(variable.split("=", 1) for variable in variables)
        with subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as another:
            wait_for(lambda client: client.read_flow_run(held.id).state_name == "Crashed", 300)
            wait_for(lambda client: is_reaped(client, held.id))
            # The job sleeps for a minute, which has passed by now.
            assert run("watch-jobs/watch").state_name == "Completed"
            wait_for(lambda client: client.read_flow_run(suspended.id).state_name == "Completed")
            another.terminate()
