"""Registries that answer what no honest one would: refused by name, and never a traceback, a loop or a leak."""

import hashlib
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.copy import copy_image
from registry.errors import DigestMismatchError, ManifestError, RegistryError
from registry.manifest import parse
from registry.reference import Reference
from sandbox.registries.faults import Fault
from sandbox.registries.manifests import Manifest

from .conftest import World

IMAGE = Reference.parse("public.ecr.aws/amazonlinux/amazonlinux:2")
ODD = Reference.parse("public.ecr.aws/odd/image:1")
INDEX = "application/vnd.oci.image.index.v1+json"
FAKE = "sha256:" + "f" * 64


def index_of(*children: dict[str, Any]) -> Manifest:
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": children}
    return Manifest(json.dumps(document).encode(), INDEX)


def entry(manifest: Manifest, **members: Any) -> dict[str, Any]:
    return {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.content), **members}


def publish(world: World, manifest: Manifest, tag: str | None = None) -> None:
    held = world.upstream.repositories.create("odd/image")
    held.put(manifest, tag)


def test_an_index_that_lists_itself_is_refused(world: World) -> None:
    """No index can name its own digest: a registry that serves one for another is found out."""
    loop = index_of({"mediaType": INDEX, "digest": FAKE, "size": 1})
    publish(world, loop, "1")
    held = world.upstream.repositories.find("odd/image")
    assert held is not None
    held.manifests[FAKE] = loop
    with pytest.raises(DigestMismatchError, match=FAKE):
        copy_image(world.client(), ODD, world.destination())
    assert world.tags() == {}


@pytest.mark.parametrize(("depth", "fits"), [(3, True), (2000, False)])
def test_an_index_of_indexes_is_copied_to_a_sane_depth(world: World, depth: int, fits: bool) -> None:
    manifest = world.publish("odd/image", "leaf", [b"layer"])
    for _ in range(depth):
        manifest = index_of(entry(manifest))
        publish(world, manifest, "1")
    if fits:
        assert copy_image(world.client(), ODD, world.destination()).digest == manifest.digest
    else:
        with pytest.raises(ManifestError, match=r"indexes.*deep"):
            copy_image(world.client(), ODD, world.destination())
        assert world.tags() == {}


def test_an_index_beside_the_one_that_lists_it_is_pushed_first(world: World) -> None:
    inner = index_of(entry(world.publish("odd/image", "leaf", [b"layer"])))
    outer = index_of(entry(inner))
    top = index_of(entry(outer), entry(inner))
    for manifest in (inner, outer, top):
        publish(world, manifest, "1")
    assert copy_image(world.client(), ODD, world.destination()).digest == top.digest


def test_a_child_that_is_listed_often_is_fetched_once(world: World) -> None:
    child = entry(world.publish("odd/image", "leaf", [b"layer"]))
    publish(world, index_of(*[child] * 5000), "1")
    client = world.client()
    world.upstream.faults.requests.clear()
    assert copy_image(client, ODD, world.destination()).blobs_copied == 2
    assert len(world.upstream.faults.requests) < 12


def test_an_index_of_more_images_than_any_tool_makes_is_refused_before_they_are_fetched(world: World) -> None:
    children = ({"mediaType": INDEX, "digest": f"sha256:{number:064x}", "size": 1} for number in range(1001))
    publish(world, index_of(*children), "1")
    client = world.client()
    world.upstream.faults.requests.clear()
    with pytest.raises(ManifestError, match=r"more than 1000 images.*some platforms only"):
        copy_image(client, ODD, world.destination())
    assert len(world.upstream.faults.requests) < 5
    assert world.tags() == {}


