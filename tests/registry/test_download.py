"""Downloads that break, crawl or come from upstreams with ways of their own."""

import hashlib
import json
import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random

import pytest

from registry.client import RegistryClient
from registry.copy import CopyResult, copy_image
from registry.credentials import Basic
from registry.errors import DigestMismatchError, RegistryError, UnavailableError
from registry.hosts import Hosts
from registry.reference import Reference
from registry.retry import Retry

from .conftest import World

MIB = 1024 * 1024
CONFIG = b'{"os": "linux", "architecture": "amd64"}'


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Upstream:
    """A registry with one image, `a/b:1`, of one layer.

    Attributes:
        layer: The layer's bytes.
        serves_ranges: Whether a Range is honoured, or the whole blob sent all the same.
        claims_ranges: Whether it says that it serves them.
        resets_after: Each connection is reset after this many bytes of the layer.
        cuts_ranges: Whether a range in the middle is cut off after 3 MiB.
        rate: Bytes a second of one connection.
        held: The layer ends after this many bytes, whatever was promised.
        asked: Ranges of the layer that were asked for; None for all of it.
        sent: Bytes of the layer sent.
    """

    layer: bytes
    serves_ranges: bool = True
    claims_ranges: bool = True
    resets_after: int | None = None
    cuts_ranges: bool = False
    rate: int | None = None
    held: int | None = None
    asked: list[str | None] = field(default_factory=list)
    sent: int = 0
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def manifest(self) -> bytes:
        def entry(kind: str, content: bytes) -> dict[str, object]:
            media_type = f"application/vnd.oci.image.{kind}"
            return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}

        layers = [entry("layer.v1.tar", self.layer)]
        return json.dumps({"schemaVersion": 2, "config": entry("config.v1+json", CONFIG), "layers": layers}).encode()


Start = Callable[[Upstream], tuple[RegistryClient, Reference]]


@pytest.fixture
def start(world: World) -> Iterator[Start]:
    """Serves an upstream; gives a client that reaches it, and its image."""
    servers: list[ThreadingHTTPServer] = []

    def serve(upstream: Upstream) -> tuple[RegistryClient, Reference]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler(upstream))
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        hosts = Hosts({"up.example": f"http://127.0.0.1:{server.server_port}"})
        password = world.password()
        credentials = {world.private.address: Basic("AWS", password)}
        client = RegistryClient(hosts, lambda host, _: credentials.get(host), retry=Retry(sleep=world.slept.append))
        return world.clients.enter_context(client), Reference.parse("up.example/a/b:1")

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def handler(upstream: Upstream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Keep the tests' output quiet."""

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            if "/manifests/" in self.path:
                self.answer(200, upstream.manifest, Content_Type="application/vnd.oci.image.manifest.v1+json")
            elif self.path.endswith(digest_of(upstream.layer)):
                self.layer()
            else:
                self.answer(200, CONFIG)

        def answer(self, status: int, content: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def layer(self) -> None:
            wanted, start, end = self.headers.get("Range"), 0, len(upstream.layer)
            with upstream.lock:
                upstream.asked.append(wanted)
                upstream.at_once += 1
                upstream.most_at_once = max(upstream.most_at_once, upstream.at_once)
            if wanted and upstream.serves_ranges:
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                start, end = int(first), int(last) + 1 if last else end
                if upstream.held is not None and start >= upstream.held:
                    self.answer(416, b"")
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(upstream.layer)}")
            else:
                self.send_response(200)
            if upstream.claims_ranges:
                self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(end - start))
            self.end_headers()
            try:
                self.send_bytes(start, end)
            finally:
                with upstream.lock:
                    upstream.at_once -= 1

        def send_bytes(self, start: int, end: int) -> None:
            held = end if upstream.held is None else upstream.held
            for position in range(start, min(end, held), 64 * 1024):
                if end < len(upstream.layer) and upstream.cuts_ranges and position - start >= 3 * MIB:
                    self.close_connection = True
                    return
                if upstream.resets_after is not None and position - start >= upstream.resets_after:
                    # Linger with no time: the close is a reset.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.rfile.close()
                    self.connection.close()
                    self.close_connection = True
                    return
                chunk = upstream.layer[position : min(position + 64 * 1024, end)]
                with upstream.lock:
                    upstream.sent += len(chunk)
                self.wfile.write(chunk)
                if upstream.rate:
                    time.sleep(len(chunk) / upstream.rate)
            if upstream.held is not None:
                self.close_connection = True

    return Handler


def layer(size: int) -> bytes:
    return Random(size).randbytes(size)


