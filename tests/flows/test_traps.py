"""The tutorial's traps: each is refused or fails in the sandbox with the documented words, and our flows say why."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from kubernetes import client
from prefect.exceptions import ParameterTypeError

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
from tasks.batch_access import missing_node_access
from tasks.compute_environment_health import explain_invalid
from tasks.job_report import JobsFailedError
from tasks.report import StepsFailedError
from tests.control_planes import CONTROL_PLANES

NAMESPACE = "my-aws-batch-namespace"
BATCH_ROLE = "arn:aws:iam::123456789012:role/AWSServiceRoleForBatch"
NODE_ROLE = "arn:aws:iam::123456789012:role/EksBatchNodeRole"
RBAC = "rbac.authorization.k8s.io"
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
# AWS Batch User Guide, getting-started-eks-privateclusters, with the events of batch_eks_rbac; typed off from there.
CLUSTER_RIGHTS = {
    ("", "namespaces"): ["get"],
    ("", "nodes"): ["get", "list", "watch"],
    ("", "pods"): ["get", "list", "watch"],
    ("", "events"): ["list"],
    ("", "configmaps"): ["get", "list", "watch"],
    ("apps", "daemonsets"): ["get", "list", "watch"],
    ("apps", "deployments"): ["get", "list", "watch"],
    ("apps", "statefulsets"): ["get", "list", "watch"],
    ("apps", "replicasets"): ["get", "list", "watch"],
    (RBAC, "clusterroles"): ["get", "list"],
    (RBAC, "clusterrolebindings"): ["get", "list"],
}
NAMESPACE_RIGHTS = {
    ("", "pods"): ["create", "get", "list", "watch", "delete", "patch"],
    ("", "serviceaccounts"): ["get", "list"],
    (RBAC, "roles"): ["get", "list"],
    (RBAC, "rolebindings"): ["get", "list"],
}
# Kubernetes itself binds system:basic-user to everybody whom it knows.
RIGHTS_OF_EVERYBODY = {
    ("authorization.k8s.io", "selfsubjectaccessreviews"): ["create"],
    ("authorization.k8s.io", "selfsubjectrulesreviews"): ["create"],
}
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


def described(cluster: EksCluster, name: str = "My-Eks-CE1") -> dict[str, Any]:
    (environment,) = cluster.batch.describe_compute_environments(computeEnvironments=[name])["computeEnvironments"]
    return dict(environment)


def status(cluster: EksCluster, name: str = "My-Eks-CE1") -> tuple[str, str]:
    environment = described(cluster, name)
    return environment["status"], environment.get("statusReason", "")


def wait_for_status(cluster: EksCluster, wanted: str, name: str = "My-Eks-CE1") -> str:
    deadline = time.monotonic() + 30
    while True:
        found, reason = status(cluster, name)
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


def resources_of(api: client.ApiClient) -> Iterator[tuple[str, str]]:
    """Group and resource of everything that the API server serves, subresources too."""
    for resource in client.CoreV1Api(api).get_api_resources().resources:
        yield "", resource.name
    for group in client.ApisApi(api).get_api_versions().groups:
        served = client.CustomObjectsApi(api).get_api_resources(group.name, group.preferred_version.version)
        for resource in served.resources:
            yield group.name, resource.name


def test_batch_may_do_in_the_cluster_what_the_tutorial_gives_it_and_no_more(cluster: EksCluster) -> None:
    """What the traps below take away is all there is: every verb on every resource, asked as Batch's user."""
    api = cluster.core_v1.api_client
    questions = [(group, resource, verb) for group, resource in resources_of(api) for verb in VERBS]
    questions += [(RBAC, role, verb) for role in ("roles", "clusterroles") for verb in ("bind", "escalate")]
    questions += [("", who, "impersonate") for who in ("users", "groups", "serviceaccounts")]

    def is_allowed(question: tuple[str, str, str, str]) -> bool:
        group, resource, verb, namespace = question
        name, _, subresource = resource.partition("/")
        asked = {"group": group, "resource": name, "subresource": subresource, "verb": verb, "namespace": namespace}
        spec = {"user": "aws-batch", "groups": ["system:authenticated"], "resourceAttributes": asked}
        review = client.AuthorizationV1Api(api).create_subject_access_review({"spec": spec})
        return bool(review.status.allowed)

    everywhere = [(*question, namespace) for question in questions for namespace in (NAMESPACE, "default")]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(is_allowed, everywhere))
    allowed = {question for question, answer in zip(everywhere, answers, strict=True) if answer}
    in_cluster = {
        (group, resource, verb, namespace)
        for (group, resource), verbs in {**CLUSTER_RIGHTS, **RIGHTS_OF_EVERYBODY}.items()
        for verb in verbs
        for namespace in (NAMESPACE, "default")
    }
    in_namespace = {(*key, verb, NAMESPACE) for key, verbs in NAMESPACE_RIGHTS.items() for verb in verbs}
    assert allowed == in_cluster | in_namespace


def test_an_unmapped_node_role_keeps_nodes_out(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    """The first test here: no node is there yet that could take the job."""
    unmap(cluster, "EksBatchNodeRole")
    explanation = why(cluster, job())
    assert f"aws-auth does not map {NODE_ROLE}" in explanation
    assert "instances start but cannot join the cluster" in explanation
    assert "run setup_batch" in explanation

    patience = sandbox.settings()["node_join_timeout"]
    sandbox.settings(node_join_timeout=0)
    try:
        reason = wait_for_status(cluster, "INVALID")
    finally:
        sandbox.settings(node_join_timeout=patience)
    assert "none of the nodes joined the underlying Amazon EKS Cluster" in reason
    assert f"aws-auth does not map {NODE_ROLE}" in str(explain_invalid(cluster, described(cluster)))
    setup_batch(cluster, platform)
    assert status(cluster)[0] == "VALID"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("role/EksBatchNodeRole", "role/nodes/EksBatchNodeRole", "with a path in it the entry never matches"),
        ("system:node:{{EC2PrivateDNSName}}", "node", "to user 'node' instead of 'system:node:"),
        ("EksBatchNodeRole", "eksbatchnoderole", ""),
    ],
)
def test_the_node_role_is_read_as_the_authenticator_reads_it(
    old: str, new: str, problem: str, cluster: EksCluster, platform: PlatformSpec
) -> None:
    edit_aws_auth(cluster, old, new)
    environment = described(cluster)
    assert problem in "".join(map(str, missing_node_access(cluster, environment)))
    assert missing_node_access(cluster, {"type": "UNMANAGED"}) == []
    if not problem:
        assert missing_node_access(cluster, environment) == []


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
    assert "X-Amz-Signature" not in explanation
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


def aws_calls(sandbox: RemoteSandbox) -> list[dict[str, Any]]:
    """The calls so far but for those of the cluster's own nodes, which never rest."""
    return [call for call in sandbox.calls() if call["service"] != "kubernetes"]


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
    """Delete an INVALID compute environment: a cluster has room for five."""
    cluster.batch.update_compute_environment(computeEnvironment=name, state="DISABLED")
    wait_for_status(cluster, "INVALID", name)
    cluster.batch.delete_compute_environment(computeEnvironment=name)


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
