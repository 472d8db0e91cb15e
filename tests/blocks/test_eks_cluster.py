"""The block against the sandbox: every way in, and every way of being kept out."""

import base64
import socket
import ssl
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from kubernetes.client.exceptions import ApiException
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites.blocks import BlockStandardTestSuite
from prefect_aws import AwsCredentials
from pydantic import SecretStr

from blocks.bearer_token import BearerToken
from blocks.eks_cluster import EksCluster
from blocks.kubernetes_errors import explain_kubernetes
from blocks.operation_error import OperationError
from sandbox.certificate_authority import CertificateAuthority
from sandbox.remote import RemoteSandbox


class TestEksClusterBlock(BlockStandardTestSuite):
    @pytest.fixture
    def block(self) -> type[EksCluster]:
        return EksCluster

    def test_has_a_valid_image(self, block: type[Block]) -> None:
        """The suite's own version downloads the logo; it is the one of prefect-aws's blocks."""
        assert block._logo_url == AwsCredentials._logo_url


def namespaces(cluster: EksCluster) -> set[str]:
    return {namespace.metadata.name for namespace in cluster.core_v1.list_namespace().items}


def test_a_cluster_is_reached_by_its_name_alone(cluster: EksCluster) -> None:
    assert "kube-system" in namespaces(cluster)
    assert (cluster.account_id, cluster.region, cluster.partition) == ("123456789012", "us-east-1", "aws")
    assert cluster.authentication_mode == "API_AND_CONFIG_MAP"


def test_keys_in_the_block_are_used_and_its_secret_is_not_shown(
    sandbox: RemoteSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = sandbox.env["AWS_SECRET_ACCESS_KEY"]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    credentials = AwsCredentials(
        aws_access_key_id=sandbox.env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=SecretStr(secret),
        region_name="us-east-1",
    )
    cluster = EksCluster(cluster_name="my-test-cluster", aws_credentials=credentials)
    assert "kube-system" in namespaces(cluster)
    assert secret not in repr(cluster)
    assert secret not in cluster.model_dump_json()


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        sink.close()


def relay(near: socket.socket, host: str, port: int) -> None:
    onward = socket.create_connection((host, port))
    threading.Thread(target=pump, args=(near, onward), daemon=True).start()
    threading.Thread(target=pump, args=(onward, near), daemon=True).start()


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port on which each connection is handed to a function."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError):
                serve(accepted)

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


@pytest.fixture
def forward(sandbox: RemoteSandbox) -> Iterator[str]:
    """A port-forward to the API server, called by a name that its certificate does not have."""
    host, port = sandbox.kubernetes_endpoint.removeprefix("https://").split(":")
    with listening(lambda accepted: relay(accepted, host, int(port))) as port_forward:
        yield f"https://localhost:{port_forward}"


def test_a_port_forward_with_a_server_name(cluster: EksCluster, forward: str) -> None:
    through = EksCluster(cluster_name=cluster.cluster_name, server=forward, tls_server_name="127.0.0.1")
    assert "kube-system" in namespaces(through)
    wrong = EksCluster(cluster_name=cluster.cluster_name, server=forward, tls_server_name="other.example")
    with pytest.raises(OperationError, match="TLS: "):
        namespaces(wrong)


def test_an_http_proxy_that_tunnels(cluster: EksCluster) -> None:
    """It is asked to connect to the host, and used although NO_PROXY of the sandbox's env.sh names that host."""
    asked = []

    def tunnel(accepted: socket.socket) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += accepted.recv(1)
        asked.append(request.split(b" ")[:2])
        host, port = asked[-1][1].decode().split(":")
        accepted.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        relay(accepted, host, int(port))

    with listening(tunnel) as port:
        through = EksCluster(cluster_name=cluster.cluster_name, proxy_url=f"http://127.0.0.1:{port}")
        assert "kube-system" in namespaces(through)
    assert asked[0] == [b"CONNECT", cluster.description["endpoint"].removeprefix("https://").encode()]


@pytest.fixture
def admin_kubeconfig(cluster: EksCluster, tmp_path: Path) -> Path:
    """A kubeconfig with a static token of the administrator's, as kubectl users have it."""
    token = BearerToken(lambda: cluster.session.presign_identity(cluster.cluster_name))()
    return kubeconfig(cluster, token, tmp_path / "kubeconfig")


def kubeconfig(cluster: EksCluster, token: str, path: Path, endpoint: str = "") -> Path:
    server = {
        "server": endpoint or cluster.description["endpoint"],
        "certificate-authority-data": cluster.description["certificateAuthority"]["data"],
    }
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": server}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "here",
    }
    path.write_text(yaml.safe_dump(document))
    return path


