"""What AWS Batch refuses, or accepts and never runs, is refused there with its words and here before the first call.

Who serves Kubernetes makes no difference to it.
"""

import re
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from prefect.exceptions import ParameterTypeError

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from flows.setup import setup_batch
from flows.submit import submit_jobs
from sandbox.remote import RemoteSandbox
from specs.fault import SpecError
from specs.job_definition import JobDefinitionSpec
from specs.job_request import JobRequest
from specs.platform import PlatformSpec
from tasks.compute_environment_health import explain_invalid
from tasks.report import StepsFailedError
from tests.flows.aws_calls import aws_calls
from tests.flows.trapped import container_override, described, job, the_platform, wait_for_status

NODE_ROLE = "arn:aws:iam::123456789012:role/EksBatchNodeRole"


@pytest.fixture
def sandbox(batch_sandbox: RemoteSandbox) -> RemoteSandbox:
    return batch_sandbox


@pytest.fixture
def platform(sandbox: RemoteSandbox) -> PlatformSpec:
    return the_platform(sandbox)


def wire_document(platform: PlatformSpec, cluster: EksCluster, sandbox: RemoteSandbox, **changes: Any) -> Any:
    """The tutorial's compute environment as it is sent, with changes such as `computeResources__instanceRole`."""
    subnets, groups = sandbox.env["SUBNETS"].split(","), [sandbox.env["SECURITY_GROUP"]]
    document = platform.compute_environment.completed(cluster.arn, subnets, groups).to_document()
    for path, value in changes.items():
        part, _, field = path.partition("__")
        document[part] = {**document[part], field: value} if field else value
    return document


def setup_refuses(cluster: EksCluster, document: dict[str, Any], sandbox: RemoteSandbox) -> str:
    """What setup_batch says of a compute environment that it does not even ask AWS for."""
    as_given: Any = {"computeEnvironment": document}
    before = aws_calls(sandbox)
    with pytest.raises(ParameterTypeError) as refused:
        setup_batch(cluster, as_given)
    assert aws_calls(sandbox) == before
    return str(refused.value)


def test_an_instance_profile_that_does_not_exist(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    """With the node role given, setup does not ask IAM for it, as in a VPC without IAM's endpoint."""
    wrong = the_platform(
        sandbox,
        nodeRoleArn="arn:aws:iam::123456789012:role/EksBatchNodeRole",
        computeEnvironment={
            "computeEnvironmentName": "My-Eks-CE2",
            "computeResources": {"instanceRole": "EksBatchNodeRole"},
        },
        jobQueue={
            "jobQueueName": "My-Eks-JQ2",
            "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "My-Eks-CE2"}],
        },
    )
    sandbox.clear_calls()
    with pytest.raises(StepsFailedError) as stopped:
        setup_batch(cluster, wrong)
    assert "INVALID: CLIENT_ERROR - Instance profile" in str(stopped.value)
    assert "`instanceRole` names no instance profile; a role's ARN is not one" in str(stopped.value)
    assert "create the instance profile, or name the right one in instanceRole" in str(stopped.value)
    calls = [call["operation"] for call in sandbox.calls() if call["mutating"]]
    # Somebody might have repaired it since: Batch is asked once to look again, not over and over.
    assert calls.count("UpdateComputeEnvironment") == 1
    assert "CreateJobQueue" not in calls
    retire(cluster, "My-Eks-CE2")

    resources = {"computeResources": {"instanceRole": "EksBatchNodeRole"}}
    with pytest.raises(OperationError, match="no instance profile of this name") as refused:
        setup_batch(cluster, PlatformSpec.model_validate({"computeEnvironment": resources}))
    assert "create-instance-profile" in str(refused.value)


def retire(cluster: EksCluster, name: str) -> None:
    """Delete an INVALID compute environment, name and all: a cluster has room for five."""
    cluster.batch.update_compute_environment(computeEnvironment=name, state="DISABLED")
    wait_for_status(cluster, "INVALID", name)
    cluster.batch.delete_compute_environment(computeEnvironment=name)
    deadline = time.monotonic() + 30
    while cluster.batch.describe_compute_environments(computeEnvironments=[name])["computeEnvironments"]:
        assert time.monotonic() < deadline, f"{name} is not gone"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("changes", "words", "rule", "fix"),
    [
        (
            {"computeResources__allocationStrategy": "BEST_FIT"},
            "BEST_FIT allocation strategy is not supported for EKS compute environments",
            "EKS compute environments do not support BEST_FIT",
            "Choose BEST_FIT_PROGRESSIVE",
        ),
        (
            {"eksConfiguration__kubernetesNamespace": "kube-x"},
            "can't start with kube-",
            "Batch does not run pods in namespaces that begin with kube-",
            "Choose a namespace for Batch alone",
        ),
    ],
)
def test_an_environment_that_aws_refuses_is_refused_there_and_by_setup_before_the_first_call(
    changes: dict[str, Any],
    words: str,
    rule: str,
    fix: str,
    cluster: EksCluster,
    platform: PlatformSpec,
    sandbox: RemoteSandbox,
) -> None:
    document = wire_document(platform, cluster, sandbox, computeEnvironmentName="Refused", **changes)
    with pytest.raises(ClientError, match=words):
        cluster.batch.create_compute_environment(**document)
    explanation = setup_refuses(cluster, document, sandbox)
    assert rule in explanation
    assert fix in explanation


