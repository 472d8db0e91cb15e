"""Documents that change after setup: what is left out is unset, what cannot be changed is refused, in a plan too."""

import time
from typing import Any

import pytest

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from demo.prefect_server import PrefectServer
from flows.drift import check_drift
from sandbox.remote import RemoteSandbox
from specs.compute_environment import ComputeEnvironmentSpec
from specs.job_queue import JobQueueSpec
from specs.namespace import NamespaceSpec
from specs.platform import PlatformSpec
from specs.rbac import batch_cluster_role_binding
from specs.scheduling_policy import SchedulingPolicySpec
from tasks.cluster_role import ensure_cluster_role_binding
from tasks.compute_environment import describe_compute_environment, ensure_compute_environment
from tasks.compute_environment_health import wait_until_valid
from tasks.job_queue import describe_job_queue, ensure_job_queue
from tasks.namespace import ensure_namespace
from tasks.outcome import Outcome
from tasks.report import StepsFailedError
from tasks.scheduling_policy import ensure_scheduling_policy
from tests.flows.emitted_events import emitted
from tests.mutating_calls import mutating

ACTION = {
    "reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
    "state": "RUNNABLE",
    "maxTimeSeconds": 600,
    "action": "CANCEL",
}
POLICY = "arn:aws:batch:us-east-1:123456789012:scheduling-policy/"


@pytest.fixture(scope="module")
def sandbox(batch: tuple[RemoteSandbox, EksCluster]) -> RemoteSandbox:
    """A sandbox that was set up once; every test below makes things of names of its own."""
    return batch[0]


def environment(cluster: EksCluster, sandbox: RemoteSandbox, name: str, **fields: Any) -> ComputeEnvironmentSpec:
    resources: dict[str, Any] = {
        "type": "EC2",
        "allocationStrategy": "BEST_FIT_PROGRESSIVE",
        "maxvCpus": 16,
        "instanceTypes": ["m5"],
        "subnets": sandbox.env["SUBNETS"].split(","),
        "securityGroupIds": [sandbox.env["SECURITY_GROUP"]],
        "instanceRole": sandbox.env["INSTANCE_PROFILE"],
    }
    document = {
        "computeEnvironmentName": name,
        "type": "MANAGED",
        "eksConfiguration": {"eksClusterArn": cluster.arn, "kubernetesNamespace": "my-aws-batch-namespace"},
        "computeResources": resources | fields,
    }
    return ComputeEnvironmentSpec.from_document(document)


def make(cluster: EksCluster, spec: ComputeEnvironmentSpec, **options: Any) -> Outcome:
    outcome: Outcome = ensure_compute_environment.fn(cluster, spec, **options)
    if not options:
        wait_until_valid.fn(cluster, spec.compute_environment_name)
    return outcome


def queue(name: str, **fields: Any) -> JobQueueSpec:
    order = [{"order": 1, "computeEnvironment": "My-Eks-CE1"}]
    return JobQueueSpec.from_document({"jobQueueName": name, "priority": 1, "computeEnvironmentOrder": order} | fields)