def test_a_kubeconfig_is_used_instead_of_a_token(cluster: EksCluster, admin_kubeconfig: Path) -> None:
    by_file = EksCluster(cluster_name=cluster.cluster_name, kubeconfig=str(admin_kubeconfig), kubeconfig_context="here")
    assert "kube-system" in namespaces(by_file)


def test_a_server_of_the_block_is_called_instead_of_the_kubeconfig_s(
    cluster: EksCluster, forward: str, tmp_path: Path
) -> None:
    token = BearerToken(lambda: cluster.session.presign_identity(cluster.cluster_name))()
    unreachable = kubeconfig(cluster, token, tmp_path / "vpc-only", "https://abc.gr7.us-east-1.eks.invalid")
    through = EksCluster(
        cluster_name=cluster.cluster_name, kubeconfig=str(unreachable), server=forward, tls_server_name="127.0.0.1"
    )
    assert "kube-system" in namespaces(through)


@pytest.mark.parametrize(("path", "context"), [("/nowhere/config", ""), (None, "there")])
def test_a_kubeconfig_that_cannot_be_used_is_named(
    path: str | None, context: str, cluster: EksCluster, admin_kubeconfig: Path
) -> None:
    block = EksCluster(
        cluster_name=cluster.cluster_name, kubeconfig=path or str(admin_kubeconfig), kubeconfig_context=context
    )
    with pytest.raises(OperationError, match="correct `kubeconfig`"):
        namespaces(block)


def test_a_token_for_an_interface_endpoint_of_sts_is_refused_by_the_cluster(
    cluster: EksCluster, tmp_path: Path
) -> None:
    url = cluster.session.presign_identity(cluster.cluster_name)
    elsewhere = url.replace(url.split("/")[2], "vpce-0123.sts.us-east-1.vpce.amazonaws.com").replace("http:", "https:")
    token = "k8s-aws-v1." + base64.urlsafe_b64encode(elsewhere.encode()).decode().rstrip("=")
    stranger = EksCluster(
        cluster_name=cluster.cluster_name, kubeconfig=str(kubeconfig(cluster, token, tmp_path / "vpce"))
    )
    with pytest.raises(ApiException) as refused:
        namespaces(stranger)
    assert refused.value.status == 401
    explained = explain_kubernetes(refused.value, "namespaces")
    assert "does not know the caller" in explained.cause
    assert "shown a token signed for vpce-0123.sts.us-east-1.vpce.amazonaws.com 0 minutes ago" in explained.cause
    assert "Signature" not in str(explained)


def test_the_block_s_own_token_ignores_an_interface_endpoint_of_sts(sandbox: RemoteSandbox) -> None:
    endpoint = "https://vpce-0123.sts.us-east-1.vpce.amazonaws.com"
    block = EksCluster(cluster_name="my-test-cluster", endpoint_urls={"sts": endpoint})
    assert "kube-system" in namespaces(block)


def worker(sandbox: RemoteSandbox, name: str, **fields: Any) -> EksCluster:
    """The cluster as an IAM role of the given name sees it."""
    iam = boto3.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    credentials = AwsCredentials(assume_role_arn=f"arn:aws:iam::123456789012:role/{name}", **fields)
    return EksCluster(cluster_name="my-test-cluster", aws_credentials=credentials)


def map_worker(cluster: EksCluster, name: str) -> None:
    config_map = cluster.core_v1.read_namespaced_config_map("aws-auth", "kube-system")
    entry = f"- rolearn: arn:aws:iam::123456789012:role/{name}\n  username: {name}\n"
    config_map.data["mapRoles"] = config_map.data["mapRoles"].rstrip("\n") + "\n" + entry
    cluster.core_v1.replace_namespaced_config_map("aws-auth", "kube-system", config_map)


