"""Connections that do not come about, or say nothing."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from registry.errors import UnavailableError, UnreachableError
from registry.transport import exchange

SHORT = httpx.Timeout(0.2)


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Takes a connection or two and never says anything."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        yield listening


def ask(address: socket.socket) -> None:
    port = address.getsockname()[1]
    with (
        httpx.Client(timeout=SHORT, trust_env=False) as http,
        exchange(http, http.build_request("GET", f"http://127.0.0.1:{port}/v2/?token=s3cret"), "host/image"),
    ):
        pass


def test_silence_is_worth_another_attempt(silent: socket.socket) -> None:
    with pytest.raises(UnavailableError, match=r"^host/image: no answer within the time limit\.$"):
        ask(silent)


def test_no_connection_is_the_networks_fault_and_final(silent: socket.socket) -> None:
    waiting = [socket.socket() for _ in range(4)]
    try:
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(silent.getsockname())
        with pytest.raises(UnreachableError, match="no route or a firewall") as caught:
            ask(silent)
        assert "s3cret" not in str(caught.value)
    finally:
        for connection in waiting:
            connection.close()


def test_a_connection_that_is_reset_is_worth_another_attempt(silent: socket.socket) -> None:
    port = silent.getsockname()[1]
    with httpx.Client(timeout=5, trust_env=False) as http:
        request = http.build_request("PUT", f"http://127.0.0.1:{port}/", content=hang_up(silent))
        with pytest.raises(UnavailableError, match="the connection broke"), exchange(http, request, "host/image"):
            pass


def hang_up(listening: socket.socket) -> Iterator[bytes]:
    yield b"x"
    listening.accept()[0].close()
    while True:
        yield b"x" * 65536