def test_parts_of_an_environment_that_are_left_out_are_unset(cluster: EksCluster, sandbox: RemoteSandbox) -> None:
    full = {
        "minvCpus": 2,
        "launchTemplate": {"launchTemplateName": "nodes", "version": "$Default"},
        "ec2Configuration": [{"imageType": "EKS_AL2023_NVIDIA", "imageKubernetesVersion": "1.33"}],
        "ec2KeyPair": "keys",
        "scalingPolicy": {"minScaleDownDelayMinutes": 20},
        "tags": {"Name": "node", "team": "data"},
    }
    make(cluster, environment(cluster, sandbox, "Unset", **full))
    plain = environment(cluster, sandbox, "Unset", tags={"Name": "node"})
    planned = make(cluster, plain, plan=True)
    done = make(cluster, plain)
    assert planned.changes == done.changes
    assert {
        change.field.partition(".")[2] for change in done.changes if change.field.startswith("computeResources")
    } == {
        "minvCpus",
        "launchTemplate",
        "ec2Configuration",
        "ec2KeyPair",
        "scalingPolicy",
    }
    resources = (describe_compute_environment(cluster, "Unset") or {})["computeResources"]
    assert not {"launchTemplate", "ec2KeyPair", "scalingPolicy"} & resources.keys()
    assert resources["tags"] == {"Name": "node"}
    assert (resources["minvCpus"], resources["ec2Configuration"]) == (0, [{"imageType": "EKS_AL2023"}])
    sandbox.clear_calls()
    assert make(cluster, plain).action == "unchanged"
    assert mutating(sandbox) == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"placementGroup": "together"}, {}, "computeResources.placementGroup: 'together'"),
        (
            {"spotIamFleetRole": "arn:aws:iam::123456789012:role/Fleet"},
            {"spotIamFleetRole": "arn:aws:iam::123456789012:role/Other"},
            "differs where it cannot be changed: computeResources.spotIamFleetRole",
        ),
    ],
)
@pytest.mark.parametrize("plan", [True, False])
def test_what_an_environment_cannot_give_up_is_refused_by_name(
    plan: bool, before: Any, after: Any, words: str, cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    name = f"Fixed-{next(iter(before))}"
    ensure_compute_environment.fn(cluster, environment(cluster, sandbox, name, **before))
    sandbox.clear_calls()
    with pytest.raises(OperationError, match=words) as refused:
        ensure_compute_environment.fn(cluster, environment(cluster, sandbox, name, **after), plan=plan)
    assert "give the new compute environment another name" in refused.value.next_step
    assert mutating(sandbox) == []


def test_an_environment_that_batch_scaled_is_no_different(cluster: EksCluster, sandbox: RemoteSandbox) -> None:
    wanted = environment(cluster, sandbox, "Scaled", desiredvCpus=4)
    make(cluster, wanted)
    cluster.batch.update_compute_environment(computeEnvironment="Scaled", computeResources={"maxvCpus": 2})
    wait_until_valid.fn(cluster, "Scaled")
    assert {change.field for change in make(cluster, wanted).changes} == {"computeResources.maxvCpus"}


def test_time_limit_actions_that_are_left_out_are_unset(cluster: EksCluster, sandbox: RemoteSandbox) -> None:
    ensure_job_queue.fn(cluster, queue("Limited", state="DISABLED", jobStateTimeLimitActions=[ACTION]))
    ensure_job_queue.fn(cluster, queue("Limited"))
    found = describe_job_queue(cluster, "Limited") or {}
    assert (found["jobStateTimeLimitActions"], found["state"]) == ([], "ENABLED")
    assert ensure_job_queue.fn(cluster, queue("Limited")).action == "unchanged"


def test_what_was_set_by_hand_and_is_not_in_the_document_stays(cluster: EksCluster) -> None:
    ensure_job_queue.fn(cluster, queue("Held"))
    cluster.batch.update_job_queue(jobQueue="Held", state="DISABLED", priority=5)
    # As a task, which waits until Batch is done with the change by hand.
    assert ensure_job_queue(cluster, queue("Held")).action == "updated"
    found = describe_job_queue(cluster, "Held") or {}
    assert (found["state"], found["priority"]) == ("DISABLED", 1)


def test_tags_that_are_left_out_stay_and_are_named(cluster: EksCluster) -> None:
    ensure_job_queue.fn(cluster, queue("Tagged", tags={"team": "data", "stage": "test"}))
    outcome = ensure_job_queue.fn(cluster, queue("Tagged", tags={"stage": "test"}))
    assert "job queue Tagged keeps the tags team" in outcome.note
    assert "untag-resource" in outcome.note
    assert (describe_job_queue(cluster, "Tagged") or {})["tags"]["team"] == "data"


def test_labels_that_are_left_out_are_removed_and_those_of_others_stay(cluster: EksCluster) -> None:
    ensure_namespace.fn(cluster, NamespaceSpec(name="labelled", labels={"team": "data", "name": "labelled"}))
    cluster.core_v1.patch_namespace("labelled", {"metadata": {"labels": {"foreign": "x"}}})
    fewer = NamespaceSpec(name="labelled", labels={"name": "labelled"})
    planned = ensure_namespace.fn(cluster, fewer, plan=True)
    done = ensure_namespace.fn(cluster, fewer)
    assert planned.changes == done.changes
    assert "metadata.labels.team" in {change.field for change in done.changes}
    labels = cluster.core_v1.read_namespace("labelled").metadata.labels
    assert "team" not in labels
    assert labels["foreign"] == "x"
    assert ensure_namespace.fn(cluster, fewer).action == "unchanged"


def test_a_plan_says_that_a_binding_would_be_replaced(cluster: EksCluster) -> None:
    name = "aws-batch-cluster-role-binding"
    binding = cluster.rbac_v1.read_cluster_role_binding(name)
    cluster.rbac_v1.delete_cluster_role_binding(name)
    binding.role_ref.name, binding.metadata.resource_version, binding.metadata.uid = "view", None, None
    cluster.rbac_v1.create_cluster_role_binding(binding)
    planned = ensure_cluster_role_binding.fn(cluster, batch_cluster_role_binding(), plan=True)
    assert (planned.action, planned.planned) == ("replaced", True)
    assert cluster.rbac_v1.read_cluster_role_binding(name).role_ref.name == "view"
    assert ensure_cluster_role_binding.fn(cluster, batch_cluster_role_binding()).action == "replaced"


def test_a_plan_refuses_what_the_run_would_refuse(cluster: EksCluster, sandbox: RemoteSandbox) -> None:
    document = environment(cluster, sandbox, "My-Eks-CE1").to_document()
    document["eksConfiguration"]["kubernetesNamespace"] = "elsewhere"
    with pytest.raises(OperationError, match="differs where it cannot be changed"):
        ensure_compute_environment.fn(cluster, ComputeEnvironmentSpec.from_document(document), plan=True)


def policy(name: str, **fields: Any) -> SchedulingPolicySpec:
    return SchedulingPolicySpec.from_document({"name": name, "fairsharePolicy": fields})


def test_a_policy_is_changed_in_place_and_what_it_leaves_out_falls_back(cluster: EksCluster) -> None:
    shares = [{"shareIdentifier": "team", "weightFactor": 0.5}]
    first = ensure_scheduling_policy.fn(cluster, policy("Shares", computeReservation=10, shareDistribution=shares))
    second = ensure_scheduling_policy.fn(cluster, policy("Shares", shareDecaySeconds=60))
    assert (second.action, second.identifier) == ("updated", first.identifier)
    (found,) = cluster.batch.describe_scheduling_policies(arns=[POLICY + "Shares"])["schedulingPolicies"]
    fair = found["fairsharePolicy"]
    assert (fair["shareDecaySeconds"], fair.get("computeReservation", 0), fair.get("shareDistribution", [])) == (
        60,
        0,
        [],
    )
    with pytest.raises(OperationError, match="no longer has what it was made with: fairsharePolicy"):
        ensure_scheduling_policy.fn(cluster, SchedulingPolicySpec.from_document({"name": "Shares"}))


@pytest.mark.parametrize("plan", [True, False])
def test_a_queue_neither_gets_nor_loses_a_policy_but_may_change_it(
    plan: bool, cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    one, other = (ensure_scheduling_policy.fn(cluster, policy(name)).identifier for name in ("One", "Other"))
    ensure_job_queue.fn(cluster, queue("Fifo"))
    ensure_job_queue.fn(cluster, queue("Fair", schedulingPolicyArn=one))
    sandbox.clear_calls()
    for fixed in (queue("Fifo", schedulingPolicyArn=one), queue("Fair")):
        with pytest.raises(OperationError, match="differs where it cannot be changed: schedulingPolicyArn") as refused:
            ensure_job_queue.fn(cluster, fixed, plan=plan)
        assert refused.value.next_step == "give the new job queue another name"
    assert mutating(sandbox) == []
    ensure_job_queue.fn(cluster, queue("Fair", schedulingPolicyArn=other), plan=plan)
    held = (describe_job_queue(cluster, "Fair") or {})["schedulingPolicyArn"]
    assert held == (one if plan else other)


def test_a_version_that_batch_refuses_at_once_is_explained_like_an_invalid_environment(
    cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    images = [{"imageType": "EKS_AL2023", "imageKubernetesVersion": "1.21"}]
    with pytest.raises(OperationError, match="At least one imageKubernetesVersion in EC2Configuration") as refused:
        ensure_compute_environment.fn(cluster, environment(cluster, sandbox, "Old", ec2Configuration=images))
    assert "name a supported version in imageKubernetesVersion" in refused.value.next_step


def drifts(server: PrefectServer) -> list[dict[str, Any]]:
    return [event["payload"] for event in emitted(server, "aws-batch.platform.drifted")]


def test_drift_is_told_field_by_field_with_what_it_interrupts_and_nothing_is_changed(
    cluster: EksCluster, sandbox: RemoteSandbox, prefect_server: PrefectServer
) -> None:
    resources = {"instanceRole": sandbox.env["INSTANCE_PROFILE"]}
    as_set_up = PlatformSpec.model_validate({"computeEnvironment": {"computeResources": resources}})
    before = len(drifts(prefect_server))
    assert check_drift(cluster, as_set_up).changed == ()
    other = {"instanceTypes": ["c5"], "maxvCpus": 64} | resources
    moved = PlatformSpec.model_validate({"computeEnvironment": {"computeResources": other}})
    sandbox.clear_calls()
    (drifted,) = check_drift(cluster, moved).changed
    assert {change.field for change in drifted.changes} >= {
        "computeResources.instanceTypes",
        "computeResources.maxvCpus",
    }
    assert "its instances are replaced" in drifted.note
    assert "jobs on them have 30 minutes to end" in drifted.note
    assert mutating(sandbox) == []
    deadline = time.monotonic() + 30
    while len(events := drifts(prefect_server)) == before:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert [step["step"] for step in events[0]["steps"]] == ["compute environment"]
    assert len(events) == before + 1


def test_a_platform_that_cannot_be_brought_in_line_has_drifted_too(
    cluster: EksCluster, sandbox: RemoteSandbox, prefect_server: PrefectServer
) -> None:
    resources = {
        "instanceRole": sandbox.env["INSTANCE_PROFILE"],
        "spotIamFleetRole": "arn:aws:iam::123456789012:role/F",
    }
    fixed = PlatformSpec.model_validate({"computeEnvironment": {"computeResources": resources}})
    with pytest.raises(StepsFailedError, match="spotIamFleetRole"):
        check_drift(cluster, fixed)
    deadline = time.monotonic() + 30
    while not any("spotIamFleetRole" in event["failure"] for event in drifts(prefect_server)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
