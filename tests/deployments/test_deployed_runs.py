"""Runs of deployments with the block chosen by slug, as in a form: what people are told, and what nobody is."""

import base64
import json
import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.client.schemas.sorting import FlowRunSort
from prefect.concurrency.sync import concurrency
from prefect_aws import AwsCredentials
from pydantic import SecretStr

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from deployments.register import PROJECT
from flows.drift import check_drift
from sandbox.remote import RemoteSandbox
from specs.platform import PlatformSpec
from tests.deployments.webhook_receiver import WebhookReceiver
from tests.flows.jobs import shell

# Three processes, a sandbox and two registrations on a machine that may be busy.
pytestmark = pytest.mark.timeout(600)
CHOSEN = {"$ref": {"block_document_slug": "eks-cluster/sandbox"}}
# No rule that the server could check before the run.
WRONG = {"instanceRole": "EksBatchInstanceProfile", "minvCpus": 9, "maxvCpus": 4}
PASSWORD = "planted-registry-password-0123456789"


@pytest.fixture(scope="module")
def failed_runs(
    registered: PrefectServer, batch: tuple[RemoteSandbox, EksCluster], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, ...]:
    """Ids of failed runs, executed as a worker does; the only keys are in the block.

    A job fails, an image is not there, and a setup's document is wrong.
    """
    sandbox, _ = batch
    credentials = AwsCredentials(
        aws_access_key_id=sandbox.env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=SecretStr(sandbox.env["AWS_SECRET_ACCESS_KEY"]),
    )
    EksCluster(cluster_name=sandbox.env["EKS_CLUSTER"], aws_credentials=credentials).save("sandbox", overwrite=True)
    docker = tmp_path_factory.mktemp("docker")
    login = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
    (docker / "config.json").write_text(json.dumps({"auths": {"public.ecr.aws": {"auth": login}}}))
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    places = {name: value for name, value in sandbox.env.items() if name not in keys}
    environment = others | places | registered.env | {"DOCKER_CONFIG": str(docker), "PYTHONPATH": str(PROJECT)}
    runs = (
        planned("submit-jobs/submit", jobs=[shell("Fails", "echo no; exit 3").to_document()]),
        planned("mirror-images/mirror", images=[{"source": "public.ecr.aws/amazonlinux/amazonlinux:no-such-tag"}]),
        planned("setup-batch/setup", platform={"computeEnvironment": {"computeResources": WRONG}}),
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "prefect.engine"],
            cwd=PROJECT,
            env=environment | {"PREFECT__FLOW_RUN_ID": run_id},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for run_id in runs
    ]
    for process in processes:
        written, _ = process.communicate(timeout=120)
        assert b"Finished in state Failed" in written, written.decode()
        # What the worker's own log would hold.
        assert not [name for name, secret in secrets(sandbox).items() if secret.encode() in written]
    return runs


def planned(deployment: str, **parameters: Any) -> str:
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(deployment)
        return str(client.create_flow_run_from_deployment(found.id, parameters={"cluster": CHOSEN} | parameters).id)


def told(server: PrefectServer, what: str, only: dict[str, Any] | None = None) -> str:
    """All that the API tells of something, as text."""
    found: list[Any] = []
    page: list[Any] = [{}]
    while page:
        body = (only or {}) | {"offset": len(found), "limit": 200}
        answer = httpx.post(f"{server.env['PREFECT_API_URL']}/{what}/filter", json=body)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page
    return json.dumps(found)


def logs_of(*run_ids: str) -> dict[str, Any]:
    return {"logs": {"flow_run_id": {"any_": run_ids}}}


def newest_run(name: str) -> list[str]:
    """Its id; none while there is no run of the name."""
    with get_client(sync_client=True) as client:
        named = FlowRunFilter(name=FlowRunFilterName(any_=[name]))
        runs = client.read_flow_runs(flow_run_filter=named, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=1)
    return [str(run.id) for run in runs]