@pytest.mark.parametrize("digest", ["../../x", "sha256:../../x", "sha256:" + "F" * 64, "sha256:", "", None, 5])
@pytest.mark.parametrize("where", ["manifests", "layers", "config"])
def test_a_digest_that_is_a_path_or_anything_else_is_refused(world: World, digest: object, where: str) -> None:
    named = {"mediaType": "x/y", "digest": digest, "size": 5}
    document: dict[str, Any] = {"schemaVersion": 2}
    if where == "manifests":
        document["manifests"] = [named]
    else:
        good = {"mediaType": "x/y", "digest": FAKE, "size": 5}
        document |= {"config": good, "layers": [], where: named if where == "config" else [named]}
    body = json.dumps(document)
    kind = INDEX if where == "manifests" else INDEX.replace("index", "manifest")
    world.upstream.faults.add(Fault("HEAD", "/manifests/", times=9, status=200))
    world.upstream.faults.add(
        Fault("GET", "/manifests/", times=9, status=200, headers={"Content-Type": kind}, body=body)
    )
    with pytest.raises(ManifestError, match="malformed"):
        copy_image(world.client(), IMAGE, world.destination())
    assert not [one for one in world.upstream.faults.requests if ".." in one or "/blobs/" in one]


@pytest.mark.parametrize("size", [4 * 1024 * 1024 + 1, 10_000_000])
def test_a_manifest_of_10_mb_is_not_read_to_its_end(world: World, size: int) -> None:
    headers = {"Content-Type": INDEX}
    body = "[" * size
    world.upstream.faults.add(Fault("GET", "/manifests/", status=200, headers=headers, body=body))
    with pytest.raises(ManifestError, match="more than 4194304 bytes"):
        copy_image(world.client(), IMAGE, world.destination())
    assert world.tags() == {}


@pytest.mark.parametrize("body", ["[" * 1_000_000, '{"manifests":' * 100_000, '{"errors":' * 100_000])
@pytest.mark.parametrize("status", [200, 400])
def test_json_that_is_nested_without_end_is_refused(world: World, body: str, status: int) -> None:
    headers = {"Content-Type": INDEX}
    for path in ("/manifests/", "/token/"):
        world.upstream.faults.clear()
        world.upstream.faults.add(Fault("GET", path, times=9, status=status, headers=headers, body=body))
        with pytest.raises(RegistryError):
            copy_image(world.client(), IMAGE, world.destination())
    assert world.tags() == {}


def test_a_head_that_names_another_digest_is_found_out(world: World) -> None:
    fault = Fault("HEAD", "/manifests/", times=9, status=200, headers={"Docker-Content-Digest": FAKE})
    world.upstream.faults.add(fault)
    with pytest.raises(RegistryError, match=FAKE):
        copy_image(world.client(), IMAGE, world.destination())
    assert world.tags() == {}


def test_a_pin_is_kept_though_the_head_names_another_image(world: World) -> None:
    held = world.upstream.repositories.find("amazonlinux/amazonlinux")
    assert held is not None
    headers = {"Docker-Content-Digest": held.tags["2023"]}
    world.upstream.faults.add(Fault("HEAD", "/manifests/", times=9, status=200, headers=headers))
    pinned = Reference.parse(f"{IMAGE}@{held.tags['2']}")
    client = world.client()
    with pytest.raises(DigestMismatchError, match=rf"{held.tags['2']}: the registry names the digest"):
        client.digest_of(pinned)
    copy_image(client, pinned, world.destination())
    assert world.tags() == {"v1": held.tags["2"]}


def test_a_pin_of_another_algorithm_is_proved_by_the_bytes(world: World) -> None:
    held = world.upstream.repositories.find("amazonlinux/amazonlinux")
    assert held is not None
    index = held.manifests[held.tags["2"]]
    pin = f"sha512:{hashlib.sha512(index.content).hexdigest()}"
    held.manifests[pin] = index
    assert world.client().digest_of(Reference.parse(f"{IMAGE}@{pin}")) == pin


@pytest.mark.parametrize("location", ["file:///etc/passwd", "gopher://x/", "http://[::1", "http://:x/"])
def test_an_upload_that_would_go_anywhere_but_http_is_refused(world: World, location: str) -> None:
    fault = Fault("POST", "/uploads/", times=99, status=202, headers={"Location": location})
    world.private.faults.add(fault)
    with pytest.raises(RegistryError, match="upload"):
        copy_image(world.client(), IMAGE, world.destination())
    assert world.tags() == {}


