"""A real control plane: etcd and kube-apiserver as child processes, with what a bare one lacks played around them."""

import secrets
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.authenticator import Identity
from sandbox.certificate_authority import CertificateAuthority
from sandbox.kubernetes.access_webhook import review_access
from sandbox.kubernetes.audit_log import AuditLog, write_policy
from sandbox.kubernetes.child_process import free_ports, start_child, stop_child, wait_until
from sandbox.kubernetes.client import ApiClient
from sandbox.kubernetes.cluster_controllers import ClusterControllers
from sandbox.kubernetes.control_plane import ApiCall
from sandbox.kubernetes.etcd import Etcd
from sandbox.kubernetes.identity import Attributes, Decision, User, abstain
from sandbox.kubernetes.review_webhook import ReviewWebhook
from sandbox.kubernetes.token_webhook import review_token

_HOSTS = ("127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
_GROUP = "rbac.authorization.k8s.io"
_RBAC = f"/apis/{_GROUP}/v1"
_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_ECHO = "sandbox:echo"
_CACHE_TIMEOUT = 30.0
# How long decisions of the webhook are kept; an access policy that is new is in effect after that.
_REMEMBERED = "100ms"
_ISSUER = "https://kubernetes.default.svc"


class RealControlPlane:
    """etcd and kube-apiserver; see `sandbox.kubernetes.control_plane.ControlPlane`.

    Args:
        assets: Directory with `etcd` and `kube-apiserver`, 1.20 or newer.
        state_dir: Directory for data, logs and configuration.
        authority: Issues certificates.
        authenticate: Tells whose a bearer token is.
        authorize: Decides what the Node authorizer and RBAC do not allow.
    """

    def __init__(
        self,
        assets: Path,
        state_dir: Path,
        authority: CertificateAuthority,
        authenticate: Callable[[str], Identity],
        authorize: Callable[[User, Attributes], Decision] = abstain,
    ) -> None:
        self.admin_token = secrets.token_hex(16)
        self._assets = assets
        self._directory = state_dir / "control-plane"
        self._authority = authority
        api_port, client_port, peer_port = free_ports(3)
        self.url = f"https://127.0.0.1:{api_port}"
        self._port = api_port
        self._etcd = Etcd(assets / "etcd", self._directory / "etcd", client_port, peer_port)
        self._tokens = ReviewWebhook("authenticate", lambda review: review_token(authenticate, review))
        self._access = ReviewWebhook("authorize", lambda review: review_access(authorize, review))
        self._audit = AuditLog(self._directory / "audit.log")
        self._client = ApiClient(self.url, authority.ca_file, self.admin_token)
        self._controllers = ClusterControllers(self._client)
        self._process: subprocess.Popen[bytes] | None = None
        self._initial: dict[str, str] = {}

    def start(self) -> None:
        """Start both processes and the small controllers."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._etcd.start()
        self._tokens.start()
        self._access.start()
        log = self._directory / "kube-apiserver.log"
        self._process = start_child(self._command(), log)
        wait_until(self._ready, self._process, log)
        self._controllers.start()
        self._initial = self._etcd.contents()
        self._audit.clear()

    def stop(self) -> None:
        """Stop everything, the processes last."""
        self._controllers.stop()
        stop_child(self._process)
        self._client.close()
        self._tokens.stop()
        self._access.stop()
        self._etcd.stop()

    def reset(self) -> None:
        """Put etcd's contents back and wait until the API server has noticed."""
        self._etcd.restore(self._initial)
        self._await_caches()
        self._audit.clear()

    def calls(self) -> list[ApiCall]:
        """Every request since `start` or `reset` that was not the sandbox's own."""
        return self._audit.calls()

    def _await_caches(self) -> None:
        """Wait until the caches that authorization reads have seen a change of each kind come and go."""
        grants = [
            (f"{_RBAC}/clusterroles", _role("get")),
            (f"{_RBAC}/clusterrolebindings", _binding("ClusterRole")),
            (f"{_RBAC}/namespaces/default/roles", _role("list")),
            (f"{_RBAC}/namespaces/default/rolebindings", _binding("Role")),
        ]
        for path, body in grants:
            self._client.post(path, body)
        self._await_verbs("get", "list", allowed=True)
        for path, _ in grants:
            self._client.delete(f"{path}/{_ECHO}")
        self._await_verbs("get", "list", allowed=False)

    def _await_verbs(self, *verbs: str, allowed: bool) -> None:
        for verb in verbs:
            asked = {"verb": verb, "resource": "echoes", "namespace": "default"}
            spec = {"spec": {"user": _ECHO, "resourceAttributes": asked}}
            deadline = time.monotonic() + _CACHE_TIMEOUT
            while self._client.post(_REVIEWS, spec)["status"]["allowed"] != allowed:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the API server's caches are not current after {_CACHE_TIMEOUT:.0f} s")
                time.sleep(0.005)

    def _ready(self) -> bool:
        context = ssl.create_default_context(cafile=str(self._authority.ca_file))
        headers = {"Authorization": f"Bearer {self.admin_token}"}
        try:
            response = httpx.get(f"{self.url}/readyz", headers=headers, verify=context, trust_env=False, timeout=5)
            namespace = httpx.get(
                f"{self.url}/api/v1/namespaces/default", headers=headers, verify=context, trust_env=False, timeout=5
            )
        except httpx.HTTPError:
            return False
        return response.text == "ok" and namespace.status_code == 200

    def _command(self) -> list[str]:
        certificate, key = self._authority.issue("kube-apiserver", _HOSTS)
        kubelet_certificate, kubelet_key = self._authority.issue(
            "kube-apiserver-kubelet-client", (), organization="system:masters"
        )
        tokens = self._private_file("tokens.csv", f"{self.admin_token},sandbox-admin,sandbox,system:masters\n")
        account_key = self._private_file("service-account.key", _rsa_key())
        tokens_webhook, access_webhook = self._directory / "tokens.yaml", self._directory / "access.yaml"
        self._tokens.write_config(tokens_webhook)
        self._access.write_config(access_webhook)
        policy = self._directory / "audit-policy.yaml"
        write_policy(policy)
        return [
            str(self._assets / "kube-apiserver"),
            f"--etcd-servers={self._etcd.url}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--cert-dir={self._directory / 'certificates'}",
            "--authorization-mode=Node,RBAC,Webhook",
            f"--authorization-webhook-config-file={access_webhook}",
            f"--authorization-webhook-cache-authorized-ttl={_REMEMBERED}",
            f"--authorization-webhook-cache-unauthorized-ttl={_REMEMBERED}",
            f"--token-auth-file={tokens}",
            f"--authentication-token-webhook-config-file={tokens_webhook}",
            "--authentication-token-webhook-cache-ttl=1s",
            f"--client-ca-file={self._authority.ca_file}",
            f"--kubelet-certificate-authority={self._authority.ca_file}",
            f"--kubelet-client-certificate={kubelet_certificate}",
            f"--kubelet-client-key={kubelet_key}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-issuer={_ISSUER}",
            f"--service-account-signing-key-file={account_key}",
            f"--service-account-key-file={account_key}",
            *self._feature_gates(),
            # A node lifecycle controller would take this taint off again; there is none.
            "--disable-admission-plugins=TaintNodesByCondition",
            "--service-cluster-ip-range=10.100.0.0/16",
            "--allow-privileged=true",
            "--event-ttl=24h",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self._directory / 'audit.log'}",
            "--audit-log-mode=blocking",
            "--v=1",
        ]

    def _feature_gates(self) -> list[str]:
        """Newer servers only know bound service account tokens; up to 1.20 they are a feature to switch on."""
        answer = subprocess.run(
            [self._assets / "kube-apiserver", "--version"], capture_output=True, check=True, text=True
        )
        minor = int(answer.stdout.split("v1.")[1].split(".")[0])
        return ["--feature-gates=BoundServiceAccountTokenVolume=true"] if minor <= 20 else []

    def _private_file(self, name: str, text: str) -> Path:
        path = self._directory / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path


def _role(verb: str) -> dict[str, Any]:
    return {"metadata": {"name": _ECHO}, "rules": [{"apiGroups": [""], "resources": ["echoes"], "verbs": [verb]}]}


def _binding(kind: str) -> dict[str, Any]:
    subjects = [{"apiGroup": _GROUP, "kind": "User", "name": _ECHO}]
    return {
        "metadata": {"name": _ECHO},
        "subjects": subjects,
        "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": _ECHO},
    }


def _rsa_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()
