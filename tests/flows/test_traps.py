"""The tutorial's traps: each is refused or fails in the sandbox with the documented words, and our flows say why."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from demo.prefect_server import PrefectServer
from flows.setup import setup_batch
from flows.submit import submit_jobs
from sandbox.remote import RemoteSandbox
from specs.fault import SpecError
from specs.job_definition import JobDefinitionSpec
from specs.job_request import JobRequest
from specs.platform import PlatformSpec
from tasks.job_report import JobsFailedError
from tests.control_planes import CONTROL_PLANES

NAMESPACE = "my-aws-batch-namespace"
BATCH_ROLE = "arn:aws:iam::123456789012:role/AWSServiceRoleForBatch"
INVALID_NAMESPACE = "CLIENT_ERROR - Unable to validate Kubernetes Namespace"


@dataclass
class Trap:
    """One mistake in the cluster that makes the compute environment INVALID."""

    name: str
    fall_in: Callable[[EksCluster], Any]
    explained: str

    def __str__(self) -> str:
        return self.name


def edit_aws_auth(cluster: EksCluster, old: str, new: str) -> None:
    config_map = cluster.core_v1.read_namespaced_config_map("aws-auth", "kube-system")
    assert old in config_map.data["mapRoles"]
    config_map.data["mapRoles"] = config_map.data["mapRoles"].replace(old, new)
    cluster.core_v1.replace_namespaced_config_map("aws-auth", "kube-system", config_map)


def unmap(cluster: EksCluster, role: str) -> None:
    edit_aws_auth(cluster, f"role/{role}\n", f"role/Not{role}\n")


def rename_subject(cluster: EksCluster) -> None:
    name = "aws-batch-compute-environment-role-binding"
    body = {"subjects": [{"kind": "User", "name": "batch", "apiGroup": "rbac.authorization.k8s.io"}]}
    cluster.rbac_v1.patch_namespaced_role_binding(name, NAMESPACE, body)


def drop_verb(cluster: EksCluster) -> None:
    role = cluster.rbac_v1.read_namespaced_role("aws-batch-compute-environment-role", NAMESPACE)
    for rule in role.rules:
        if "create" in rule.verbs:
            rule.verbs.remove("create")
    cluster.rbac_v1.replace_namespaced_role("aws-batch-compute-environment-role", NAMESPACE, role)


IN_THE_CLUSTER = [
    Trap(
        "the path left in the service-linked role's ARN",
        lambda c: edit_aws_auth(
            c, BATCH_ROLE, BATCH_ROLE.replace("role/", "role/aws-service-role/batch.amazonaws.com/")
        ),
        "with a path in it the entry never matches",
    ),
    Trap(
        "no mapping of the service-linked role",
        lambda c: unmap(c, "AWSServiceRoleForBatch"),
        "aws-auth does not map arn:aws:iam::123456789012:role/AWSServiceRoleForBatch",
    ),
    Trap(
        "the role mapped to another user",
        lambda c: edit_aws_auth(c, "aws-batch", "batch"),
        "to user 'batch' instead of 'aws-batch'",
    ),
    Trap(
        "no cluster role",
        lambda c: c.rbac_v1.delete_cluster_role("aws-batch-cluster-role"),
        "user aws-batch may not: get namespaces",
    ),
    Trap(
        "no cluster role binding",
        lambda c: c.rbac_v1.delete_cluster_role_binding("aws-batch-cluster-role-binding"),
        "user aws-batch may not: get namespaces",
    ),
    Trap(
        "no role in the namespace",
        lambda c: c.rbac_v1.delete_namespaced_role("aws-batch-compute-environment-role", NAMESPACE),
        f"create pods in {NAMESPACE}",
    ),
    Trap("the wrong user in a binding", rename_subject, f"create pods in {NAMESPACE}"),
    Trap("a verb missing in the role", drop_verb, f"user aws-batch may not: create pods in {NAMESPACE}"),
    Trap(
        "no namespace",
        lambda c: c.core_v1.delete_namespace(NAMESPACE),
        f"namespace {NAMESPACE} ",
    ),
]


@pytest.fixture(scope="module", params=CONTROL_PLANES)
def set_up(
    request: pytest.FixtureRequest, sandboxes: Callable[[str], RemoteSandbox], prefect_server: PrefectServer
) -> Iterator[RemoteSandbox]:
    """A sandbox that was set up once; each trap below is left as it was found."""
    found = sandboxes(request.param)
    found.clear_faults()
    found.reset()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in found.env.items():
            environment.setenv(name, value)
        setup_batch(EksCluster(cluster_name="my-test-cluster"), the_platform(found))
        yield found


@pytest.fixture
def sandbox(set_up: RemoteSandbox) -> Iterator[RemoteSandbox]:
    """The sandbox; afterwards without the jobs that hang in it, and with aws-auth as it was."""
    core = EksCluster(cluster_name="my-test-cluster").core_v1
    before = core.read_namespaced_config_map("aws-auth", "kube-system").data
    yield set_up
    core.patch_namespaced_config_map("aws-auth", "kube-system", {"data": before})
    batch: Any = boto3.client("batch")
    for queue in batch.describe_job_queues()["jobQueues"]:
        for state in ("RUNNABLE", "STARTING", "RUNNING"):
            for open_job in batch.list_jobs(jobQueue=queue["jobQueueName"], jobStatus=state)["jobSummaryList"]:
                batch.terminate_job(jobId=open_job["jobId"], reason="the trap is over")


@pytest.fixture
def platform(sandbox: RemoteSandbox) -> PlatformSpec:
    return the_platform(sandbox)


def the_platform(sandbox: RemoteSandbox, **parts: Any) -> PlatformSpec:
    resources = {"instanceRole": sandbox.env["INSTANCE_PROFILE"]}
    return PlatformSpec.model_validate({"computeEnvironment": {"computeResources": resources}} | parts)


def status(cluster: EksCluster) -> tuple[str, str]:
    (environment,) = cluster.batch.describe_compute_environments(computeEnvironments=["My-Eks-CE1"])[
        "computeEnvironments"
    ]
    return environment["status"], environment.get("statusReason", "")


def wait_for_status(cluster: EksCluster, wanted: str) -> str:
    deadline = time.monotonic() + 30
    while True:
        found, reason = status(cluster)
        if found == wanted:
            return reason
        assert time.monotonic() < deadline, f"{found}, not {wanted}: {reason}"
        time.sleep(0.2)


def job(**fields: Any) -> JobRequest:
    document = {"jobName": "trapped", "jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep"}
    return JobRequest.from_document(document | fields)


def why(cluster: EksCluster, request: JobRequest, stuck_after_seconds: float = 3) -> str:
    """What the submit flow says of a job that cannot run."""
    with pytest.raises(JobsFailedError) as failed:
        submit_jobs(cluster, [request], stuck_after_seconds=stuck_after_seconds)
    return str(failed.value)


def container_override(**fields: Any) -> dict[str, Any]:
    return {"eksPropertiesOverride": {"podProperties": {"containers": [fields]}}}


def test_an_unmapped_node_role_keeps_nodes_out(cluster: EksCluster, platform: PlatformSpec) -> None:
    """The first test here: no node is there yet that could take the job."""
    unmap(cluster, "EksBatchNodeRole")
    explanation = why(cluster, job())
    assert "the node role arn:aws:iam::123456789012:role/EksBatchNodeRole" in explanation or (
        "none of the nodes joined the underlying Amazon EKS Cluster" in explanation
    )
    assert "map" in explanation
    setup_batch(cluster, platform)


@pytest.mark.parametrize("trap", IN_THE_CLUSTER, ids=str)
def test_a_cluster_that_batch_cannot_use_makes_the_environment_invalid_and_setup_repairs_it(
    trap: Trap, cluster: EksCluster, platform: PlatformSpec
) -> None:
    trap.fall_in(cluster)
    cluster.batch.update_compute_environment(computeEnvironment="My-Eks-CE1", state="ENABLED")
    assert INVALID_NAMESPACE in wait_for_status(cluster, "INVALID")

    explanation = why(cluster, job(), stuck_after_seconds=0.5)
    assert INVALID_NAMESPACE in explanation
    assert trap.explained in explanation
    assert "setup_batch" in explanation

    setup_batch(cluster, platform)
    assert status(cluster)[0] == "VALID"


def test_a_public_image_never_starts(cluster: EksCluster, platform: PlatformSpec) -> None:
    image = "public.ecr.aws/amazonlinux/amazonlinux:2"
    explanation = why(cluster, job(**container_override(image=image)))
    assert f'Failed to pull image "{image}": rpc error: code = Unknown desc = failed to pull and unpack' in explanation
    assert "dial tcp: i/o timeout" in explanation
    assert "mirror the image to the private ECR" in explanation


def test_an_image_that_is_not_in_the_pull_through_cache_yet_never_starts(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    cluster.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="cache", upstreamRegistryUrl="public.ecr.aws")
    image = f"{sandbox.env['PRIVATE_REGISTRY']}/cache/amazonlinux/amazonlinux:2"
    explanation = why(cluster, job(**container_override(image=image)))
    assert "failed to copy: httpReadSeeker: failed open: failed to do request: Get" in explanation
    assert "the image is not in ECR's pull-through cache yet" in explanation
    assert "run the flow warm_cache" in explanation
    cluster.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="cache")


@pytest.mark.parametrize(
    ("cpu", "words", "fix"),
    [
        ("200", "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE", "raise maxvCpus"),
        ("100", "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", "allow larger instance types"),
    ],
)
def test_a_job_that_is_too_large_stays_runnable(
    cpu: str, words: str, fix: str, cluster: EksCluster, platform: PlatformSpec
) -> None:
    explanation = why(cluster, job(**container_override(resources={"limits": {"cpu": cpu}, "requests": {"cpu": cpu}})))
    assert words in explanation
    assert fix in explanation


def test_an_instance_profile_that_does_not_exist(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    document = platform.compute_environment.completed(
        cluster.arn, sandbox.env["SUBNETS"].split(","), [sandbox.env["SECURITY_GROUP"]]
    ).to_document()
    document["computeEnvironmentName"] = "My-Eks-CE2"
    document["computeResources"]["instanceRole"] = "EksBatchNodeRole"
    cluster.batch.create_compute_environment(**document)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = cluster.batch.describe_compute_environments(computeEnvironments=["My-Eks-CE2"])["computeEnvironments"]
        if found[0]["status"] == "INVALID":
            break
        time.sleep(0.2)
    assert "CLIENT_ERROR - Instance profile" in found[0]["statusReason"]
    assert "does not exist" in found[0]["statusReason"]

    resources = {"computeResources": {"instanceRole": "EksBatchNodeRole"}}
    with pytest.raises(OperationError, match="no instance profile of this name") as refused:
        setup_batch(cluster, PlatformSpec.model_validate({"computeEnvironment": resources}))
    assert "create-instance-profile" in str(refused.value)


def created(cluster: EksCluster, document: dict[str, Any]) -> str:
    """The code that CreateComputeEnvironment refuses with; empty where it accepts."""
    try:
        cluster.batch.create_compute_environment(**document)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def environment_document(platform: PlatformSpec, **changes: Any) -> dict[str, Any]:
    document = platform.compute_environment.to_document()
    for path, value in changes.items():
        part, _, field = path.partition("__")
        document[part] = {**document[part], field: value} if field else value
    return {"computeEnvironment": document}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"computeResources__allocationStrategy": "BEST_FIT"}, "BEST_FIT"),
        (
            {"computeResources__instanceRole": "arn:aws:iam::123456789012:role/EksBatchNodeRole"},
            "instance profile",
        ),
        ({"eksConfiguration__kubernetesNamespace": "kube-x"}, "kube-"),
        ({"serviceRole": "arn:aws:iam::123456789012:role/AWSBatchServiceRole"}, "serviceRole"),
    ],
)
def test_an_environment_that_aws_would_refuse_is_refused_there_and_before_the_first_call(
    changes: dict[str, Any], fault: str, cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    wrong = environment_document(platform, **changes)
    with pytest.raises(ValidationError, match=fault):
        PlatformSpec.model_validate(wrong)

    document = wrong["computeEnvironment"]
    document["eksConfiguration"]["eksClusterArn"] = cluster.arn
    document["computeResources"]["subnets"] = sandbox.env["SUBNETS"].split(",")
    document["computeResources"]["securityGroupIds"] = [sandbox.env["SECURITY_GROUP"]]
    assert "ClientException" in created(cluster, document) or "CLIENT_ERROR" in wait_for_status(cluster, "INVALID")


def container(**fields: Any) -> dict[str, Any]:
    resources = {"limits": {"cpu": "1", "memory": "1024Mi"}}
    return {"image": "public.ecr.aws/amazonlinux/amazonlinux:2", "resources": resources} | fields


def definition(*containers: dict[str, Any]) -> dict[str, Any]:
    pod = {"podProperties": {"containers": list(containers)}}
    return {"jobDefinitionName": "Trapped", "type": "container", "eksProperties": pod}


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (definition(container(resources={"limits": {"cpu": "100m", "memory": "64Mi"}})), "cpu"),
        (definition(container(resources={"limits": {"cpu": "0.3", "memory": "64Mi"}})), "0.25"),
        (
            definition(
                container(
                    resources={
                        "limits": {"cpu": "1", "memory": "128Mi"},
                        "requests": {"cpu": "1", "memory": "64Mi"},
                    }
                )
            ),
            "memory",
        ),
        (definition(container(env=[{"name": "AWS_BATCH_X", "value": "1"}])), "AWS_BATCH"),
    ],
)
def test_a_definition_that_aws_would_refuse_is_refused_there_and_in_the_spec(
    document: dict[str, Any], fault: str, cluster: EksCluster
) -> None:
    with pytest.raises(SpecError, match=fault):
        JobDefinitionSpec.from_document(document)
    with pytest.raises(ClientError, match="ClientException"):
        cluster.batch.register_job_definition(**document)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"arrayProperties": {"size": 1}}, "arrayProperties"),
        ({"dependsOn": [{"jobId": f"j{n}"} for n in range(21)]}, "dependsOn"),
        ({"containerOverrides": {"command": ["true"]}}, "Container overrides"),
        ({"parameters": {"text": "x" * 31_000}}, "30"),
    ],
)
def test_a_job_that_aws_would_refuse_is_refused_there_and_in_the_spec(
    fields: dict[str, Any], fault: str, cluster: EksCluster, platform: PlatformSpec
) -> None:
    with pytest.raises(SpecError, match=fault):
        job(**fields)
    document: dict[str, Any] = job().to_document() | fields
    with pytest.raises(ClientError, match="ClientException"):
        cluster.batch.submit_job(**document)


def refused_by_flow(cluster: EksCluster, request: JobRequest) -> str:
    with pytest.raises(OperationError, match="nothing was submitted") as refused:
        submit_jobs(cluster, [request])
    return str(refused.value)


def test_a_share_identifier_on_a_queue_without_a_policy(cluster: EksCluster, platform: PlatformSpec) -> None:
    with pytest.raises(ClientError, match=r"[Ss]hare"):
        cluster.batch.submit_job(**job(shareIdentifier="team").to_document())
    assert "shareIdentifier" in refused_by_flow(cluster, job(shareIdentifier="team"))


def test_no_share_identifier_on_a_queue_with_a_policy(cluster: EksCluster, sandbox: RemoteSandbox) -> None:
    policy = {"name": "My-Eks-SP1", "fairsharePolicy": {"shareDistribution": [{"shareIdentifier": "team"}]}}
    fair = the_platform(sandbox, schedulingPolicy=policy, jobQueue={"jobQueueName": "Fair"})
    setup_batch(cluster, fair)
    assert not setup_batch(cluster, fair).changed
    with pytest.raises(ClientError, match=r"[Ss]hare"):
        cluster.batch.submit_job(**job(jobQueue="Fair").to_document())
    assert "shareIdentifier" in refused_by_flow(cluster, job(jobQueue="Fair"))
    with_share = {"jobQueue": "Fair", "shareIdentifier": "team", **container_override(command=["true"])}
    assert "schedulingPriority" in refused_by_flow(cluster, job(**with_share))
    (result,) = submit_jobs(cluster, [job(schedulingPriorityOverride=1, **with_share)]).jobs
    assert result.status == "SUCCEEDED"


def test_a_queue_that_accepts_no_jobs(cluster: EksCluster, platform: PlatformSpec) -> None:
    cluster.batch.update_job_queue(jobQueue="My-Eks-JQ1", state="DISABLED")
    with pytest.raises(ClientError, match="ClientException"):
        cluster.batch.submit_job(**job().to_document())
    assert "is DISABLED and accepts no jobs" in refused_by_flow(cluster, job())
    setup_batch(cluster, platform)


def test_an_override_without_a_name_in_a_pod_of_two_containers(cluster: EksCluster, sandbox: RemoteSandbox) -> None:
    two = definition(container(name="main"), container(name="side"))
    setup_batch(cluster, the_platform(sandbox, jobDefinitions=[two]))
    request = job(jobDefinition="Trapped", **container_override(command=["true"]))
    with pytest.raises(ClientError, match="ClientException"):
        cluster.batch.submit_job(**request.to_document())
    assert "name" in refused_by_flow(cluster, request)


def test_a_queue_and_a_definition_that_do_not_exist_are_reported_together(cluster: EksCluster) -> None:
    message = refused_by_flow(cluster, job(jobQueue="No-Queue", jobDefinition="No-Definition"))
    assert "job queue No-Queue does not exist" in message
    assert "job definition No-Definition has no ACTIVE revision" in message
