import contextlib
import hashlib
import json
import time

import boto3
import httpx
import kubernetes
import pytest
from botocore.credentials import Credentials

from sandbox.eks_token import presign
from tests.control_planes import CONTROL_PLANES


@pytest.fixture(scope="module", params=CONTROL_PLANES)
def sandbox(request, sandboxes):
    """The running sandbox of each control plane there is, as new; a module's tests share it."""
    found = sandboxes(request.param)
    found.reset()
    return found


@pytest.fixture
def clean_sandbox(sandbox):
    """The sandbox in its seeded state."""
    sandbox.reset()
    return sandbox


class Tools:
    """What tests do with a sandbox."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.env = sandbox.env
        configuration = kubernetes.client.Configuration(host=sandbox.kubernetes_endpoint)
        configuration.ssl_ca_cert = str(sandbox.state_dir / "ca.pem")
        configuration.api_key["authorization"] = "Bearer " + presign(self.credentials, "my-test-cluster", "us-east-1")
        self.api = kubernetes.client.ApiClient(configuration)
        self.core = kubernetes.client.CoreV1Api(self.api)

    @property
    def credentials(self):
        return Credentials(self.env["AWS_ACCESS_KEY_ID"], self.env["AWS_SECRET_ACCESS_KEY"])

    def aws(self, service, endpoint=None):
        return boto3.client(
            service,
            endpoint_url=endpoint or self.sandbox.aws_endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.credentials.access_key,
            aws_secret_access_key=self.credentials.secret_key,
        )

    def map_role(self, name, username="system:node:{{EC2PrivateDNSName}}", groups=("system:nodes",)):
        """Add a role to aws-auth."""
        config_map = self.core.read_namespaced_config_map("aws-auth", "kube-system")
        entry = {"rolearn": f"arn:aws:iam::123456789012:role/{name}", "username": username, "groups": list(groups)}
        config_map.data["mapRoles"] += f"- {json.dumps(entry)}\n"
        self.core.replace_namespaced_config_map("aws-auth", "kube-system", config_map)

    def push_image(self, repository, tag="1", **config):
        """Put an image without layers into the private registry; gives its reference."""
        registry = self.env["PRIVATE_REGISTRY"]
        ecr = self.aws("ecr")
        with contextlib.suppress(ecr.exceptions.RepositoryAlreadyExistsException):
            ecr.create_repository(repositoryName=repository)
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        headers = {"Authorization": f"Basic {token}"}
        document = {"architecture": "amd64", "os": "linux", "config": config, "rootfs": {"type": "layers"}}
        blob = json.dumps(document).encode()
        digest = "sha256:" + hashlib.sha256(blob).hexdigest()
        with httpx.Client(base_url=f"http://{registry}", headers=headers, trust_env=False) as client:
            begun = client.post(f"/v2/{repository}/blobs/uploads/").raise_for_status()
            location = httpx.URL(begun.headers["Location"]).copy_merge_params({"digest": digest})
            client.put(location, content=blob).raise_for_status()
            media_type = "application/vnd.oci.image.manifest.v1+json"
            manifest = {
                "schemaVersion": 2,
                "mediaType": media_type,
                "config": {
                    "mediaType": "application/vnd.oci.image.config.v1+json",
                    "digest": digest,
                    "size": len(blob),
                },
                "layers": [],
            }
            client.put(
                f"/v2/{repository}/manifests/{tag}",
                content=json.dumps(manifest),
                headers={"Content-Type": media_type},
            ).raise_for_status()
        return f"{registry}/{repository}:{tag}"


@pytest.fixture
def tools(clean_sandbox):
    return Tools(clean_sandbox)


@pytest.fixture(scope="session")
def make_tools():
    return Tools


@pytest.fixture(scope="session")
def eventually():
    """Wait until something is true; gives it."""

    def wait(question, seconds=20):
        deadline = time.monotonic() + seconds
        while True:
            answer = question()
            if answer or time.monotonic() > deadline:
                assert answer, f"not true after {seconds} s"
                return answer
            time.sleep(0.05)

    return wait