def test_a_failed_job_is_notified_with_its_id_and_the_run_s_link(
    failed_runs: tuple[str, ...], receiver: WebhookReceiver, registered: PrefectServer
) -> None:
    message = receiver.next()
    assert message["subject"] == "AWS Batch job Fails failed"
    (job_id,) = {line.rpartition("(")[2].rstrip(")") for line in message["body"].splitlines()[:1]}
    assert job_id in told(registered, "logs", logs_of(failed_runs[0]))
    assert f"Run: {registered.ui_url}/runs/flow-run/{failed_runs[0]}" in message["body"]


def test_a_setup_s_log_says_what_each_step_did(
    batch: tuple[RemoteSandbox, EksCluster], registered: PrefectServer
) -> None:
    logs = told(registered, "logs", logs_of(*newest_run("set up Batch on my-test-cluster")))
    for line in (
        "namespace my-aws-batch-namespace: created",
        "compute environment My-Eks-CE1: created",
        "AWS Batch on my-test-cluster: 13 steps: 0 unchanged, 13 changed; see the artifact setup-batch",
    ):
        assert line in logs


def test_drift_waits_for_who_changes_the_cluster_and_is_notified_with_what_differs(
    failed_runs: tuple[str, ...],
    batch: tuple[RemoteSandbox, EksCluster],
    receiver: WebhookReceiver,
    registered: PrefectServer,
) -> None:
    sandbox, cluster = batch
    resources = {"instanceRole": sandbox.env["INSTANCE_PROFILE"], "maxvCpus": 64}
    platform = PlatformSpec.model_validate({"computeEnvironment": {"computeResources": resources}})
    sandbox.clear_calls()
    with ThreadPoolExecutor() as pool:
        # As a setup or teardown of this cluster does while it works.
        with concurrency(cluster.arn.replace("/", ":"), strict=True):
            drift = pool.submit(check_drift, cluster, platform)
            waits = f"Another flow run is changing cluster {cluster.cluster_name}"
            while waits not in told(registered, "logs", logs_of(*newest_run(f"drift of {cluster.cluster_name}"))):
                assert not drift.done()
                time.sleep(0.2)
            assert "batch" not in {call["service"] for call in sandbox.calls()}
        drift.result()
    message = receiver.next()
    assert cluster.cluster_name in message["subject"]
    assert "compute environment My-Eks-CE1 would be updated computeResources.maxvCpus" in message["body"]


def test_a_run_with_a_wrong_document_says_which_field_is_wrong(failed_runs: tuple[str, ...]) -> None:
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(UUID(failed_runs[2])).state
    assert state
    assert "platform.computeEnvironment" in str(state.message)
    assert "computeResources.minvCpus = 9: minvCpus must not be more than maxvCpus" in str(state.message)


@pytest.mark.parametrize("what", ["deployments", "flow_runs", "task_runs", "logs", "artifacts", "automations"])
def test_the_api_tells_no_secret(
    failed_runs: tuple[str, ...], registered: PrefectServer, batch: tuple[RemoteSandbox, EksCluster], what: str
) -> None:
    runs = {"flow_runs": {"id": {"any_": failed_runs}}}
    only = {"logs": logs_of(*failed_runs), "flow_runs": runs, "task_runs": runs, "artifacts": runs}
    text = told(registered, what, only.get(what))
    assert len(text) > 100
    assert not [name for name, secret in secrets(batch[0]).items() if secret in text]


def test_no_secret_is_in_any_row_of_the_server(
    failed_runs: tuple[str, ...], registered: PrefectServer, batch: tuple[RemoteSandbox, EksCluster]
) -> None:
    (database,) = Path(registered.env["PREFECT_HOME"]).glob("*.db")
    with sqlite3.connect(database) as connection:
        dump = "\n".join(connection.iterdump())
    assert failed_runs[0] in dump
    assert "aws-batch.job.failed" in dump
    assert not [name for name, secret in secrets(batch[0]).items() if secret in dump]


def secrets(sandbox: RemoteSandbox) -> dict[str, str]:
    login = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
    return {"secret key": sandbox.env["AWS_SECRET_ACCESS_KEY"], "registry password": PASSWORD, "its login": login}
