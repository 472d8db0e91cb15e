"""A running control plane of each kind, reset before each test."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import kubernetes
import pytest

from sandbox.authenticator import Identity, Refused
from sandbox.certificate_authority import CertificateAuthority
from sandbox.kubernetes.client import ApiClient
from sandbox.kubernetes.control_plane import ControlPlane, control_plane
from tests.control_planes import CONTROL_PLANES


@dataclass
class Cluster:
    """A control plane and ways to talk to it.

    Tokens of users are `user|NAME` or `user|NAME|GROUP,GROUP`; everything else is refused.
    """

    kind: str
    control_plane: ControlPlane
    authority: CertificateAuthority
    kubeconfig: Path

    def client(self, user: str = "", *groups: str) -> ApiClient:
        """The sandbox's own client, as the administrator or as a user."""
        return ApiClient(self.control_plane.url, self.authority.ca_file, self.token(user, *groups))

    def token(self, user: str = "", *groups: str) -> str:
        """A bearer token."""
        return f"user|{user}|{','.join(groups)}" if user else self.control_plane.admin_token

    def official(self, user: str = "", *groups: str) -> kubernetes.client.ApiClient:
        """The official Python client."""
        configuration = kubernetes.client.Configuration(host=self.control_plane.url)
        configuration.ssl_ca_cert = str(self.authority.ca_file)
        configuration.api_key["authorization"] = f"Bearer {self.token(user, *groups)}"
        return kubernetes.client.ApiClient(configuration)

    def namespace(self, name: str = "batch") -> str:
        """Create a namespace and wait until pods can be created in it."""
        admin = self.client()
        admin.post("/api/v1/namespaces", {"metadata": {"name": name}})
        eventually(lambda: admin.get(f"/api/v1/namespaces/{name}/serviceaccounts")["items"])
        return name

    def grant(self, user: str, verbs: list[str], resources: list[str], group: str = "") -> None:
        """Give a user a cluster role of its own."""
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        rules = [{"apiGroups": [group], "resources": resources, "verbs": verbs}]
        self.client().post(f"{rbac}/clusterroles", {"metadata": {"name": f"{user}-role"}, "rules": rules})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"{user}-role"}
        subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]
        body = {"metadata": {"name": user}, "roleRef": reference, "subjects": subjects}
        self.client().post(f"{rbac}/clusterrolebindings", body)


def eventually(condition: Callable[[], object]) -> None:
    """Wait until something is true; the real control plane's parts follow each other with a small delay."""
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, "still not so after 15 s"
        time.sleep(0.02)


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[[Callable[[], object]], None]:
    """The function `eventually`."""
    return eventually


@pytest.fixture(scope="package", params=CONTROL_PLANES)
def running_cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane of each kind there is, started once."""
    state_dir = tmp_path_factory.mktemp(f"kubernetes-{request.param}")
    authority = CertificateAuthority(state_dir)
    plane = control_plane(request.param, state_dir, authority, authenticate)
    plane.start()
    try:
        kubeconfig = state_dir / "kubeconfig"
        kubeconfig.write_text(
            f"""
apiVersion: v1
kind: Config
current-context: test
contexts: [{{name: test, context: {{cluster: test, user: admin}}}}]
clusters: [{{name: test, cluster: {{server: "{plane.url}", certificate-authority: "{authority.ca_file}"}}}}]
users: [{{name: admin, user: {{token: "{plane.admin_token}"}}}}]
"""
        )
        yield Cluster(request.param, plane, authority, kubeconfig)
    finally:
        plane.stop()


@pytest.fixture
def cluster(running_cluster: Cluster) -> Cluster:
    """A control plane as new."""
    running_cluster.control_plane.reset()
    return running_cluster


@pytest.fixture
def kubectl(cluster: Cluster, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the stock kubectl; `stdin` is given to it."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("there is no kubectl on PATH")

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "HOME": str(tmp_path)}
        return subprocess.run(
            [program, *arguments], input=stdin, env=env, capture_output=True, text=True, check=False, timeout=60
        )

    return run


def authenticate(token: str) -> Identity:
    """Whose a token of these tests is."""
    kind, _, rest = token.partition("|")
    name, _, groups = rest.partition("|")
    if kind != "user":
        raise Refused("not a token of these tests")
    return Identity(name, f"uid-of-{name}", tuple(filter(None, groups.split(","))))
