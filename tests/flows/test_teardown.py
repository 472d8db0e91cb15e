"""Teardown deletes what setup made, in whatever state it is, and nothing else."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateName
from prefect.flow_runs import resume_flow_run

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from flows.setup import setup_batch
from flows.submit import submit_jobs
from flows.teardown import teardown
from sandbox.remote import RemoteSandbox
from specs.image_source import ImageSource
from specs.job_request import JobRequest
from specs.platform import PlatformSpec
from tasks import teardown_approval
from tasks.outcome import Outcome
from tasks.report import StepsFailedError
from tests.flows.cluster_picture import cluster_picture
from tests.flows.foreign import make_foreign_things
from tests.mutating_calls import mutating

NAMESPACE = "my-aws-batch-namespace"


@pytest.fixture
def batch_up(embedded: RemoteSandbox) -> tuple[EksCluster, PlatformSpec]:
    """The tutorial's setup."""
    cluster = EksCluster(cluster_name=embedded.env["EKS_CLUSTER"])
    platform = the_platform(embedded)
    setup_batch(cluster, platform)
    embedded.clear_calls()
    return cluster, platform


def the_platform(sandbox: RemoteSandbox, **parts: Any) -> PlatformSpec:
    resources = {"instanceRole": sandbox.env["INSTANCE_PROFILE"]}
    return PlatformSpec.model_validate({"computeEnvironment": {"computeResources": resources}, **parts})


def take_down(cluster: EksCluster, platform: PlatformSpec, **options: Any) -> dict[str, Outcome]:
    """Tear down without asking anybody."""
    report = teardown(cluster, platform, approve=False, **options)
    return {outcome.label: outcome for outcome in report.outcomes}


