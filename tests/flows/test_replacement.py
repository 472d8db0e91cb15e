"""A compute environment changes under running jobs: each ends once and well, its queue always has where to go."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from demo.prefect_server import PrefectServer
from flows.setup import setup_batch
from flows.teardown import teardown
from sandbox.remote import RemoteSandbox
from specs.platform import PlatformSpec
from specs.role_trust import by_pod_identity
from tasks.compute_environment import describe_compute_environment
from tasks.outcome import Outcome
from tasks.ownership import OWNER, OWNER_TAG
from tasks.report import StepsFailedError
from tests.flows.queue_witness import QUEUE, Witness, environments, order_of
from tests.flows.test_optional_parts import ROLE, make_role

BASE, SECOND = "My-Eks-CE1", "My-Eks-CE1-2"
FLEET_ROLE = "arn:aws:iam::123456789012:role/Fleet"


@pytest.fixture(scope="module")
def sandbox(sandboxes: Callable[[str], RemoteSandbox], prefect_server: PrefectServer) -> Iterator[RemoteSandbox]:
    """None of it depends on who serves Kubernetes."""
    found = sandboxes("embedded")
    found.clear_faults()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in found.env.items():
            environment.setenv(name, value)
        yield found


@pytest.fixture
def cluster(sandbox: RemoteSandbox) -> EksCluster:
    """The tutorial's setup, as new."""
    sandbox.reset()
    sandbox.settings(compute_environment_delay=0.1, job_queue_delay=0.1, deletion_delay=0.1, relationship_delay=0.3)
    found = EksCluster(cluster_name=sandbox.env["EKS_CLUSTER"])
    setup_batch(found, platform(sandbox))
    sandbox.clear_calls()
    return found


def platform(sandbox: RemoteSandbox, namespace: str = "my-aws-batch-namespace", **resources: Any) -> PlatformSpec:
    instance_role = {"instanceRole": sandbox.env["INSTANCE_PROFILE"], "maxvCpus": 16}
    environment = {
        "eksConfiguration": {"kubernetesNamespace": namespace},
        "computeResources": instance_role | resources,
    }
    return PlatformSpec.model_validate({"namespace": {"name": namespace}, "computeEnvironment": environment})


def change(cluster: EksCluster, wanted: PlatformSpec, **options: Any) -> dict[str, Outcome]:
    """What was, or would be, changed, by name."""
    report = setup_batch(cluster, wanted, image_source="already_mirrored", **options)
    return {outcome.label: outcome for outcome in report.changed}


def mutating(sandbox: RemoteSandbox) -> list[str]:
    return [str(call["operation"]) for call in sandbox.calls() if call["mutating"] and call["user"] != "aws-batch"]


def namespaces(cluster: EksCluster) -> set[str]:
    return {found.metadata.name for found in cluster.core_v1.list_namespace().items}


def test_no_job_is_lost_whatever_changes_under_them(
    cluster: EksCluster, sandbox: RemoteSandbox, tmp_path: Path
) -> None:
    witness = Witness(cluster, tmp_path / "ran")
    witness.submit(30)
    witness.start()
    old = "my-aws-batch-namespace"
    cluster.core_v1.create_namespaced_config_map(old, {"metadata": {"name": "settings"}, "data": {}})
    make_role(cluster, by_pod_identity(cluster.arn, old, "batch-jobs").statement())
    for account, tags in {"batch-jobs": {OWNER_TAG: OWNER}, "theirs": {}}.items():
        cluster.eks.create_pod_identity_association(
            clusterName=cluster.cluster_name, namespace=old, serviceAccount=account, roleArn=ROLE, tags=tags
        )
    try:
        # Fixed at creation: another environment.
        moved = change(cluster, platform(sandbox, "elsewhere"), replace=True)
        assert {label: moved[label].action for label in moved if "compute env" in label or "queue" in label} == {
            f"compute environment {SECOND}": "created",
            f"job queue {QUEUE}": "updated",
            f"compute environment {BASE}": "replaced",
        }
        assert [*environments(cluster)] == order_of(cluster, QUEUE) == [SECOND]
        # What it leaves behind goes with it, but for what others still use.
        assert moved["role aws-batch-compute-environment-role"].action == "deleted"
        assert moved[f"pod identity associations of namespace {old}"].action == "deleted"
        kept = cluster.eks.list_pod_identity_associations(clusterName=cluster.cluster_name)["associations"]
        assert [association["serviceAccount"] for association in kept] == ["theirs"]
        assert old in namespaces(cluster)
        # In place, even with `replace`: scaling, and other instances.
        witness.in_place = True
        wider = change(cluster, platform(sandbox, "elsewhere", maxvCpus=32, instanceTypes=["c5"]), replace=True)
        witness.in_place = False
        assert {label: outcome.action for label, outcome in wider.items()} == {
            f"compute environment {SECOND}": "updated"
        }
        cluster.core_v1.delete_namespaced_config_map("settings", old)
        # Another version of Kubernetes: another environment, since an update in place ends long jobs.
        images = [{"imageType": "EKS_AL2023", "imageKubernetesVersion": "1.33"}]
        newest = platform(sandbox, "elsewhere", maxvCpus=32, instanceTypes=["c5"], ec2Configuration=images)
        upgraded = change(cluster, newest, replace=True)
        assert upgraded[f"compute environment {SECOND}"].action == "replaced"
        assert upgraded[f"namespace {old}"].action == "deleted"
        assert order_of(cluster, QUEUE) == [f"{BASE}-3"]
    finally:
        witness.verdict()
    sandbox.clear_calls()
    assert change(cluster, newest) == {}
    assert mutating(sandbox) == []
    # Whatever it is called by now, it is what stands for the platform's name.
    teardown(cluster, newest, approve=False, plan=False)
    assert environments(cluster) == {}
    assert not {old, "elsewhere"} & namespaces(cluster)


