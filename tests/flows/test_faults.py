"""Faults that heal are healed by the step that meets them; those that do not fail at once, and say why."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from prefect_aws import AwsCredentials
from pydantic import SecretStr

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from flows.setup import setup_batch
from flows.submit import submit_jobs
from sandbox.remote import RemoteSandbox
from specs.job_request import JobRequest
from specs.platform import PlatformSpec
from tasks.report import StepsFailedError

# Who serves Kubernetes makes no difference here, and only the embedded server can be told to fail.
pytestmark = pytest.mark.parametrize("sandbox", ["embedded"], indirect=True)

THROTTLED = {"status": 429, "code": "TooManyRequestsException", "message": "Too Many Requests"}
HELLO = JobRequest.from_document(
    {
        "jobName": "hello",
        "jobQueue": "My-Eks-JQ1",
        "jobDefinition": "MyJobOnEks_Sleep",
        "eksPropertiesOverride": {"podProperties": {"containers": [{"command": ["echo", "hello world"]}]}},
    }
)


@pytest.mark.parametrize(
    "faults",
    [
        [
            {"service": "batch", "operation": "CreateComputeEnvironment", "times": 2, **THROTTLED},
            {"service": "batch", "operation": "DescribeJobQueues", "times": 7, **THROTTLED},
        ],
        [
            {"service": "batch", "operation": "CreateComputeEnvironment", "times": 1, "status": 500, "code": "X"},
            {"service": "batch", "operation": "CreateComputeEnvironment", "times": 1, "reset": True},
        ],
        # Done, but the answer is lost.
        [
            {"service": "batch", "operation": "CreateComputeEnvironment", "times": 1, "after": True, "reset": True},
            {"service": "batch", "operation": "CreateJobQueue", "times": 1, "after": True, "status": 500, "code": "X"},
            {"service": "batch", "operation": "RegisterJobDefinition", "times": 1, "after": True, "reset": True},
            {"service": "ecr", "operation": "CreateRepository", "times": 1, "after": True, "reset": True},
            {"service": "iam", "operation": "CreateServiceLinkedRole", "times": 1, "after": True, "reset": True},
        ],
    ],
    ids=["throttled", "failed", "answers-lost"],
)
def test_passing_faults_of_aws_heal_in_one_run(
    faults: list[dict[str, Any]], cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    for fault in faults:
        sandbox.fault(**fault)
    setup_batch(cluster, platform)
    assert not setup_batch(cluster, platform).changed
    definitions = cluster.batch.describe_job_definitions(jobDefinitionName="MyJobOnEks_Sleep")["jobDefinitions"]
    assert [definition["revision"] for definition in definitions] == [1]


@pytest.mark.parametrize(
    "faults",
    [
        [{"status": 500}, {"status": 503}, {"status": 429}],
        [{"reset": True}] * 3,
        [{"status": 500, "after": True}] * 3,
    ],
    ids=["statuses", "reset", "answers-lost"],
)
def test_passing_faults_of_kubernetes_heal_in_one_run(
    faults: list[dict[str, Any]], cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    """Each of three steps meets one, all in one setup."""
    steps = (
        ("POST", "/api/v1/namespaces.*"),
        ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles.*"),
        ("PUT", ".*/configmaps/aws-auth.*"),
    )
    for (method, path), fault in zip(steps, faults, strict=True):
        sandbox.kubernetes_fault(match={"method": method, "path": path}, times=1, **fault)
    setup_batch(cluster, platform)
    assert not setup_batch(cluster, platform).changed


def test_a_missing_permission_fails_at_once_and_is_named(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    message = "User: arn:aws:iam::123456789012:user/admin is not authorized to perform: batch:CreateJobQueue"
    sandbox.fault(
        service="batch", operation="CreateJobQueue", times=99, status=403, code="AccessDeniedException", message=message
    )
    with pytest.raises(StepsFailedError, match="grant the action that the message names") as failed:
        setup_batch(cluster, platform)
    assert message in str(failed.value)
    assert sum(call["operation"] == "CreateJobQueue" for call in sandbox.calls()) == 1


def test_inside_the_vpc_the_public_registry_cannot_be_reached_and_all_else_is_done(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UPSTREAM_IMAGE")
    for name, value in sandbox.environment("env-vpc.sh").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StepsFailedError, match=r"public\.ecr\.aws") as failed:
        setup_batch(cluster, platform)
    assert "1 steps that depend on them were not tried" in str(failed.value)
    assert cluster.batch.describe_job_queues(jobQueues=["My-Eks-JQ1"])["jobQueues"][0]["status"] == "VALID"


def test_inside_the_vpc_setup_takes_what_was_mirrored(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = setup_batch(cluster, platform)
    for name, value in sandbox.environment("env-vpc.sh").items():
        monkeypatch.setenv(name, value)
    again = setup_batch(cluster, platform, image_source="already_mirrored")
    assert not again.changed
    images = [[o.identifier for o in report.outcomes if o.step == "image"] for report in (first, again)]
    assert images[0] == images[1]


def test_from_the_internet_the_cluster_s_own_api_times_out(
    sandbox: RemoteSandbox, platform: PlatformSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in sandbox.environment("env-internet.sh").items():
        monkeypatch.setenv(name, value)
    outside = EksCluster(cluster_name="my-test-cluster")
    with pytest.raises(Exception, match="time-out") as failed:
        outside.core_v1.list_namespace(_request_timeout=(0.5, 1))
    assert "security group" in str(failed.value)


def test_no_secret_reaches_the_server(
    sandbox: RemoteSandbox, platform: PlatformSpec, prefect_server: PrefectServer
) -> None:
    secret = sandbox.env["AWS_SECRET_ACCESS_KEY"]
    credentials = AwsCredentials(
        aws_access_key_id=sandbox.env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=SecretStr(secret),
        region_name="us-east-1",
    )
    cluster = EksCluster(cluster_name="my-test-cluster", aws_credentials=credentials)
    setup_batch(cluster, platform)
    submit_jobs(cluster, [HELLO])
    (database,) = Path(prefect_server.env["PREFECT_HOME"]).glob("*.db")
    with sqlite3.connect(database) as connection:
        dump = "\n".join(connection.iterdump())
    assert "my-test-cluster" in dump
    registry_token = cluster.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    for text in (secret, "k8s-aws-v1.", "X-Amz-Signature", registry_token):
        assert text not in dump