def test_what_setup_made_is_gone_and_all_else_is_as_before(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    make_foreign_things(cluster)
    before = cluster_picture(cluster)
    setup_batch(cluster, platform)
    sandbox.clear_calls()

    planned = teardown(cluster, platform, delete_images=True, plan=True)
    assert mutating(sandbox) == []
    report = teardown(cluster, platform, delete_images=True, approve=False)
    assert [(o.label, o.action) for o in report.outcomes] == [(o.label, o.action) for o in planned.outcomes]
    assert cluster_picture(cluster) == before

    sandbox.clear_calls()
    again = teardown(cluster, platform, delete_images=True)
    assert {outcome.action for outcome in again.outcomes} == {"absent"}
    assert mutating(sandbox) == []


def test_what_others_made_under_the_same_names_or_put_into_ours_is_kept(embedded: RemoteSandbox) -> None:
    cluster, platform = EksCluster(cluster_name=embedded.env["EKS_CLUSTER"]), the_platform(embedded)
    mapping = f"- rolearn: arn:aws:iam::{cluster.account_id}:role/AWSServiceRoleForBatch\n  username: aws-batch\n"
    config_map = cluster.core_v1.read_namespaced_config_map("aws-auth", "kube-system")
    config_map.data["mapRoles"] += mapping
    cluster.core_v1.replace_namespaced_config_map("aws-auth", "kube-system", config_map)
    setup_batch(cluster, platform)
    cluster.core_v1.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": "settings"}, "data": {}})
    definition = cluster.batch.describe_job_definitions(jobDefinitionName="MyJobOnEks_Sleep")["jobDefinitions"][0]
    cluster.batch.untag_resource(resourceArn=definition["jobDefinitionArn"], tagKeys=["managed-by"])
    cluster.rbac_v1.patch_cluster_role(
        "aws-batch-cluster-role", {"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}}
    )

    done = take_down(cluster, platform, delete_images=True)
    kept = {label: outcome.note for label, outcome in done.items() if outcome.action == "kept"}
    assert kept == {
        "identity mapping aws-batch": "these flows did not add it",
        "job definition MyJobOnEks_Sleep": "these flows did not make it",
        "repository amazonlinux/amazonlinux": "job definition MyJobOnEks_Sleep:1 names an image of it",
        "cluster role aws-batch-cluster-role": "these flows did not make it",
        f"namespace {NAMESPACE}": "others have something in it: configmaps/settings",
    }
    assert {outcome.action for label, outcome in done.items() if label not in kept} == {"deleted", "absent"}
    assert cluster.core_v1.read_namespaced_config_map("settings", NAMESPACE)
    assert mapping in cluster.core_v1.read_namespaced_config_map("aws-auth", "kube-system").data["mapRoles"]
    assert cluster.rbac_v1.read_cluster_role("aws-batch-cluster-role")
    assert len(cluster.batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]) == 1


def the_second(sandbox: RemoteSandbox, first: PlatformSpec) -> PlatformSpec:
    """Another setup on the same cluster, with nodes of the same role."""
    return the_platform(
        sandbox,
        namespace={"name": "second"},
        computeEnvironment={
            "computeEnvironmentName": "Second",
            "eksConfiguration": {"kubernetesNamespace": "second"},
            "computeResources": {"instanceRole": sandbox.env["INSTANCE_PROFILE"]},
        },
        jobQueue={
            "jobQueueName": "Second",
            "priority": 1,
            "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "Second"}],
        },
        schedulingPolicy={"name": "shares", "fairsharePolicy": {"shareDecaySeconds": 60}},
        jobDefinitions=[first.job_definitions[0].to_document() | {"jobDefinitionName": "Second"}],
    )


def test_what_a_second_environment_of_the_cluster_needs_goes_with_the_last(
    batch_up: tuple[EksCluster, PlatformSpec], embedded: RemoteSandbox
) -> None:
    cluster, first = batch_up
    second = the_second(embedded, first)
    setup_batch(cluster, second)

    done = take_down(cluster, first, delete_images=True)
    kept = {label: outcome.note for label, outcome in done.items() if outcome.action == "kept"}
    reasons = {reason for label, reason in kept.items() if not label.startswith("repository")}
    assert set(kept) == {
        "cluster role aws-batch-cluster-role",
        "cluster role binding aws-batch-cluster-role-binding",
        "identity mapping aws-batch",
        "identity mapping system:node:{{EC2PrivateDNSName}}",
        "repository amazonlinux/amazonlinux",
    }
    assert all(reason.startswith("compute environment Second") for reason in reasons)
    assert not setup_batch(cluster, second).changed, "the second setup is as it was"
    done = take_down(cluster, second, delete_images=True)
    assert not [label for label, outcome in done.items() if outcome.action == "kept"]
    assert done["scheduling policy shares"].action == "deleted"
    assert not cluster.batch.list_scheduling_policies()["schedulingPolicies"]


def test_access_entries_go_with_the_last_compute_environment_of_the_cluster(embedded: RemoteSandbox) -> None:
    cluster = EksCluster.model_validate(
        {"cluster_name": embedded.env["EKS_CLUSTER"], "identity_mapping": "access-entry"}
    )
    first = the_platform(embedded)
    second = the_second(embedded, first)
    make_foreign_things(cluster)
    before = cluster_picture(cluster)
    for platform in (first, second):
        setup_batch(cluster, platform)

    done = take_down(cluster, first, delete_images=True)
    assert {label: outcome.note for label, outcome in done.items() if outcome.action == "kept"} == {
        "access entry AWSServiceRoleForBatch": "compute environment Second on this cluster needs it",
        "node access entry EksBatchNodeRole": "compute environment Second on this cluster needs it",
        "repository amazonlinux/amazonlinux": "job definition Second:1 names an image of it",
    }
    assert done[f"namespace access policy {NAMESPACE}"].action == "deleted"
    assert not setup_batch(cluster, second).changed, "the second setup is as it was"

    planned = take_down(cluster, second, delete_images=True, plan=True)
    done = take_down(cluster, second, delete_images=True)
    assert {label: outcome.action for label, outcome in done.items()} == {
        label: outcome.action for label, outcome in planned.items()
    }
    assert done["access entry AWSServiceRoleForBatch"].action == "deleted"
    assert cluster_picture(cluster) == before


def test_a_compute_environment_that_another_queue_uses_is_kept_with_all_that_it_needs(
    batch_up: tuple[EksCluster, PlatformSpec],
) -> None:
    cluster, platform = batch_up
    order = [{"order": 1, "computeEnvironment": "My-Eks-CE1"}]
    cluster.batch.create_job_queue(jobQueueName="Theirs", priority=1, computeEnvironmentOrder=order)  # type: ignore[arg-type]
    done = take_down(cluster, platform)
    assert done["job queue My-Eks-JQ1"].action == "deleted"
    assert done["compute environment My-Eks-CE1"].note == "job queue Theirs uses it"
    assert done[f"namespace {NAMESPACE}"].note == "compute environment My-Eks-CE1 needs it"
    assert done["identity mapping aws-batch"].action == "kept"
    (found,) = cluster.batch.describe_compute_environments()["computeEnvironments"]
    assert (found["state"], found["status"]) == ("ENABLED", "VALID")


def test_an_invalid_environment_and_a_relationship_that_is_still_found(
    batch_up: tuple[EksCluster, PlatformSpec], embedded: RemoteSandbox
) -> None:
    cluster, platform = batch_up
    cluster.rbac_v1.delete_cluster_role_binding("aws-batch-cluster-role-binding")
    cluster.batch.update_compute_environment(computeEnvironment="My-Eks-CE1", state="ENABLED")
    wait_until(lambda: environment_status(cluster) == "INVALID")
    container: Any = {"image": "older", "resources": {"limits": {"cpu": "1", "memory": "64Mi"}}}
    cluster.batch.register_job_definition(
        jobDefinitionName="MyJobOnEks_Sleep",
        type="container",
        eksProperties={"podProperties": {"containers": [container]}},
        tags={"managed-by": "batch-eks-flows"},
    )
    message = "Cannot delete, found existing JobQueue relationship"
    refusal = {"status": 400, "code": "ClientException", "message": message, "times": 2}
    embedded.fault(service="batch", operation="DeleteComputeEnvironment", **refusal)
    done = take_down(cluster, platform)
    assert done["compute environment My-Eks-CE1"].action == "deleted"
    assert environment_status(cluster) is None
    assert not cluster.batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"], "of all revisions"


def test_what_is_left_of_a_cluster_that_was_deleted_before_goes_when_that_is_said(
    batch_up: tuple[EksCluster, PlatformSpec], embedded: RemoteSandbox
) -> None:
    cluster, platform = batch_up
    with pytest.raises(OperationError, match="it is there, its status is ACTIVE"):
        teardown(cluster, platform, cluster_deleted=True)
    for group in cluster.eks.list_nodegroups(clusterName=cluster.cluster_name)["nodegroups"]:
        cluster.eks.delete_nodegroup(clusterName=cluster.cluster_name, nodegroupName=group)
    cluster.eks.delete_cluster(name=cluster.cluster_name)
    cluster.batch.update_compute_environment(computeEnvironment="My-Eks-CE1", state="ENABLED")
    wait_until(lambda: environment_status(cluster) == "INVALID")
    # The block of another run, which has not seen the cluster.
    gone = EksCluster(cluster_name=cluster.cluster_name)
    with pytest.raises(OperationError, match="no cluster of this name"):
        teardown(gone, platform)
    embedded.clear_calls()
    done = take_down(gone, platform, delete_images=True, cluster_deleted=True)
    assert {outcome.action for outcome in done.values()} == {"deleted", "absent"}
    assert environment_status(cluster) is None
    assert not cluster.batch.describe_job_queues()["jobQueues"]
    assert not [call for call in embedded.calls() if call["service"] == "kubernetes" and not is_batch(call)]


def is_batch(call: dict[str, Any]) -> bool:
    return str(call["user"]).startswith(("aws-batch", "system:"))


def test_an_environment_that_is_being_deleted_is_waited_for(
    batch_up: tuple[EksCluster, PlatformSpec], embedded: RemoteSandbox
) -> None:
    cluster, platform = batch_up
    cluster.batch.update_job_queue(jobQueue="My-Eks-JQ1", state="DISABLED")
    wait_until(lambda: cluster.batch.describe_job_queues()["jobQueues"][0]["status"] == "VALID")
    cluster.batch.delete_job_queue(jobQueue="My-Eks-JQ1")
    wait_until(lambda: not cluster.batch.describe_job_queues()["jobQueues"])
    cluster.batch.update_compute_environment(computeEnvironment="My-Eks-CE1", state="DISABLED")
    wait_until(lambda: environment_status(cluster) == "VALID")
    embedded.settings(deletion_delay=6)
    cluster.batch.delete_compute_environment(computeEnvironment="My-Eks-CE1")
    assert environment_status(cluster) == "DELETING"
    embedded.clear_calls()
    done = take_down(cluster, platform)
    assert done["job queue My-Eks-JQ1"].action == "absent"
    # On a slow machine it may be gone before the run has come to it.
    assert done["compute environment My-Eks-CE1"].action in ("deleted", "absent")
    assert environment_status(cluster) is None
    assert "DeleteComputeEnvironment" not in mutating(embedded)


def environment_status(cluster: EksCluster) -> str | None:
    found = cluster.batch.describe_compute_environments(computeEnvironments=["My-Eks-CE1"])["computeEnvironments"]
    return found[0]["status"] if found else None


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def sleeping_job(cluster: EksCluster, seconds: str) -> str:
    container = {"command": ["sleep", seconds]}
    document = {
        "jobName": "Sleeper",
        "jobQueue": "My-Eks-JQ1",
        "jobDefinition": "MyJobOnEks_Sleep",
        "eksPropertiesOverride": {"podProperties": {"containers": [container]}},
    }
    return submit_jobs(cluster, [JobRequest.from_document(document)], wait=False).jobs[0].job_id


def test_jobs_that_have_not_ended_are_refused_cancelled_or_waited_for(
    batch_up: tuple[EksCluster, PlatformSpec], embedded: RemoteSandbox
) -> None:
    cluster, platform = batch_up
    long = sleeping_job(cluster, "600")
    embedded.clear_calls()
    with pytest.raises(StepsFailedError, match="1 jobs have not ended") as refused:
        take_down(cluster, platform)
    assert f"sleeper ({long}," in str(refused.value)
    assert [call for call in mutating(embedded) if "Delete" in call or "Update" in call] == []

    done = take_down(cluster, platform, jobs="cancel")
    assert done["job queue My-Eks-JQ1"].note == "1 jobs were ended"
    (job,) = cluster.batch.describe_jobs(jobs=[long])["jobs"]
    assert (job["status"], job["statusReason"]) == ("FAILED", "its job queue is deleted by teardown")

    setup_batch(cluster, platform)
    short = sleeping_job(cluster, "3")
    take_down(cluster, platform, jobs="wait")
    assert cluster.batch.describe_jobs(jobs=[short])["jobs"][0]["status"] == "SUCCEEDED"
    assert environment_status(cluster) is None


def answer(typed: str) -> UUID:
    """Type something into the form of the run that waits for it; the id of the run."""
    state = FlowRunFilterState(name=FlowRunFilterStateName(any_=["Paused"]))
    with get_client(sync_client=True) as client:
        deadline = time.monotonic() + 120
        while not (paused := client.read_flow_runs(flow_run_filter=FlowRunFilter(state=state))):
            assert time.monotonic() < deadline, "no run waits"
            time.sleep(0.1)
    (run,) = paused
    resume_flow_run(run.id, run_input={"cluster_name": typed})
    return run.id


def test_nothing_is_deleted_until_the_cluster_s_name_was_typed(
    batch_up: tuple[EksCluster, PlatformSpec], embedded: RemoteSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, platform = batch_up
    monkeypatch.setattr(teardown_approval, "POLL_SECONDS", 0.2)
    with ThreadPoolExecutor(1) as person:
        typed = person.submit(answer, "my-other-cluster")
        with pytest.raises(OperationError, match="'my-other-cluster' was typed"):
            teardown(cluster, platform)
        typed.result()
        assert mutating(embedded) == []
        assert not setup_batch(cluster, platform).changed

        typed = person.submit(answer, cluster.cluster_name)
        report = teardown(cluster, platform)
        run_id = typed.result()
    assert {outcome.action for outcome in report.outcomes} == {"deleted", "absent", "kept"}
    assert environment_status(cluster) is None
    with get_client(sync_client=True) as client:
        inputs = client.filter_flow_run_input(run_id, key_prefix="paused", limit=10, exclude_keys=set())
    assert any("job queue My-Eks-JQ1" in str(one.value) for one in inputs), "the form says what would be deleted"


def test_a_failed_setup_takes_back_what_it_has_made_if_asked_to(embedded: RemoteSandbox) -> None:
    cluster, platform = EksCluster(cluster_name=embedded.env["EKS_CLUSTER"]), the_platform(embedded)
    make_foreign_things(cluster)
    by_hand = {"name": NAMESPACE, "labels": {"name": NAMESPACE}}
    cluster.core_v1.create_namespace({"metadata": by_hand})
    wait_until(lambda: bool(cluster.core_v1.list_namespaced_service_account(NAMESPACE).items))
    before = cluster_picture(cluster)
    refusal = {"status": 403, "code": "AccessDeniedException", "message": "not you"}
    embedded.fault(service="batch", operation="CreateJobQueue", **refusal)
    ways: list[tuple[ImageSource, str]] = [("mirror", "aws-auth"), ("pull_through", "access-entry")]
    for image_source, identity in ways:
        asked = EksCluster.model_validate({"cluster_name": cluster.cluster_name, "identity_mapping": identity})
        with pytest.raises(StepsFailedError, match="not you") as failed:
            setup_batch(asked, platform, image_source=image_source, rollback=True)
        assert (
            "compute environment My-Eks-CE1, job definition" in str(failed.value).partition("Rolled back, as asked")[2]
        )
        assert cluster_picture(cluster) == before

    # Of a setup that is there nothing is taken back.
    embedded.clear_faults()
    setup_batch(cluster, platform)
    before = cluster_picture(cluster)
    embedded.fault(service="batch", operation="UpdateJobQueue", **refusal)
    other = the_platform(embedded, jobQueue=platform.job_queue.to_document() | {"priority": 20})
    with pytest.raises(StepsFailedError, match="Rolled back, as asked: nothing deleted"):
        setup_batch(cluster, other, rollback=True)
    assert cluster_picture(cluster) == before
    # Nor is anything lost of what a failed replacement would have replaced.
    moved = {
        "eksConfiguration": {"kubernetesNamespace": "elsewhere"},
        "computeResources": {"instanceRole": embedded.env["INSTANCE_PROFILE"]},
    }
    other = the_platform(embedded, namespace={"name": "elsewhere"}, computeEnvironment=moved)
    with pytest.raises(StepsFailedError, match="Rolled back, as asked: compute environment My-Eks-CE1-2, role"):
        setup_batch(cluster, other, rollback=True, replace=True)
    assert cluster_picture(cluster) == before
