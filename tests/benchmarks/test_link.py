"""A link passes on bytes unchanged and counts them, and cuts all connections where it should."""

import threading
import time
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.upstream_link import LinkSpec, UpstreamLink

BODY = bytes(range(256)) * 8000


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A reset is what the test is about."""


@pytest.fixture
def server() -> Iterator[str]:
    """Address of a server that answers every request with BODY."""
    with Server(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def get(address: str) -> bytes:
    with urllib.request.urlopen(f"http://{address}/", timeout=20) as response:
        content: bytes = response.read()
        return content


def test_bytes_are_passed_on_unchanged_and_counted(server: str) -> None:
    with UpstreamLink(server, LinkSpec()) as link:
        assert get(link.address) == BODY
        assert get(link.address) == BODY
        assert 2 * len(BODY) < link.bytes_passed() < 2 * len(BODY) + 1000


def test_a_connection_serves_one_request_after_the_other(server: str) -> None:
    with UpstreamLink(server, LinkSpec(rate=100_000_000, latency=0.001)) as link:
        connection = HTTPConnection(link.address, timeout=20)
        for _ in range(3):
            connection.request("GET", "/")
            assert connection.getresponse().read() == BODY
        connection.close()


def test_rate_and_latency_are_never_exceeded(server: str) -> None:
    """Only from below: nothing that the machine does beside it can make this faster."""
    with UpstreamLink(server, LinkSpec(rate=10_000_000, latency=0.1)) as link:
        started = time.monotonic()
        assert get(link.address) == BODY
        # There and back for the handshake and for the request, then the bytes.
        assert time.monotonic() - started > 0.2 + (len(BODY) - 500_000) / 10_000_000


def test_all_connections_are_reset_together(server: str) -> None:
    """One connection idles, another passes the limit: both are cut, and the next one works again."""
    with UpstreamLink(server, LinkSpec(reset_every=3_000_000)) as link:
        idle = HTTPConnection(link.address, timeout=20)
        idle.request("GET", "/")
        assert idle.getresponse().read() == BODY
        with pytest.raises((ConnectionResetError, ConnectionAbortedError)):
            get(link.address)
        with pytest.raises(ConnectionResetError):
            idle.sock.recv(1)
        idle.close()
        assert get(link.address) == BODY
