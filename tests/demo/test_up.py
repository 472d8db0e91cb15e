"""`make up`: both deployments run on its worker, as the UI's form starts them, and Ctrl-C leaves nothing behind."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_URL, temporary_settings

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def up() -> Iterator[str]:
    """A running `make up`; gives the address of its UI."""
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.up", "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    address = ""
    for line in process.stdout or ():
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            address = found[0]
        if line.startswith("Ctrl-C"):
            break
    assert address
    yield address
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, check=False)
    assert children.stdout == b""


def run(deployment: str, **parameters: object) -> FlowRun:
    finished = run_deployment(deployment, parameters=parameters, timeout=120, poll_interval=1)
    assert isinstance(finished, FlowRun)
    return finished


def test_setup_and_a_submission_run_from_their_deployments(up: str) -> None:
    override = {"podProperties": {"containers": [{"command": ["/bin/sh"], "args": ["-c", "echo hello world"]}]}}
    job = {"jobName": "Hello", "jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep"}
    with temporary_settings({PREFECT_API_URL: f"{up}/api"}):
        setup = run("setup-batch/setup")
        assert setup.state is not None
        assert setup.state.is_completed(), setup.state.message
        submission = run("submit-jobs/submit", jobs=[{**job, "eksPropertiesOverride": override}])
        assert submission.state is not None
        assert submission.state.is_completed(), submission.state.message
        with get_client(sync_client=True) as client:
            artifacts = {artifact.key: str(artifact.data) for artifact in client.read_artifacts()}
    assert "0 unchanged" in artifacts["setup-batch"]
    assert "hello world" in artifacts["submit-jobs"]
