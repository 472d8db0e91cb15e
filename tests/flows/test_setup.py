from typing import Any

import boto3
import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort
from prefect_aws import AwsCredentials

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from flows.setup import setup_batch
from flows.submit import submit_jobs
from sandbox.remote import RemoteSandbox
from specs.container_images import images_of, with_images
from specs.job_request import JobRequest
from specs.platform import PlatformSpec
from specs.pull_through_cache_rule import PullThroughCacheRuleSpec
from tasks.report import StepsFailedError

STEPS = {
    "service-linked role",
    "namespace",
    "cluster role",
    "cluster role binding",
    "role",
    "role binding",
    "identity mapping",
    "compute environment",
    "job queue",
    "repository",
    "image",
    "job definition",
}


# Where who serves Kubernetes makes no difference.
EMBEDDED = pytest.mark.parametrize("sandbox", ["embedded"], indirect=True)


def mutating(sandbox: RemoteSandbox) -> list[dict[str, Any]]:
    return [call for call in sandbox.calls() if call["mutating"]]


def changed(platform: PlatformSpec, **parts: dict[str, Any]) -> PlatformSpec:
    """The platform with fields of its documents changed: `changed(p, jobQueue={"priority": 20})`."""
    document = platform.model_dump(by_alias=True, exclude_unset=True)
    for part, fields in parts.items():
        document[part] = {**document.get(part, {}), **fields}
    return PlatformSpec.model_validate(document)


def test_a_second_run_finds_everything_done_and_makes_no_mutating_call(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    first = setup_batch(cluster, platform)
    assert {outcome.step for outcome in first.outcomes} == STEPS
    assert all(outcome.action in ("created", "updated") for outcome in first.outcomes)
    assert all(outcome.identifier for outcome in first.outcomes)

    with get_client(sync_client=True) as client:
        (artifact,) = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["setup-batch"])),
            sort=ArtifactSort.CREATED_DESC,
            limit=1,
        )
    shown = str(artifact.data)
    assert all(f"`{outcome.identifier}`" in shown for outcome in first.outcomes)
    linked = [outcome for outcome in first.outcomes if outcome.console_url]
    assert {"compute environment", "job queue", "job definition", "repository"} <= {outcome.step for outcome in linked}
    assert all(f"[{outcome.name}]({outcome.console_url})" in shown for outcome in linked)

    sandbox.clear_calls()
    second = setup_batch(cluster, platform)
    assert [outcome.action for outcome in second.outcomes] == ["unchanged"] * len(first.outcomes)
    assert mutating(sandbox) == []
    assert [o.identifier for o in second.outcomes] == [o.identifier for o in first.outcomes]

    # The definition is pinned to the digest in the private registry.
    found = cluster.batch.describe_job_definitions(jobDefinitionName="MyJobOnEks_Sleep", status="ACTIVE")
    (definition,) = found["jobDefinitions"]
    image = definition["eksProperties"]["podProperties"]["containers"][0]["image"]
    repository, _, digest = image.partition("@")
    assert repository == f"{sandbox.env['PRIVATE_REGISTRY']}/amazonlinux/amazonlinux"
    details = cluster.ecr.describe_images(repositoryName="amazonlinux/amazonlinux", imageIds=[{"imageTag": "2"}])
    assert details["imageDetails"][0]["imageDigest"] == digest


