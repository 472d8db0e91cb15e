"""A whole sandbox for Batch's tests: AWS, a control plane, nodes."""

import copy
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials

from sandbox.eks_token import presign
from sandbox.kubernetes.client import ApiClient
from sandbox.names import CLUSTER_ARN, CLUSTER_NAME, REGION
from sandbox.registries.amazonlinux import add_amazonlinux
from sandbox.stack import Sandbox

NAMESPACE = "my-aws-batch-namespace"
ROLE_ARN = "arn:aws:iam::123456789012:role/AWSServiceRoleForBatch"
FAST = {
    "compute_environment_delay": 0.1,
    "job_queue_delay": 0.05,
    "deletion_delay": 0.1,
    "relationship_delay": 0.3,
    "blocked_reason_delay": 0.1,
    "pod_cleanup_delay": 0.3,
    "pod_retry_delay": 0.3,
    "timeout_grace": 2.0,
}
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_READ = ["get", "list", "watch"]
CLUSTER_ROLE: list[dict[str, Any]] = [
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["nodes", "pods", "configmaps"], "verbs": _READ},
    {
        "apiGroups": ["apps"],
        "resources": ["daemonsets", "deployments", "statefulsets", "replicasets"],
        "verbs": _READ,
    },
    {
        "apiGroups": ["rbac.authorization.k8s.io"],
        "resources": ["clusterroles", "clusterrolebindings"],
        "verbs": ["get", "list"],
    },
]
ROLE: list[dict[str, Any]] = [
    {
        "apiGroups": [""],
        "resources": ["pods"],
        "verbs": ["create", "get", "list", "watch", "delete", "patch"],
    },
    {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get", "list"]},
    {
        "apiGroups": ["rbac.authorization.k8s.io"],
        "resources": ["roles", "rolebindings"],
        "verbs": ["get", "list"],
    },
]


class World:
    """What a test needs of the sandbox."""

    def __init__(self, sandbox: Sandbox, ca_file: Path) -> None:
        self.sandbox = sandbox
        self.url = sandbox.description()["aws_endpoint"]
        self._ca_file = ca_file
        self.image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/amazonlinux/amazonlinux:2"

    def client(self, service: Any, attempts: int = 1) -> Any:
        """A boto3 client as the admin."""
        account = self.sandbox.account
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=account.access_key_id,
            aws_secret_access_key=account.secret_access_key,
            config=Config(retries={"total_max_attempts": attempts}, proxies={}),
        )

    def kubernetes(self) -> ApiClient:
        """The cluster as the admin sees it."""
        account = self.sandbox.account
        credentials = Credentials(account.access_key_id, account.secret_access_key)
        url = self.sandbox.description()["kubernetes_endpoint"]
        return ApiClient(url, self._ca_file, lambda: presign(credentials, CLUSTER_NAME, REGION))

    def control(self, method: str, path: str, document: Any = None) -> Any:
        """Call a control route."""
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def reset(self) -> None:
        """An empty cluster and account, with short delays."""
        self.sandbox.reset()
        self.control("POST", "/_sandbox/settings", FAST)

    def reset_cluster(self) -> None:
        """An empty cluster in an account that stays: cheaper than `reset`."""
        self.sandbox._control_plane.reset()
        metadata = {"name": "aws-auth", "namespace": "kube-system"}
        document = {"metadata": metadata, "data": {"mapRoles": ""}}
        self.kubernetes().post("/api/v1/namespaces/kube-system/configmaps", document)

    # The tutorial's steps 2a to 2d, one by one so that a test can leave one out.

    def create_namespace(self, name: str = NAMESPACE) -> None:
        self.kubernetes().post("/api/v1/namespaces", {"metadata": {"name": name, "labels": {"name": name}}})

    def rules(self) -> dict[str, list[dict[str, Any]]]:
        """The tutorial's RBAC rules."""
        return {"cluster role": copy.deepcopy(CLUSTER_ROLE), "role": copy.deepcopy(ROLE)}

    def create_cluster_role(
        self, rules: list[dict[str, Any]] = CLUSTER_ROLE, user: str = "aws-batch", *, bind: bool = True
    ) -> None:
        name = "aws-batch-cluster-role"
        self.kubernetes().post(f"{_RBAC}/clusterroles", {"metadata": {"name": name}, "rules": rules})
        if bind:
            self.kubernetes().post(f"{_RBAC}/clusterrolebindings", _binding("ClusterRole", name, user))

    def create_role(
        self,
        rules: list[dict[str, Any]] = ROLE,
        user: str = "aws-batch",
        namespace: str = NAMESPACE,
        *,
        bind: bool = True,
    ) -> None:
        name = "aws-batch-compute-environment-role"
        path = f"{_RBAC}/namespaces/{namespace}"
        self.kubernetes().post(f"{path}/roles", {"metadata": {"name": name}, "rules": rules})
        if bind:
            self.kubernetes().post(f"{path}/rolebindings", _binding("Role", name, user))

    def map_role(self, arn: str = ROLE_ARN, username: str = "aws-batch", groups: tuple[str, ...] = ()) -> None:
        """Append an entry to aws-auth."""
        path = "/api/v1/namespaces/kube-system/configmaps/aws-auth"
        text = self.kubernetes().get(path)["data"]["mapRoles"]
        text += f"- rolearn: {arn}\n  username: {username}\n"
        text += f"  groups: {json.dumps(list(groups))}\n"
        self.kubernetes().patch(path, {"data": {"mapRoles": text}})

    def mirror_image(self) -> None:
        """Have the tutorial's image in the private registry, straight into its store."""
        add_amazonlinux(self.sandbox._private.repositories)

    def map_node_role(self) -> None:
        self.map_role(
            self.sandbox.account.node_role_arn,
            "system:node:{{EC2PrivateDNSName}}",
            ("system:bootstrappers", "system:nodes"),
        )

    def environment(self, name: str, **changes: Any) -> dict[str, Any]:
        """The tutorial's compute environment document; a nested change as `computeResources__minvCpus`."""
        account = self.sandbox.account
        groups = self.client("ec2").describe_security_groups(
            Filters=[{"Name": "tag:aws:eks:cluster-name", "Values": [CLUSTER_NAME]}]
        )["SecurityGroups"]
        document: dict[str, Any] = {
            "computeEnvironmentName": name,
            "type": "MANAGED",
            "state": "ENABLED",
            "eksConfiguration": {"eksClusterArn": CLUSTER_ARN, "kubernetesNamespace": NAMESPACE},
            "computeResources": {
                "type": "EC2",
                "allocationStrategy": "BEST_FIT_PROGRESSIVE",
                "minvCpus": 0,
                "maxvCpus": 128,
                "instanceTypes": ["m5"],
                "subnets": list(account.vpc.subnet_ids),
                "securityGroupIds": [groups[0]["GroupId"]],
                "instanceRole": account.instance_profile_arn,
            },
        }
        return with_changes(document, changes)

    def wait(self, look: Callable[[], Any], seconds: float = 20) -> Any:
        """Wait until `look` gives something true."""
        deadline = time.monotonic() + seconds
        while not (found := look()):
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.05)
        return found

    def environment_settles(self, name: str) -> dict[str, Any]:
        def look() -> Any:
            found = self.client("batch").describe_compute_environments(computeEnvironments=[name])
            environment = found["computeEnvironments"][0]
            return environment if environment["status"] in ("VALID", "INVALID") else None

        environment: dict[str, Any] = self.wait(look)
        return environment

    def queue_settles(self, name: str) -> dict[str, Any]:
        def look() -> Any:
            queue = self.client("batch").describe_job_queues(jobQueues=[name])["jobQueues"][0]
            return queue if queue["status"] in ("VALID", "INVALID") else None

        queue: dict[str, Any] = self.wait(look)
        return queue

    def job(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client("batch").describe_jobs(jobs=[job_id])["jobs"][0]
        return found

    def job_is(self, job_id: str, *statuses: str, seconds: float = 30) -> dict[str, Any]:
        def look() -> Any:
            job = self.job(job_id)
            return job if job["status"] in statuses else None

        job: dict[str, Any] = self.wait(look, seconds)
        return job

    def job_ends(self, job_id: str, seconds: float = 30) -> dict[str, Any]:
        return self.job_is(job_id, "SUCCEEDED", "FAILED", seconds=seconds)

    def define(self, name: str, *command: str, **changes: Any) -> str:
        """Register a job definition with the private image; gives its ARN."""
        document = definition(name, *command, image=self.image, **changes)
        return str(self.client("batch").register_job_definition(**document)["jobDefinitionArn"])

    def submit(self, name: str, command: list[str] | None = None, **parameters: Any) -> str:
        """Submit a job to the tutorial's queue, with another command if given; gives its id."""
        if command is not None:
            override = {"podProperties": {"containers": [{"command": command}]}}
            parameters.setdefault("eksPropertiesOverride", override)
        parameters = {"jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep", **parameters}
        return str(self.client("batch").submit_job(jobName=name, **parameters)["jobId"])

    def set_up(self) -> None:
        """The whole tutorial up to its job definition, with its names, both roles mapped."""
        self.reset()
        self.create_namespace()
        self.create_cluster_role()
        self.create_role()
        self.map_role()
        self.map_node_role()
        self.mirror_image()
        batch = self.client("batch")
        batch.create_compute_environment(**self.environment("My-Eks-CE1"))
        assert self.environment_settles("My-Eks-CE1")["status"] == "VALID"
        order = [{"order": 1, "computeEnvironment": "My-Eks-CE1"}]
        batch.create_job_queue(jobQueueName="My-Eks-JQ1", priority=10, computeEnvironmentOrder=order)
        self.queue_settles("My-Eks-JQ1")
        self.define("MyJobOnEks_Sleep", "sleep", "60")


def _binding(kind: str, name: str, user: str) -> dict[str, Any]:
    return {
        "metadata": {"name": f"{name}-binding"},
        "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": kind, "name": name, "apiGroup": "rbac.authorization.k8s.io"},
    }


