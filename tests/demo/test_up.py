"""`make up`: its deployments run on its workers, as the UI's form starts them, and Ctrl-C leaves nothing behind."""

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


def test_setup_has_its_image_mirrored_and_a_submission_runs_it(up: str) -> None:
    """Setup runs on one work pool and waits for the mirror, which runs on the one that has the internet."""
    override = {"podProperties": {"containers": [{"command": ["/bin/sh"], "args": ["-c", "echo hello world"]}]}}
    job = {"jobName": "Hello", "jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep"}
    with temporary_settings({PREFECT_API_URL: f"{up}/api"}):
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

    def written(key: str) -> list[str]:
        return [str(artifact.data) for artifact in artifacts if artifact.key == key]

    tables = "".join(written("mirrored-images"))
    assert "tools/amazonlinux/amazonlinux:2023@sha256:" in tables
    assert "/amazonlinux/amazonlinux:2@sha256:" in tables
    assert any("| 3 of 3 | 0 |" in progress for progress in written("mirror-progress"))
    (setup_report,) = written("setup-batch")
    assert "mirror deployment" in setup_report
    (jobs_report,) = written("submit-jobs")
    assert "hello world" in jobs_report
