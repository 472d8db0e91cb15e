"""Connections that do not come about, or say nothing."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from registry.errors import UnavailableError, UnreachableError
from registry.transport import Request, Transport


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Takes a connection or two and never says anything."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        yield listening


def url(address: socket.socket) -> str:
    return f"http://127.0.0.1:{address.getsockname()[1]}/v2/?token=s3cret"


def ask(request: Request, seconds: float = 0.2) -> bytes:
    transport = Transport(connect_seconds=seconds, answer_seconds=seconds)
    with transport.exchange(request, "host/image") as response:
        return response.read(100)


def test_silence_is_worth_another_attempt(silent: socket.socket) -> None:
    with pytest.raises(UnavailableError, match=r"^host/image: no answer within the time limit\.$"):
        ask(Request("GET", url(silent)))


def test_no_connection_is_the_networks_fault_and_final(silent: socket.socket) -> None:
    with ExitStack() as waiting:
        for _ in range(4):
            connection = waiting.enter_context(socket.socket())
            connection.setblocking(False)
            connection.connect_ex(silent.getsockname())
        with pytest.raises(UnreachableError, match="no route or a firewall") as caught:
            ask(Request("GET", url(silent)))
    assert "s3cret" not in str(caught.value)


def test_a_connection_that_is_reset_is_worth_another_attempt(silent: socket.socket) -> None:
    def hang_up() -> Iterator[bytes]:
        yield b"x"
        silent.accept()[0].close()
        while True:
            yield b"x" * 65536

    with pytest.raises(UnavailableError, match="the connection broke"):
        ask(Request("PUT", url(silent), {"Content-Length": "9999999"}, hang_up()), seconds=5)


def test_the_refusal_of_a_registry_that_hung_up_in_mid_upload_is_read(silent: socket.socket) -> None:
    def refuse() -> Iterator[bytes]:
        yield b"x" * 10
        accepted = silent.accept()[0]
        accepted.recv(4096)
        accepted.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        accepted.shutdown(socket.SHUT_RD)
        accepted.close()
        for _ in range(100):
            yield b"x" * 65536

    request = Request("PUT", url(silent), {"Content-Length": "9999999"}, refuse())
    transport = Transport(answer_seconds=5)
    with transport.exchange(request, "host/image") as response:
        assert (response.status, response.read(100)) == (413, b"no")


def test_a_body_that_is_cut_off_is_no_answer(silent: socket.socket) -> None:
    def answer() -> Iterator[bytes]:
        accepted = silent.accept()[0]
        accepted.recv(4096)
        accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        accepted.close()
        yield b""

    with pytest.raises(UnavailableError, match="cut off, 6 bytes"):
        ask(Request("PUT", url(silent), {"Content-Length": "0"}, answer()), seconds=5)


def test_a_kept_connection_that_was_closed_is_replaced_silently(silent: socket.socket) -> None:
    transport = Transport(answer_seconds=5)
    silent.settimeout(5)

    def serve() -> Iterator[bytes]:
        accepted = silent.accept()[0]
        accepted.recv(4096)
        accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        closing.append(accepted)
        yield b""

    closing: list[socket.socket] = []
    for _ in range(2):
        with transport.exchange(Request("PUT", url(silent), {"Content-Length": "0"}, serve()), "host/image") as answer:
            assert answer.status == 200
        closing.pop().close()
    transport.close()


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "https://127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("https_proxy", proxy.replace("//", "//me:s3cret@"))
    with pytest.raises(UnreachableError, match=r"proxy \w+://127\.0\.0\.1 cannot be used") as caught:
        ask(Request("GET", "https://registry.invalid/v2/"))
    assert "s3cret" not in str(caught.value)


def test_a_tunnel_is_asked_for_with_the_proxys_own_credentials(
    monkeypatch: pytest.MonkeyPatch, silent: socket.socket
) -> None:
    monkeypatch.setenv("https_proxy", f"http://me:s3cret@127.0.0.1:{silent.getsockname()[1]}")
    heard: list[bytes] = []
    silent.settimeout(5)

    def refuse() -> None:
        accepted = silent.accept()[0]
        heard.append(accepted.recv(4096))
        accepted.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        accepted.close()

    thread = threading.Thread(target=refuse)
    thread.start()
    with pytest.raises(UnreachableError, match="403 Forbidden"):
        ask(Request("GET", "https://registry.invalid/v2/"), seconds=5)
    thread.join()
    assert heard[0].startswith(b"CONNECT registry.invalid:443 ")
    assert b"Proxy-Authorization: Basic bWU6czNjcmV0" in heard[0]


def test_a_target_that_no_request_can_carry_is_quoted(silent: socket.socket) -> None:
    heard: list[bytes] = []

    def answer() -> Iterator[bytes]:
        accepted = silent.accept()[0]
        heard.append(accepted.recv(4096))
        accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        accepted.close()
        yield b""

    ask(Request("PUT", f"{url(silent)}&a=x y\u00e9%20", {"Content-Length": "0"}, answer()), seconds=5)
    assert heard[0].startswith(b"PUT /v2/?token=s3cret&a=x%20y%C3%A9%20 HTTP/1.1\r\n")