def test_an_upload_elsewhere_gets_no_credentials(world: World) -> None:
    """The storage, another host, refuses whatever carries credentials: it answers that it knows no such upload."""
    location = world.upstream.storage_url_of(FAKE)
    world.private.faults.add(Fault("POST", "/uploads/", times=99, status=202, headers={"Location": location}))
    with pytest.raises(RegistryError, match="405"):
        copy_image(world.client(), IMAGE, world.destination())


@pytest.mark.parametrize(
    "value",
    [
        "²",
        "-1",
        "",
        "soon",
        "1e3",
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "Wed, 21 Oct 2015 07:28:00 -0000",
        "Wed, 99 Oct 2015",
    ],
)
def test_a_retry_after_that_makes_no_sense_is_passed_over(world: World, value: str) -> None:
    world.upstream.faults.add(Fault("GET", "/storage/", status=429, headers={"Retry-After": value}))
    result = copy_image(world.client(), IMAGE, world.destination())
    assert world.tags() == {"v1": result.digest}
    assert all(0 <= wait < 100 for wait in world.slept)


@pytest.mark.parametrize("value", ["121", "9" * 400])
def test_nobody_waits_longer_than_two_minutes(world: World, value: str) -> None:
    world.upstream.faults.add(Fault("GET", "/storage/", times=9, status=429, headers={"Retry-After": value}))
    with pytest.raises(RegistryError, match="429"):
        copy_image(world.client(), IMAGE, world.destination())
    assert world.slept == []


pieces = st.sampled_from(
    [
        *("http", "https", "file", "://", "//", "/", "[", "]", "[::1]", ":", "::", "99999", "x", "..", "%", "%zz", "?"),
        *("#", "@", '"', ",", ";", "=", " ", "\\", "<", ">", "²", "é", "127.0.0.1", "localhost", "sha256:", "f" * 64),
        *("Bearer ", "Basic ", 'realm="', 'scope="', 'rel="next"', "bytes ", "0-5/6", "GMT", "-0000", "1e9", "-1"),
    ]
)
HEADERS = (
    ("HEAD", "/manifests/", 401, "WWW-Authenticate"),
    ("GET", "/manifests/", 307, "Location"),
    ("GET", "/manifests/", 200, "Content-Type"),
    ("GET", "/blobs/", 302, "Location"),
    ("GET", "/storage/", 206, "Content-Range"),
    ("GET", "/storage/", 429, "Retry-After"),
    ("GET", "/storage/", 503, "Date"),
    ("POST", "/uploads/", 202, "Location"),
    ("HEAD", "/manifests/", 200, "Docker-Content-Digest"),
    ("PUT", "/manifests/", 201, "Docker-Content-Digest"),
    ("GET", "/referrers/", 200, "Link"),
    ("GET", "/token/", 301, "Location"),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(HEADERS), st.lists(pieces, max_size=6).map("".join))
def test_any_header_is_made_sense_of_or_refused(world: World, place: tuple[str, str, int, str], value: str) -> None:
    world.clients.close()
    world.upstream.reset()
    world.private.reset()
    method, path, status, name = place
    for registry in (world.upstream, world.private):
        registry.faults.add(Fault(method, path, times=3, status=status, headers={name: value}, body="{}"))
    with suppress(RegistryError):
        copy_image(world.client(), IMAGE, world.destination(), include_referrers=True)
    # What was answered is no image: there is a tag only if the copy healed.
    held = world.upstream.repositories.find("amazonlinux/amazonlinux")
    assert held is not None
    assert set(world.tags().values()) <= {held.tags["2"]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", FAKE, INDEX, "amd64"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["manifests", "config", "layers", "digest", "size", "mediaType", "platform", "os", "urls"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values, st.sampled_from([INDEX, INDEX.replace("index", "manifest"), "text/plain", ""]))
def test_any_document_is_a_manifest_or_refused(document: object, content_type: str) -> None:
    if isinstance(document, dict):
        document = {"schemaVersion": 2, **document}
    try:
        manifest = parse("a/b:1", json.dumps(document).encode(), content_type)
    except ManifestError:
        return
    assert all(one.size >= 0 and one.digest == FAKE for one in (*manifest.children, *manifest.blobs))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_or_refused(content: bytes) -> None:
    with pytest.raises(ManifestError):
        parse("a/b:1", content, INDEX)