def test_a_role_that_did_not_create_the_cluster_has_no_access_until_it_is_mapped(
    cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    unmapped = worker(sandbox, "worker")
    with pytest.raises(ApiException) as refused:
        namespaces(unmapped)
    assert refused.value.status == 401
    assert "a token signed for 127.0.0.1 " in explain_kubernetes(refused.value, "namespaces").cause

    map_worker(cluster, "worker")
    with pytest.raises(ApiException) as forbidden:
        namespaces(unmapped)
    assert forbidden.value.status == 403
    explained = explain_kubernetes(forbidden.value, "namespaces")
    assert "lacks this right" in explained.cause
    assert 'User "worker" cannot list resource "namespaces"' in explained.answer


def test_an_assumed_role_is_assumed_again_before_its_keys_expire(cluster: EksCluster, sandbox: RemoteSandbox) -> None:
    assumed = worker(sandbox, "renewed", assume_role_kwargs={"DurationSeconds": 900})

    def assumptions() -> int:
        return sum(call["operation"] == "AssumeRole" for call in sandbox.calls())

    sandbox.clear_calls()
    identity = assumed.session.client("sts").get_caller_identity()
    assert ":assumed-role/renewed/" in identity["Arn"]
    # botocore renews in the last 15 minutes of a key's life, and these live no longer than that.
    assumed.session.client("eks").describe_cluster(name="my-test-cluster")
    assert assumptions() >= 2


def test_endpoints_and_roles_go_together(sandbox: RemoteSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call behind assume_role_arn goes to the endpoint too, which prefect-aws drops."""
    worker(sandbox, "elsewhere")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    credentials = AwsCredentials(
        assume_role_arn="arn:aws:iam::123456789012:role/elsewhere",
        aws_client_parameters={"endpoint_url": sandbox.aws_endpoint},  # type: ignore[arg-type]  # read by pydantic
    )
    cluster = EksCluster(cluster_name="my-test-cluster", aws_credentials=credentials)
    assert cluster.description["name"] == "my-test-cluster"


@pytest.fixture
def company_ca(sandbox: RemoteSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """AWS behind TLS, with a certificate that only a CA of one's own vouches for; gives that CA's file."""
    authority = CertificateAuthority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("aws", ["localhost"]))
    host, port = sandbox.aws_endpoint.removeprefix("http://").split(":")

    def serve(accepted: socket.socket) -> None:
        relay(context.wrap_socket(accepted, server_side=True), host, int(port))

    with listening(serve) as listener:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{listener}")
        yield authority.ca_file


@pytest.mark.parametrize("way", ["verify_cert_path", "AWS_CA_BUNDLE"])
def test_a_ca_bundle_counts_for_every_call_the_assumed_role_s_too(
    way: str, sandbox: RemoteSandbox, company_ca: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """prefect-aws drops the bundle for the call behind assume_role_arn."""
    role = "arn:aws:iam::123456789012:role/trusting"
    boto3.client("iam", endpoint_url=sandbox.aws_endpoint).create_role(
        RoleName="trusting", AssumeRolePolicyDocument="{}"
    )
    strict = EksCluster(cluster_name="my-test-cluster", aws_credentials=AwsCredentials(assume_role_arn=role))
    with pytest.raises(OperationError, match="set verify_cert_path in the AWS Credentials block, or AWS_CA_BUNDLE"):
        _ = strict.description
    parameters = {}
    if way == "verify_cert_path":
        parameters["verify_cert_path"] = str(company_ca)
    else:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(company_ca))
    credentials = AwsCredentials.model_validate({"assume_role_arn": role, "aws_client_parameters": parameters})
    trusting = EksCluster(cluster_name="my-test-cluster", aws_credentials=credentials)
    sandbox.clear_calls()
    assert trusting.description["name"] == "my-test-cluster"
    assert trusting.batch.describe_job_queues()["jobQueues"] == []
    assert {"AssumeRole", "DescribeCluster", "DescribeJobQueues"} <= {call["operation"] for call in sandbox.calls()}


def test_whoever_installs_the_project_has_the_block() -> None:
    """Prefect imports what the entry points of this group name, as it does for prefect-aws."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    ((name, value),) = project["entry-points"]["prefect.collections"].items()
    module = EntryPoint(name, value, "prefect.collections").load()
    assert module.EksCluster is EksCluster