def copy(world: World, start: Start, upstream: Upstream) -> CopyResult:
    client, image = start(upstream)
    result = copy_image(client, image, world.destination())
    held = world.private.repositories.find("team/app")
    assert held is not None
    assert digest_of(upstream.layer) in held.blobs
    assert world.private.repositories.blobs.path(digest_of(upstream.layer)).read_bytes() == upstream.layer
    return result


def test_a_link_that_resets_again_and_again_is_resumed_where_it_broke(world: World, start: Start) -> None:
    # A reset loses what was received and not read yet, some MiB on loopback.
    upstream = Upstream(layer(72 * MIB), resets_after=24 * MIB)
    copy(world, start, upstream)
    assert upstream.asked[0] is None
    assert all(one and one.startswith("bytes=") for one in upstream.asked[1:])
    assert upstream.sent < 1.3 * 72 * MIB
    # One upload took all of it.
    assert sum(one.startswith("PUT /v2/team/app/blobs/") for one in world.private.faults.requests) == 2


def test_an_upstream_without_ranges_is_read_again_from_its_start(world: World, start: Start) -> None:
    upstream = Upstream(layer(6 * MIB), serves_ranges=False, claims_ranges=False, resets_after=5 * MIB)
    client, image = start(upstream)

    def heal(_: float) -> None:
        upstream.resets_after = None

    client.retry = Retry(sleep=heal)
    assert copy_image(client, image, world.destination()).blobs_copied == 2
    assert upstream.asked[0] is upstream.asked[-1] is None
    # The upload went on all the while: there were one for the layer and one for the config.
    assert sum(one.startswith("POST /v2/team/app/blobs/") for one in world.private.faults.requests) == 2


def test_an_upstream_without_ranges_that_breaks_again_and_again_is_given_up(world: World, start: Start) -> None:
    upstream = Upstream(layer(3 * MIB), serves_ranges=False, claims_ranges=False, resets_after=2 * MIB)
    client, image = start(upstream)
    with pytest.raises(UnavailableError, match=r"tried 5 times.*repeat it later"):
        copy_image(client, image, world.destination())
    assert world.tags() == {}
    upstream.resets_after = None
    assert copy_image(client, image, world.destination()).blobs_copied == 1


def test_a_slow_connection_is_joined_by_others(world: World, start: Start) -> None:
    upstream = Upstream(layer(56 * MIB), rate=8 * MIB)
    copy(world, start, upstream)
    assert upstream.most_at_once > 3
    assert len(upstream.asked) > 5
    assert upstream.sent < 1.3 * 56 * MIB
    assert world.slept == []


def test_memory_does_not_grow_with_a_layer_that_is_fetched_in_ranges(world: World, start: Start) -> None:
    upstream = Upstream(layer(128 * MIB), rate=24 * MIB)
    client, image = start(upstream)
    destination = world.destination()
    tracemalloc.start()
    try:
        copy_image(client, image, destination)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert upstream.most_at_once > 3
    # Eleven ranges of 8 MiB; both registries run in this process, and their buffers count too.
    assert peak < 104 * MIB


def test_ranges_that_break_are_resumed_too(world: World, start: Start) -> None:
    upstream = Upstream(layer(56 * MIB), rate=8 * MIB, cuts_ranges=True)
    copy(world, start, upstream)
    assert upstream.most_at_once > 3
    assert upstream.sent < 1.1 * 56 * MIB
    assert world.slept


def test_a_slow_upstream_without_ranges_is_waited_for(world: World, start: Start) -> None:
    upstream = Upstream(layer(20 * MIB), rate=20 * MIB, serves_ranges=False, claims_ranges=False)
    copy(world, start, upstream)
    assert upstream.asked == [None]


def test_ranges_that_are_promised_and_not_served_cost_a_few_requests_once(world: World, start: Start) -> None:
    upstream = Upstream(layer(40 * MIB), rate=24 * MIB, serves_ranges=False)
    copy(world, start, upstream)
    # Once at first, and once more when the ranges came to nothing; some of those may arrive after it.
    assert upstream.asked[0] is None
    assert upstream.asked.count(None) == 2
    assert world.slept == []
    # One upload took all of it.
    assert sum(one.startswith("POST /v2/team/app/blobs/") for one in world.private.faults.requests) == 2


@pytest.mark.parametrize("held", [0, 5 * MIB])
def test_a_blob_that_ends_before_it_was_promised_to_is_refused(world: World, start: Start, held: int) -> None:
    upstream = Upstream(layer(6 * MIB), held=held)
    client, image = start(upstream)
    with pytest.raises(RegistryError, match=r"ends before byte 5242880|body ended after 0 of 6291456") as caught:
        copy_image(client, image, world.destination())
    assert isinstance(caught.value, DigestMismatchError if held else UnavailableError)
    assert world.tags() == {}