def test_a_plan_on_an_empty_cluster_lists_every_step_and_changes_nothing(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    report = setup_batch(cluster, platform, plan=True)
    assert {outcome.step for outcome in report.changed} == STEPS
    assert all(outcome.planned for outcome in report.outcomes)
    assert mutating(sandbox) == []
    # What it says is what then happens.
    done = setup_batch(cluster, platform)
    assert [(o.step, o.name, o.action) for o in report.outcomes] == [(o.step, o.name, o.action) for o in done.outcomes]


@EMBEDDED
def test_a_changed_spec_changes_only_what_it_says(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    setup_batch(cluster, platform)
    report = setup_batch(cluster, changed(platform, jobQueue={"priority": 20}))
    (queue,) = report.changed
    assert (queue.step, queue.action) == ("job queue", "updated")
    assert {change.field for change in queue.changes} == {"priority", "tags.batch-eks-flows:spec-hash"}
    assert cluster.batch.describe_job_queues(jobQueues=["My-Eks-JQ1"])["jobQueues"][0]["priority"] == 20


def test_what_somebody_changed_by_hand_is_put_back(cluster: EksCluster, platform: PlatformSpec) -> None:
    """A binding is replaced, since the role that it gives cannot be changed."""
    setup_batch(cluster, platform)
    cluster.rbac_v1.patch_cluster_role("aws-batch-cluster-role", {"rules": []})
    cluster.batch.update_compute_environment(computeEnvironment="My-Eks-CE1", computeResources={"maxvCpus": 4})
    name = "aws-batch-cluster-role-binding"
    binding = cluster.rbac_v1.read_cluster_role_binding(name)
    cluster.rbac_v1.delete_cluster_role_binding(name)
    binding.role_ref.name, binding.metadata.resource_version, binding.metadata.uid = "view", None, None
    cluster.rbac_v1.create_cluster_role_binding(binding)
    report = setup_batch(cluster, platform)
    assert {(outcome.step, outcome.action) for outcome in report.changed} == {
        ("cluster role", "updated"),
        ("cluster role binding", "replaced"),
        ("compute environment", "updated"),
    }
    assert cluster.rbac_v1.read_cluster_role("aws-batch-cluster-role").rules
    assert cluster.rbac_v1.read_cluster_role_binding(name).role_ref.name == "aws-batch-cluster-role"


@pytest.fixture
def foreign_role(cluster: EksCluster) -> None:
    """The tutorial's cluster role as somebody made it by hand, a verb missing."""
    rules = [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list"]}]
    cluster.rbac_v1.create_cluster_role({"metadata": {"name": "aws-batch-cluster-role"}, "rules": rules})


@pytest.mark.usefixtures("foreign_role")
def test_what_is_not_ours_and_differs_is_left_alone_until_it_is_handed_over(
    cluster: EksCluster, platform: PlatformSpec
) -> None:
    with pytest.raises(StepsFailedError, match="was not made by these flows") as refused:
        setup_batch(cluster, platform)
    assert "`adopt`" in str(refused.value)
    assert len(cluster.rbac_v1.read_cluster_role("aws-batch-cluster-role").rules) == 1
    # The branches that do not depend on it were done all the same.
    assert cluster.core_v1.read_namespace("my-aws-batch-namespace")

    report = setup_batch(cluster, platform, adopt=True)
    adopted = next(outcome for outcome in report.outcomes if outcome.step == "cluster role")
    assert adopted.action == "updated"
    assert not setup_batch(cluster, platform).changed


@EMBEDDED
def test_an_environment_that_cannot_be_changed_in_place_is_refused_before_anything_is_sent(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    setup_batch(cluster, platform)
    sandbox.clear_calls()
    other = changed(
        platform,
        namespace={"name": "other-namespace"},
        computeEnvironment={
            **platform.compute_environment.to_document(),
            "eksConfiguration": {"kubernetesNamespace": "other-namespace"},
        },
    )
    with pytest.raises(StepsFailedError, match="give the new compute environment another name"):
        setup_batch(cluster, other)
    assert not [call for call in mutating(sandbox) if call["operation"] == "UpdateComputeEnvironment"]


@EMBEDDED
def test_a_cluster_that_does_not_exist_is_said_so(sandbox: RemoteSandbox, platform: PlatformSpec) -> None:
    with pytest.raises(OperationError, match="no cluster of this name in us-east-1"):
        setup_batch(EksCluster(cluster_name="nowhere"), platform)


def worker(cluster: EksCluster, *, mapped: bool) -> EksCluster:
    """The cluster as an IAM role sees it that may write roles, but holds none of the rights that they grant."""
    boto3.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument="{}")
    if mapped:
        config_map = cluster.core_v1.read_namespaced_config_map("aws-auth", "kube-system")
        entry = "- rolearn: arn:aws:iam::123456789012:role/worker\n  username: worker\n"
        config_map.data["mapRoles"] = entry + config_map.data["mapRoles"]
        cluster.core_v1.replace_namespaced_config_map("aws-auth", "kube-system", config_map)
        rules = [
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["get", "create", "update"]},
            {"apiGroups": [""], "resources": ["namespaces", "configmaps"], "verbs": ["get", "create", "update"]},
        ]
        cluster.rbac_v1.create_cluster_role({"metadata": {"name": "worker"}, "rules": rules})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "worker"}
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "worker"}
        binding = {"metadata": {"name": "worker"}, "roleRef": reference, "subjects": [subject]}
        cluster.rbac_v1.create_cluster_role_binding(binding)
    credentials = AwsCredentials(assume_role_arn="arn:aws:iam::123456789012:role/worker")
    return EksCluster(cluster_name=cluster.cluster_name, aws_credentials=credentials)


