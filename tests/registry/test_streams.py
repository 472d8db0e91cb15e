"""What the clients of a run share: pauses that hosts ask for, and connections."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from registry.client import RegistryClient
from registry.copy import copy_image
from registry.credentials import anonymous
from registry.errors import UnavailableError
from registry.hosts import Hosts
from registry.manifest import Descriptor
from registry.reference import Reference
from registry.retry import Retry
from registry.streams import CONNECTIONS, Streams
from sandbox.registries.faults import Fault

from .conftest import World

IMAGE = Reference.parse("public.ecr.aws/amazonlinux/amazonlinux:2")
OTHER = Reference.parse("public.ecr.aws/amazonlinux/amazonlinux:2023")
ONCE = Retry(attempts=1)


@pytest.fixture
def streams(world: World) -> Iterator[Streams]:
    """Shared streams that note how long they would have paused."""
    shared = Streams(Retry(sleep=world.slept.append))
    yield shared
    shared.close()


def client(world: World, streams: Streams) -> RegistryClient:
    hosts = Hosts({"public.ecr.aws": f"http://{world.upstream.address}"})
    return RegistryClient(hosts, anonymous, ONCE, streams)


def layers(world: World) -> list[Descriptor]:
    published = world.publish("two/layers", "1", [b"one", b"two"])
    return [Descriptor(one["digest"], one["size"], one["mediaType"]) for one in published.document["layers"]]


def read(asking: RegistryClient, blob: Descriptor) -> bytes:
    with asking.open_blob(Reference.parse("public.ecr.aws/two/layers:1"), blob) as response:
        return response.read(10)


@pytest.mark.parametrize("path", ["/manifests/2$", "/token/"])
def test_a_pause_that_one_image_was_asked_for_holds_for_another_client_and_image(
    world: World, streams: Streams, path: str
) -> None:
    method = "GET" if path == "/token/" else "HEAD"
    world.upstream.faults.add(Fault(method, path, status=429, headers={"Retry-After": "60"}))
    with pytest.raises(UnavailableError, match="429"):
        client(world, streams).digest_of(IMAGE)
    assert world.slept == []
    assert client(world, streams).digest_of(OTHER)
    assert len(world.slept) >= 1
    assert all(0 < pause <= 60 for pause in world.slept)


def test_a_pause_that_a_storage_asks_for_holds_for_other_blobs_and_threads_there(
    world: World, streams: Streams
) -> None:
    one, two = layers(world)
    world.upstream.faults.add(Fault("GET", "/storage/", status=503, headers={"Retry-After": "60"}))
    with pytest.raises(UnavailableError, match="503"):
        read(client(world, streams), one)
    # The registry itself asked for none.
    assert client(world, streams).digest_of(IMAGE)
    assert world.slept == []
    assert streams.blobs.submit(read, client(world, streams), two).result() == b"two"
    assert len(world.slept) == 1


def test_clients_use_each_others_connections() -> None:
    connected = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            connected.append(self.client_address)
            super().setup()

        def log_message(self, *_: object) -> None:
            """Keep the tests' output quiet."""

        def do_HEAD(self) -> None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    shared = Streams()
    for tag in ("1", "2"):
        with RegistryClient(Hosts(), anonymous, streams=shared) as asking:
            assert asking.digest_of(Reference.parse(f"127.0.0.1:{server.server_port}/a/b:{tag}")) is None
    assert len(connected) == 1
    shared.close()
    server.shutdown()
    server.server_close()


def test_connections_beyond_one_a_blob_are_given_back_to_blobs_that_begin_later(streams: Streams) -> None:
    streams.take()
    assert streams.take_free(99) == CONNECTIONS - 1
    assert streams.give_back_if_short() is False
    streams.take()
    assert [streams.give_back_if_short() for _ in range(3)] == [True, False, False]
    assert streams.take_free(1) == 0


def test_an_image_that_is_there_does_not_queue_behind_the_blobs_of_others(world: World) -> None:
    copying = world.client()
    copy_image(copying, IMAGE, world.destination())
    busy = threading.Event()
    blobs = [copying.streams.blobs.submit(busy.wait, 30) for _ in range(CONNECTIONS)]
    try:
        assert copy_image(copying, IMAGE, world.destination(tag="v2")).blobs_copied == 0
        assert not any(blob.done() for blob in blobs)
    finally:
        busy.set()


def test_big_blobs_take_turns_and_small_ones_do_not(streams: Streams) -> None:
    big, small = 33 * 1024 * 1024, 1024

    def wait_for(size: int) -> int:
        with streams.turn(size):
            return size

    with ExitStack() as turns:
        let_next = [turns.enter_context(streams.turn(big)) for _ in range(4)]
        fifth = streams.blobs.submit(wait_for, big)
        assert streams.blobs.submit(wait_for, small).result() == small
        assert not fifth.done()
        # One of them is slow: it goes on, and the next one may begin.
        let_next[0]()
        assert fifth.result() == big
    # No turn was given back twice.
    with ExitStack() as turns:
        for _ in range(4):
            turns.enter_context(streams.turn(big))
        fifth = streams.blobs.submit(wait_for, big)
        assert streams.blobs.submit(wait_for, small).result() == small
        assert not fifth.done()
