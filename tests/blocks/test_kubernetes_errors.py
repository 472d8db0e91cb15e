"""Each way of not reaching an API server, provoked with real sockets."""

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kubernetes import client

from blocks import kubernetes_api
from blocks.operation_error import OperationError
from sandbox.certificate_authority import CertificateAuthority
from sandbox.unreachable import Unreachable


def ask(server: str, authority: str = "", **options: str) -> OperationError:
    api = kubernetes_api.api_client(server, authority, lambda: "token", **options)
    with pytest.raises(OperationError) as caught:
        client.CoreV1Api(api).read_namespace("default", _request_timeout=(0.5, 5))
    return caught.value


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path)


@pytest.fixture
def tls_server(authority: CertificateAuthority) -> Iterator[str]:
    """Shakes hands with a certificate made out to another name, then hangs up."""
    certificate, key = authority.issue("api", ["api.cluster.example"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(4096)
            except OSError:
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def encoded(authority: CertificateAuthority) -> str:
    return base64.b64encode(authority.ca_pem.encode()).decode()


def test_a_name_that_does_not_resolve_is_dns_and_does_not_heal(authority: CertificateAuthority) -> None:
    error = ask("https://abc.gr7.us-east-1.eks.invalid", encoded(authority))
    assert error.answer.startswith("DNS: ")
    assert "enableDnsHostnames" in error.next_step
    assert not error.can_heal


def test_packets_that_are_dropped_are_a_matter_of_security_groups(authority: CertificateAuthority) -> None:
    with closing(Unreachable()) as unreachable:
        error = ask(f"https://{unreachable.address}", encoded(authority))
    assert error.answer.startswith("time-out: ")
    assert "security group" in error.next_step


def test_a_closed_port_is_a_port_forward_that_is_down(authority: CertificateAuthority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = ask(f"https://127.0.0.1:{port}", encoded(authority))
    assert error.answer.startswith("refused: ")
    assert "port-forward" in error.next_step


def test_a_certificate_for_another_name_is_tls_and_does_not_heal(
    authority: CertificateAuthority, tls_server: str
) -> None:
    error = ask(tls_server, encoded(authority))
    assert error.answer.startswith("TLS: ")
    assert "tls_server_name" in error.next_step
    assert not error.can_heal


def test_tls_server_name_gets_past_a_certificate_for_another_name(
    authority: CertificateAuthority, tls_server: str
) -> None:
    error = ask(tls_server, encoded(authority), tls_server_name="api.cluster.example")
    assert "TLS" not in error.answer
    assert error.can_heal


def test_a_proxy_that_is_down_is_named(authority: CertificateAuthority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = ask("https://abc.example", encoded(authority), proxy_url=f"http://127.0.0.1:{port}")
    assert "proxy" in error.cause