@pytest.mark.parametrize(
    ("changes", "words", "cause", "rule", "fix"),
    [
        (
            {"computeResources__instanceRole": NODE_ROLE},
            f"CLIENT_ERROR - Instance profile {NODE_ROLE} does not exist",
            "a role's ARN is not one",
            "Despite its name the field takes an instance profile, not a role",
            "Give the ARN of the profile that holds the role",
        ),
        (
            {"serviceRole": "arn:aws:iam::123456789012:role/AWSBatchServiceRole"},
            "CLIENT_ERROR - Not authorized to perform sts:AssumeRole (",
            "its name or path is wrong",
            "AWS Batch on EKS only supports its service-linked role",
            "Leave serviceRole out",
        ),
    ],
)
def test_an_environment_that_aws_accepts_and_then_finds_invalid_is_refused_by_setup_before_the_first_call(
    changes: dict[str, Any],
    words: str,
    cause: str,
    rule: str,
    fix: str,
    cluster: EksCluster,
    platform: PlatformSpec,
    sandbox: RemoteSandbox,
) -> None:
    document = wire_document(platform, cluster, sandbox, computeEnvironmentName="Accepted", **changes)
    cluster.batch.create_compute_environment(**document)
    reason = wait_for_status(cluster, "INVALID", "Accepted")
    assert reason.startswith(words)
    # Where somebody made it so by hand, the health gate has the cause.
    assert cause in str(explain_invalid(cluster, described(cluster, "Accepted")))
    retire(cluster, "Accepted")

    explanation = setup_refuses(cluster, document, sandbox)
    assert rule in explanation
    assert fix in explanation


def container(**fields: Any) -> dict[str, Any]:
    resources = {"limits": {"cpu": "1", "memory": "1024Mi"}}
    return {"image": "public.ecr.aws/amazonlinux/amazonlinux:2", "resources": resources} | fields


def definition(*containers: dict[str, Any]) -> dict[str, Any]:
    pod = {"podProperties": {"containers": list(containers)}}
    return {"jobDefinitionName": "Trapped", "type": "container", "eksProperties": pod}


@pytest.mark.parametrize(
    ("document", "words", "rule", "fix"),
    [
        (
            definition(container(resources={"limits": {"cpu": "100m", "memory": "64Mi"}})),
            "'100m' must be a multiple of 0.25",
            "the milli form is not supported",
            'Write "0.25"',
        ),
        (
            definition(container(resources={"limits": {"cpu": "0.3", "memory": "64Mi"}})),
            "'0.3' must be a multiple of 0.25",
            "cpu must be a multiple of 0.25",
            'Write for example "0.25"',
        ),
        (
            definition(
                container(
                    resources={
                        "limits": {"cpu": "1", "memory": "128Mi"},
                        "requests": {"cpu": "1", "memory": "64Mi"},
                    }
                )
            ),
            "memory in limits must be equal to memory in requests",
            "For memory the request must be equal to the limit",
            "Write the same value",
        ),
        (
            definition(container(env=[{"name": "AWS_BATCH_X", "value": "1"}])),
            "AWS_BATCH_X cannot start with AWS_BATCH",
            "Variables cannot start with AWS_BATCH",
            "Choose another name",
        ),
    ],
)
def test_a_definition_that_aws_refuses_is_refused_there_and_in_the_spec_with_its_fix(
    document: dict[str, Any], words: str, rule: str, fix: str, cluster: EksCluster
) -> None:
    with pytest.raises(ClientError, match=re.escape(words)):
        cluster.batch.register_job_definition(**document)
    with pytest.raises(SpecError, match=re.escape(rule)) as refused:
        JobDefinitionSpec.from_document(document)
    assert fix in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "words", "rule", "fix"),
    [
        (
            {"arrayProperties": {"size": 1}},
            "arrayProperties.size must be between 2 and 10000",
            "It must be between 2 and 10000",
            "Change the value",
        ),
        (
            {"dependsOn": [{"jobId": f"j{n}"} for n in range(21)]},
            "dependsOn must have at most 20 dependencies",
            "There can be at most 20 elements, here are 21",
            "Leave 1 out",
        ),
        (
            {"containerOverrides": {"command": ["true"]}},
            "Container overrides or node overrides should not be set for Batch on EKS jobs.",
            "Container overrides or node overrides should not be set for Batch on EKS jobs.",
            "Use eksPropertiesOverride.podProperties.containers",
        ),
        (
            {"parameters": {"text": "x" * 31_000}},
            "Job size must be less than 30 KiB, got 30 KiB",
            "A submission has at most 30720 bytes",
            "Put long values into the job definition or into S3",
        ),
    ],
)
def test_a_job_that_aws_refuses_is_refused_there_and_in_the_spec_with_its_fix(
    fields: dict[str, Any], words: str, rule: str, fix: str, cluster: EksCluster
) -> None:
    document: dict[str, Any] = job().to_document() | fields
    with pytest.raises(ClientError, match=re.escape(words)):
        cluster.batch.submit_job(**document)
    with pytest.raises(SpecError, match=re.escape(rule)) as refused:
        job(**fields)
    assert fix in str(refused.value)


def test_a_faulty_job_or_definition_stops_the_flow_that_is_given_it_before_the_first_call(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    """The specs of the two tests above are the flows' parameters, so their refusals are the flows'."""
    before = aws_calls(sandbox)
    wrong_job: Any = [job().to_document() | {"arrayProperties": {"size": 1}}]
    with pytest.raises(ParameterTypeError, match=r"arrayProperties\.size = 1: It must be between 2 and 10000"):
        submit_jobs(cluster, wrong_job)
    cpu = container(resources={"limits": {"cpu": "100m", "memory": "64Mi"}})
    wrong_platform: Any = platform.model_dump(exclude_unset=True) | {"jobDefinitions": [definition(cpu)]}
    with pytest.raises(ParameterTypeError, match="the milli form is not supported"):
        setup_batch(cluster, wrong_platform)
    assert aws_calls(sandbox) == before


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