def with_changes(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of a document with members set at `a__b` paths; None takes one out."""
    result = copy.deepcopy(document)
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = result
        for parent in parents:
            target = target[parent]
        if value is None:
            target.pop(last, None)
        else:
            target[last] = value
    return result


def definition(name: str, *command: str, image: str | None = None, **changes: Any) -> dict[str, Any]:
    """A job definition document with one container."""
    container = {
        "image": image or "public.ecr.aws/amazonlinux/amazonlinux:2",
        "command": list(command),
        "resources": {"limits": {"cpu": "1", "memory": "1024Mi"}},
    }
    document: dict[str, Any] = {
        "jobDefinitionName": name,
        "type": "container",
        "eksProperties": {
            "podProperties": {
                "hostNetwork": True,
                "containers": [container],
                "metadata": {"labels": {"environment": "test"}},
            }
        },
    }
    return with_changes(document, changes)


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One sandbox for all of Batch's tests."""
    state_dir = tmp_path_factory.mktemp("sandbox")
    with Sandbox(state_dir, control_plane="auto") as sandbox:
        yield World(sandbox, state_dir / "ca.pem")


@pytest.fixture(scope="module")
def tutorial(world: World) -> World:
    """The sandbox with the tutorial done; a module's tests share it."""
    world.set_up()
    return world


@pytest.fixture
def empty(world: World) -> World:
    """The sandbox as it is before the tutorial."""
    world.reset()
    return world


@pytest.fixture(scope="session")
def make_definition() -> Callable[..., dict[str, Any]]:
    """Makes a job definition document."""
    return definition
