"""The cluster itself: made by eksctl where there is one, resumed after interruptions, deleted once confirmed."""

import json
import os
import signal
import stat
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.logging import disable_run_logger
from prefect_aws import AwsCredentials
from pydantic import SecretStr

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from flows.create_cluster import create_private_cluster
from flows.delete_cluster import delete_private_cluster
from sandbox.remote import RemoteSandbox
from specs.platform import PlatformSpec
from specs.private_cluster import PrivateClusterSpec
from tasks.eksctl import find_eksctl
from tasks.private_cluster import delete_cluster, ensure_private_cluster

# No Kubernetes is involved.
pytestmark = pytest.mark.parametrize("sandbox", ["embedded"], indirect=True)
NAME = "new-cluster"
SPEC = PrivateClusterSpec.model_validate({"metadata": {"name": NAME}})


class Eksctl:
    """The scripted eksctl of a test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def install(self, **script: Any) -> None:
        """Put it on the PATH, to do as the script says."""
        (self.directory / "script.json").write_text(json.dumps(script))
        program = self.directory / "eksctl"
        source = Path(__file__).with_name("scripted_eksctl.py").read_text()
        program.write_text(f"#!{sys.executable}\n{source}")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def calls(self) -> list[dict[str, Any]]:
        """What it was told to do."""
        file = self.directory / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def commands(self) -> list[str]:
        """The commands that it was told."""
        return [" ".join(call["command"]) for call in self.calls()]


@pytest.fixture
def eksctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Eksctl:
    """No eksctl as yet; nor any of this machine's."""
    directories = [one for one in os.environ["PATH"].split(":") if not (Path(one) / "eksctl").exists()]
    monkeypatch.setenv("PATH", f"{tmp_path}:{':'.join(directories)}")
    return Eksctl(tmp_path)


@pytest.fixture
def new_cluster(sandbox: RemoteSandbox) -> EksCluster:
    """A cluster that is not there, called with the keys of its block."""
    sandbox.settings(cluster_delay=0.1)
    secret = SecretStr(sandbox.env["AWS_SECRET_ACCESS_KEY"])
    credentials = AwsCredentials(aws_access_key_id=sandbox.env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=secret)
    return EksCluster(cluster_name=NAME, aws_credentials=credentials)


def artifact() -> str:
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["private-cluster"])))
    return str(max(found, key=lambda one: str(one.created)).data)


def test_without_eksctl_the_run_says_so_and_keeps_the_document(
    new_cluster: EksCluster, sandbox: RemoteSandbox, eksctl: Eksctl
) -> None:
    planned = create_private_cluster(new_cluster, document=SPEC.to_yaml(), plan=True)
    assert (planned.action, planned.planned) == ("created", True)
    with pytest.raises(OperationError, match=r"not on the PATH[\s\S]*installation\.html"):
        create_private_cluster(new_cluster, SPEC)
    shown = artifact()
    assert SPEC.to_yaml() in shown
    assert "eksctl create cluster -f clusterConfig.yaml" in shown
    assert "endpointPublicAccess=true" in shown
    assert not [call for call in sandbox.calls() if call["mutating"]]