def test_a_plan_says_what_becomes_of_jobs_and_a_quota_refuses_before_anything_is_made(
    cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    wanted = platform(sandbox, spotIamFleetRole=FLEET_ROLE)
    with pytest.raises(StepsFailedError, match="run again with `replace`"):
        change(cluster, wanted, plan=True)
    planned = change(cluster, wanted, plan=True, replace=True)
    assert {label: (outcome.action, outcome.planned) for label, outcome in planned.items()} == {
        f"compute environment {SECOND}": ("created", True),
        f"job queue {QUEUE}": ("updated", True),
        f"compute environment {BASE}": ("replaced", True),
    }
    assert "jobs on My-Eks-CE1 run to their end" in planned[f"compute environment {BASE}"].note
    assert mutating(sandbox) == []

    # And no successor is begun that the quota leaves no room for.
    for number in range(4):
        make_like(cluster, f"Other-{number}")
    sandbox.clear_calls()
    with pytest.raises(OperationError, match=r"5 compute environments already: .*Other-0") as refused:
        change(cluster, platform(sandbox, spotIamFleetRole=FLEET_ROLE), replace=True)
    assert "AWS Batch allows 5 for each EKS cluster" in str(refused.value)
    assert mutating(sandbox) == []


def test_queues_of_ours_go_over_and_an_environment_that_others_use_stays(
    cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    make_like(cluster, "Spare")
    # The name that the successor would have is somebody's already.
    make_like(cluster, SECOND)
    wait_until(lambda: {one["status"] for one in environments(cluster).values()} == {"VALID"})
    order: Any = [{"order": turn, "computeEnvironment": name} for turn, name in ((2, BASE), (5, "Spare"))]
    ours = {"managed-by": "batch-eks-flows"}
    cluster.batch.create_job_queue(jobQueueName="Ours", priority=1, computeEnvironmentOrder=order, tags=ours)
    cluster.batch.create_job_queue(jobQueueName="Theirs", priority=1, computeEnvironmentOrder=order)
    wait_until(lambda: {queue["status"] for queue in cluster.batch.describe_job_queues()["jobQueues"]} == {"VALID"})

    # No queue may have both architectures, which AWS would say only once a successor is there.
    sandbox.clear_calls()
    for replaces in ({}, {"spotIamFleetRole": FLEET_ROLE}):
        with pytest.raises(OperationError, match=r"My-Eks-CE1(-3)? with ARM instances \(m6g\) beside Spare \(m5\)"):
            change(cluster, platform(sandbox, instanceTypes=["m6g"], **replaces), replace=True)
    assert mutating(sandbox) == []

    wanted = platform(sandbox, spotIamFleetRole=FLEET_ROLE)
    report = setup_batch(cluster, wanted, image_source="already_mirrored", replace=True)
    (kept,) = [outcome for outcome in report.outcomes if outcome.action == "kept"]
    assert kept.name == BASE
    assert "job queue Theirs uses it, which these flows did not make: give it My-Eks-CE1-3 first" in kept.note
    assert environments(cluster)[BASE]["state"] == "ENABLED"
    assert order_of(cluster, QUEUE) == [f"{BASE}-3"]

    order[0]["computeEnvironment"] = f"{BASE}-3"
    cluster.batch.update_job_queue(jobQueue="Theirs", computeEnvironmentOrder=order)
    assert change(cluster, wanted, replace=True)[f"compute environment {BASE}"].action == "replaced"
    assert order_of(cluster, "Ours") == [f"{BASE}-3", "Spare"]
    assert {*environments(cluster)} == {f"{BASE}-3", "Spare", SECOND}


def make_like(cluster: EksCluster, name: str) -> None:
    """An environment of others."""
    found = describe_compute_environment(cluster, BASE) or {}
    fixed = {key: found["eksConfiguration"][key] for key in ("eksClusterArn", "kubernetesNamespace")}
    document: Any = {"type": "MANAGED", "eksConfiguration": fixed, "computeResources": found["computeResources"]}
    cluster.batch.create_compute_environment(computeEnvironmentName=name, **document)


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)
