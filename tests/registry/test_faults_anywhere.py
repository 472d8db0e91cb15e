"""Any faults, anywhere: a copy heals or says why not, and a tag is there only with all that it names."""

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.copy import copy_image
from registry.credentials import Basic
from registry.errors import RegistryError
from registry.reference import Reference
from sandbox.registries.faults import Fault

from .conftest import World

IMAGE = Reference.parse("public.ecr.aws/amazonlinux/amazonlinux:2")
OLDER = Reference.parse("public.ecr.aws/amazonlinux/amazonlinux:2023")

# Every request of a copy, by the side that answers it.
REQUESTS = (
    ("upstream", "GET", "/token/"),
    ("upstream", "HEAD", "/manifests/"),
    ("upstream", "GET", "/manifests/"),
    ("upstream", "GET", "/v2/.*/blobs/"),
    ("upstream", "GET", "/storage/sha256:"),
    ("private", "HEAD", "/manifests/"),
    ("private", "HEAD", "/blobs/"),
    ("private", "POST", "/uploads/"),
    ("private", "PUT", "/uploads/."),
    ("private", "DELETE", "/uploads/."),
    ("private", "PUT", "/manifests/sha256:"),
    ("private", "PUT", "/manifests/v1"),
)


def assert_tags_are_complete(world: World) -> None:
    """Every tag's image is whole, down to the bytes of its layers."""
    held = world.private.repositories.find("team/app")
    assert held is not None
    waiting = list(held.tags.values())
    while waiting:
        manifest = held.manifests[waiting.pop()]
        assert hashlib.sha256(manifest.content).hexdigest() == manifest.digest.removeprefix("sha256:")
        waiting += manifest.children
        for digest in manifest.blobs:
            assert digest in held.blobs
            content = world.private.repositories.blobs.read(digest)
            assert hashlib.sha256(content).hexdigest() == digest.removeprefix("sha256:")


def upstream_digest(world: World) -> str:
    held = world.upstream.repositories.find("amazonlinux/amazonlinux")
    assert held is not None
    return held.tags["2"]


@st.composite
def faults(draw: st.DrawFn) -> tuple[str, Fault]:
    side, method, path = draw(st.sampled_from(REQUESTS))
    fault = Fault(method, path, times=draw(st.sampled_from([1, 2, 99])))
    kind = draw(st.sampled_from(["status", "cut", "reset", "corrupt"]))
    if kind == "status":
        fault.status = draw(st.sampled_from([400, 401, 403, 404, 416, 418, 429, 500, 502, 503, 504, 507]))
    elif kind == "corrupt" and method == "GET" and path != "/v2/.*/blobs/":
        fault.corrupt = True
    else:
        # The layers have some 100,000 bytes.
        fault.cut_after = draw(st.integers(0, 120_000)) if path in ("/storage/sha256:", "/uploads/.") else 0
        fault.reset = kind == "reset"
    return side, fault


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(faults(), min_size=1, max_size=4), st.booleans())
def test_a_tag_never_points_at_something_incomplete(
    world: World, struck: list[tuple[str, Fault]], tagged_before: bool
) -> None:
    world.clients.close()
    world.upstream.reset()
    world.private.reset()
    destination = world.destination()
    before = {"v1": copy_image(world.client(), OLDER, destination).digest} if tagged_before else {}
    for side, fault in struck:
        (world.upstream if side == "upstream" else world.private).faults.add(fault)
    password = world.password()
    client = world.client(lambda host, _: Basic("AWS", password) if host == world.private.address else None)
    said = ""
    try:
        copy_image(client, IMAGE, destination)
    except RegistryError as error:
        said = f"{error} {error!r}"
    assert world.tags() == {"v1": upstream_digest(world)} or (said and world.tags() == before)
    assert password not in said
    assert "X-Amz-Signature" not in said
    assert_tags_are_complete(world)
    world.upstream.faults.clear()
    world.private.faults.clear()
    assert copy_image(world.client(), IMAGE, destination).digest == upstream_digest(world)
    assert_tags_are_complete(world)


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
@pytest.mark.parametrize("at", [0, 1, 0.25, 0.5, 0.75, -1], ids=str)
@pytest.mark.parametrize(("side", "method", "path"), [REQUESTS[2], REQUESTS[4], REQUESTS[8], REQUESTS[11]])
def test_a_connection_that_ends_at_any_byte_heals(
    world: World, side: str, method: str, path: str, at: float, reset: bool
) -> None:
    layer = bytes(range(256)) * 400
    manifest = world.publish("layered/image", "1", [layer])
    size = len(manifest.content) if "manifests" in path else len(layer)
    position = int(at * size) if 0 < at < 1 else int(at) % size
    fault = Fault(method, path, cut_after=position, reset=reset)
    (world.upstream if side == "upstream" else world.private).faults.add(fault)
    result = copy_image(world.client(), Reference.parse("public.ecr.aws/layered/image:1"), world.destination())
    assert world.tags() == {"v1": result.digest}
    assert_tags_are_complete(world)