def test_eksctl_makes_the_cluster_once_and_its_lines_are_in_the_run_s_log(
    new_cluster: EksCluster,
    sandbox: RemoteSandbox,
    eksctl: Eksctl,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # The keys are the block's, which only the child gets.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOFWORKER")
    eksctl.install()
    outcome = create_private_cluster(new_cluster, SPEC)
    assert (outcome.action, outcome.identifier) == ("created", f"arn:aws:eks:us-east-1:123456789012:cluster/{NAME}")
    key = sandbox.env["AWS_ACCESS_KEY_ID"]
    assert eksctl.calls() == [{"command": ["create", "cluster"], "mode": "0o600", "key": key}]
    lines = "\n".join(record.getMessage() for record in caplog.records if record.name == "prefect.task_runs")
    assert f'deploying stack "eksctl-{NAME}-cluster"' in lines
    assert "is ready" in lines
    assert sandbox.env["AWS_SECRET_ACCESS_KEY"] not in lines
    assert create_private_cluster(new_cluster, SPEC).action == "unchanged"
    assert eksctl.commands == ["create cluster"]


def test_an_interrupted_creation_is_waited_for_and_finished(
    new_cluster: EksCluster, sandbox: RemoteSandbox, eksctl: Eksctl
) -> None:
    sandbox.settings(cluster_delay=3600)
    eksctl.install(die_after="cluster")
    with pytest.raises(OperationError, match=r"ended by SIGKILL[\s\S]*deploying stack[\s\S]*run again"):
        create_private_cluster(new_cluster, SPEC)
    eksctl.install()
    with pytest.raises(OperationError, match="still CREATING"):
        ensure_private_cluster(new_cluster, SPEC, wait_seconds=0.1)
    sandbox.settings(cluster_delay=0.1)
    outcome = create_private_cluster(new_cluster, SPEC)
    assert outcome.action == "updated"
    assert [change.field for change in outcome.changes] == ["node group ng-1"]
    assert eksctl.commands == ["create cluster", "create nodegroup"]
    assert new_cluster.eks.list_nodegroups(clusterName=NAME)["nodegroups"] == ["ng-1"]


def test_a_stack_without_its_cluster_is_not_built_upon(new_cluster: EksCluster, eksctl: Eksctl) -> None:
    eksctl.install(die_after="stack")
    with pytest.raises(OperationError, match="SIGKILL"):
        create_private_cluster(new_cluster, SPEC)
    eksctl.install()
    with pytest.raises(OperationError, match=f"eksctl-{NAME}-cluster is CREATE_COMPLETE[\\s\\S]*delete-cluster"):
        ensure_private_cluster(new_cluster, SPEC)
    delete_cluster(new_cluster)
    assert ensure_private_cluster(new_cluster, SPEC).action == "created"
    assert eksctl.commands == ["create cluster", "delete cluster", "create cluster"]


def test_a_stopped_run_stops_eksctl(new_cluster: EksCluster, eksctl: Eksctl) -> None:
    eksctl.install(hang=True)
    note = eksctl.directory / "hangs"

    def cancel_once_it_hangs() -> None:
        while not (note.exists() and note.read_text()):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGALRM)

    def raise_it(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, raise_it)
    threading.Thread(target=cancel_once_it_hangs, daemon=True).start()
    try:
        found = find_eksctl(new_cluster.session.environment())
        with disable_run_logger(), pytest.raises(KeyboardInterrupt):
            found.run("create", "cluster")
    finally:
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_a_failure_is_told_with_its_last_lines(new_cluster: EksCluster, eksctl: Eksctl) -> None:
    eksctl.install(fail="cannot find subnets")
    with pytest.raises(OperationError) as caught:
        create_private_cluster(new_cluster, SPEC)
    assert "exit code 1" in caught.value.answer
    assert caught.value.answer.endswith("Error: cannot find subnets")
    assert len(caught.value.answer.splitlines()) == 21


def test_what_does_not_fit_is_refused_before_anything_is_run(new_cluster: EksCluster, eksctl: Eksctl) -> None:
    eksctl.install(version="0.114.0")
    with pytest.raises(OperationError, match=r"0\.115\.0 or later"):
        create_private_cluster(new_cluster, SPEC)
    elsewhere = {"metadata": {"name": "other", "region": "eu-west-1"}, "availabilityZones": []}
    with pytest.raises(OperationError, match=r"its name is other, .*; its region is eu-west-1"):
        create_private_cluster(new_cluster, PrivateClusterSpec.model_validate(elsewhere))
    assert eksctl.commands == []


def test_a_cluster_is_deleted_once_its_name_is_typed_in(new_cluster: EksCluster, eksctl: Eksctl) -> None:
    eksctl.install()
    ensure_private_cluster(new_cluster, SPEC)
    with pytest.raises(OperationError, match=f"set to {NAME}"):
        delete_private_cluster(new_cluster, confirm="new")
    assert eksctl.commands == ["create cluster"]
    assert delete_private_cluster(new_cluster, confirm=NAME, force=True).action == "deleted"
    assert NAME not in new_cluster.eks.list_clusters()["clusters"]
    assert delete_cluster(new_cluster).action == "unchanged"
    assert eksctl.commands == ["create cluster", "delete cluster"]


def test_a_cluster_that_batch_uses_is_not_deleted(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox, eksctl: Eksctl
) -> None:
    eksctl.install()
    document = platform.compute_environment.to_document()
    document["eksConfiguration"]["eksClusterArn"] = cluster.arn
    network = {"subnets": sandbox.env["SUBNETS"].split(","), "securityGroupIds": [sandbox.env["SECURITY_GROUP"]]}
    cluster.batch.create_compute_environment(**{**document, "computeResources": document["computeResources"] | network})
    with pytest.raises(OperationError, match="My-Eks-CE1"):
        delete_cluster(cluster)
    assert eksctl.commands == []