def test_a_worker_without_rights_to_grant(cluster: EksCluster, platform: PlatformSpec) -> None:
    with pytest.raises(StepsFailedError) as failed:
        setup_batch(worker(cluster, mapped=True), platform)
    message = str(failed.value)
    assert "is attempting to grant RBAC permissions not currently held" in message
    assert "allow the worker `escalate` on roles and `bind` on bindings" in message
    # What it may do was done.
    assert cluster.core_v1.read_namespace("my-aws-batch-namespace")


def test_a_worker_that_the_cluster_does_not_know(cluster: EksCluster, platform: PlatformSpec) -> None:
    with pytest.raises(StepsFailedError) as failed:
        setup_batch(worker(cluster, mapped=False), platform)
    assert "the Kubernetes API answered 401 Unauthorized" in str(failed.value)
    assert "map the worker's role in aws-auth (without its path)" in str(failed.value)


@EMBEDDED
def test_images_pulled_through_ecr_s_own_cache(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = setup_batch(cluster, platform, image_source="pull_through", plan=True)
    assert mutating(sandbox) == []
    first = setup_batch(cluster, platform, image_source="pull_through")
    assert [(o.step, o.action) for o in first.outcomes] == [(o.step, o.action) for o in planned.outcomes]
    rule, image = (o.identifier for o in first.outcomes if o.step in ("pull-through cache rule", "image"))
    assert rule == "my-prefix <- public.ecr.aws"
    assert image.startswith(f"{sandbox.env['PRIVATE_REGISTRY']}/my-prefix/amazonlinux/amazonlinux@sha256:")
    # What is cached needs no route to the internet any more: neither the setup, nor a node.
    for name, value in sandbox.environment("env-vpc.sh").items():
        monkeypatch.setenv(name, value)
    sandbox.clear_calls()
    named = {spec: f"{image.partition('@')[0]}:2" for spec in images_of(platform.job_definitions[0])}
    cached = {"job_definitions": [with_images(platform.job_definitions[0], named)]}
    for wanted in (platform, platform.model_copy(update=cached)):
        assert not setup_batch(cluster, wanted, image_source="pull_through").changed
    assert mutating(sandbox) == []
    overrides = {"podProperties": {"containers": [{"command": ["/bin/sh"], "args": ["-c", "echo hello world"]}]}}
    document = {"jobName": "hello", "jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep"}
    hello = JobRequest.from_document({**document, "eksPropertiesOverride": overrides})
    assert submit_jobs(cluster, [hello]).jobs[0].status == "SUCCEEDED"


@EMBEDDED
def test_an_image_that_no_rule_fetches_is_refused_before_anything_is_changed(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    rules = {"pull_through_cache_rules": [PullThroughCacheRuleSpec(upstream_registry_url="quay.io")]}
    with pytest.raises(OperationError, match=r"there are rules for quay\.io"):
        setup_batch(cluster, platform.model_copy(update=rules), image_source="pull_through")
    assert mutating(sandbox) == []
