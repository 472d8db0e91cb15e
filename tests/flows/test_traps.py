"""The tutorial's traps: each is refused or fails in the sandbox with the documented words, and our flows say why."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from kubernetes import client

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from flows.setup import setup_batch
from flows.submit import submit_jobs
from sandbox.remote import RemoteSandbox
from specs.job_request import JobRequest
from specs.platform import PlatformSpec
from tasks.batch_access import missing_node_access
from tasks.compute_environment_health import explain_invalid
from tasks.job_report import JobsFailedError
from tests.control_planes import CONTROL_PLANES
from tests.flows.trapped import container_override, described, job, status, the_platform, wait_for_status

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
    found.settings(compute_environment_delay=0.2, job_queue_delay=0.1)
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


def why(cluster: EksCluster, request: JobRequest, stuck_after_seconds: float = 3) -> str:
    """What the submit flow says of a job that cannot run."""
    with pytest.raises(JobsFailedError) as failed:
        submit_jobs(cluster, [request], stuck_after_seconds=stuck_after_seconds)
    return str(failed.value)


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

    explanation = str(explain_invalid(cluster, described(cluster)))
    assert INVALID_NAMESPACE in explanation
    assert trap.explained in explanation
    assert "setup_batch" in explanation

    setup_batch(cluster, platform)
    assert status(cluster)[0] == "VALID"


def test_a_job_that_hangs_for_an_invalid_environment_is_told_its_cause(
    cluster: EksCluster, platform: PlatformSpec
) -> None:
    trap = IN_THE_CLUSTER[0]
    trap.fall_in(cluster)
    cluster.batch.update_compute_environment(computeEnvironment="My-Eks-CE1", state="ENABLED")
    wait_for_status(cluster, "INVALID")
    explanation = why(cluster, job(), stuck_after_seconds=0.5)
    assert INVALID_NAMESPACE in explanation
    assert trap.explained in explanation
    assert "setup_batch" in explanation
    setup_batch(cluster, platform)


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
