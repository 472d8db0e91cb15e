"""setup_batch stopped after each of its mutating calls in turn, then run again: it always ends in the same state."""

import json
import multiprocessing
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from prefect import get_client

from demo.prefect_server import PrefectServer
from sandbox.remote import RemoteSandbox
from tests.flows.crashing_setup import CRASHED, run

Runner = Callable[[int | None], "dict[str, Any] | None"]
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def embedded_sandbox(sandboxes: Callable[[str], RemoteSandbox]) -> RemoteSandbox:
    """The crash points do not depend on who serves Kubernetes; the calls are the same."""
    return sandboxes("embedded")


@pytest.fixture
def setup(embedded_sandbox: RemoteSandbox, prefect_server: PrefectServer, tmp_path: Path) -> Runner:
    """Run setup_batch in a fork of a warmed process; gives its report, or None when it died as asked."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.flows.crashing_setup"])

    def run_once(die_after: int | None) -> dict[str, Any] | None:
        report = tmp_path / "report.json"
        report.unlink(missing_ok=True)
        arguments = (embedded_sandbox.env, prefect_server.env, die_after, report)
        process = context.Process(target=run, args=arguments)
        process.start()
        process.join()
        assert process.exitcode in (0, CRASHED)
        release_lock()
        return json.loads(report.read_text()) if report.exists() else None

    return run_once


def release_lock() -> None:
    """A killed run holds the cluster's lock until its lease ends; a person would delete the limit, as here."""
    with get_client(sync_client=True) as client:
        for limit in client.read_global_concurrency_limits(limit=10, offset=0):
            client.delete_global_concurrency_limit_by_name(limit.name)


def state(sandbox: RemoteSandbox) -> dict[str, Any]:
    """What is there, without identifiers and times."""
    env = sandbox.env
    options: dict[str, Any] = {
        "endpoint_url": sandbox.aws_endpoint,
        "region_name": env["AWS_REGION"],
        "aws_access_key_id": env["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": env["AWS_SECRET_ACCESS_KEY"],
    }
    batch, ecr = boto3.client("batch", **options), boto3.client("ecr", **options)
    definitions = batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]
    environments = batch.describe_compute_environments()["computeEnvironments"]
    queues = batch.describe_job_queues()["jobQueues"]
    return {
        "environments": [(e["computeEnvironmentName"], e["status"], e["tags"]) for e in environments],
        "queues": [(q["jobQueueName"], q["status"], q["state"], q["tags"]) for q in queues],
        "definitions": [(d["jobDefinitionName"], d["revision"], d["eksProperties"]) for d in definitions],
        "images": sorted(
            (image["imageDigest"], image.get("imageTags", []))
            for image in ecr.describe_images(repositoryName="amazonlinux/amazonlinux")["imageDetails"]
        ),
    }


@pytest.mark.timeout(900)
def test_a_run_stopped_after_any_of_its_mutating_calls_is_finished_by_the_next(
    embedded_sandbox: RemoteSandbox, setup: Runner
) -> None:
    embedded_sandbox.reset()
    reference = setup(None)
    assert reference is not None
    wanted, calls = state(embedded_sandbox), reference["mutating"]
    assert calls > 15
    for point in range(1, calls + 1):
        embedded_sandbox.reset()
        assert setup(point) is None, f"it was not stopped after call {point} of {calls}"
        finished = setup(None)
        assert finished is not None
        assert state(embedded_sandbox) == wanted, f"stopped after call {point} of {calls}"
        assert [outcome[:2] for outcome in finished["outcomes"]] == [o[:2] for o in reference["outcomes"]]


def test_a_run_killed_by_the_kernel_is_finished_by_the_next(
    embedded_sandbox: RemoteSandbox, prefect_server: PrefectServer, setup: Runner, tmp_path: Path
) -> None:
    embedded_sandbox.reset()
    assert setup(None) is not None
    wanted = state(embedded_sandbox)
    embedded_sandbox.reset()
    code = (
        "import sys, json; from pathlib import Path; from tests.flows.crashing_setup import run;"
        "run(*json.loads(sys.argv[1]), None, Path(sys.argv[2]))"
    )
    arguments = json.dumps([embedded_sandbox.env, prefect_server.env])
    process = subprocess.Popen([sys.executable, "-c", code, arguments, str(tmp_path / "killed.json")], cwd=ROOT)
    while sum(call["mutating"] for call in embedded_sandbox.calls()) < 5:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    release_lock()
    assert setup(None) is not None
    assert state(embedded_sandbox) == wanted


def test_two_setups_of_one_cluster_wait_for_each_other(
    embedded_sandbox: RemoteSandbox, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    embedded_sandbox.reset()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.flows.crashing_setup"])
    reports = [tmp_path / "one.json", tmp_path / "two.json"]
    processes = [
        context.Process(target=run, args=(embedded_sandbox.env, prefect_server.env, None, report)) for report in reports
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    actions = [{action for _, _, action in json.loads(report.read_text())["outcomes"]} for report in reports]
    assert sorted(actions, key=len) == [{"unchanged"}, {"created", "updated"}]
