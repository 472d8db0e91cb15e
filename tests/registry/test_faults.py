"""What goes wrong between two registries: healed, or refused with the tag untouched."""

import json
import re

import pytest

from registry.client import RegistryClient
from registry.copy import copy_image
from registry.credentials import Basic, anonymous
from registry.errors import (
    DeniedError,
    DigestMismatchError,
    ManifestError,
    NotFoundError,
    PlatformNotFoundError,
    RegistryError,
    UnauthorizedError,
    UnavailableError,
    UnreachableError,
)
from registry.hosts import Hosts
from registry.progress import Progress
from registry.reference import Reference
from registry.retry import Retry
from sandbox.registries.faults import Fault

from .conftest import World

IMAGE = Reference.parse("public.ecr.aws/amazonlinux/amazonlinux:2")
BLOB = "/storage/sha256:"
UPLOAD = "/blobs/uploads/."


@pytest.mark.parametrize(
    ("side", "fault"),
    [
        ("upstream", Fault("HEAD", "/manifests/", times=2, status=503)),
        ("upstream", Fault("GET", "/manifests/", status=429, headers={"Retry-After": "3"})),
        ("upstream", Fault("GET", "/token/", status=500)),
        ("upstream", Fault("GET", BLOB, times=3, status=502)),
        ("upstream", Fault("GET", BLOB, times=2, cut_after=20_000, reset=True)),
        ("upstream", Fault("GET", BLOB, times=2, cut_after=20_000)),
        ("upstream", Fault("GET", BLOB, cut_after=0, reset=True)),
        ("private", Fault("HEAD", "/manifests/", status=504)),
        ("private", Fault("HEAD", "/blobs/", status=500)),
        ("private", Fault("POST", "/uploads/", times=2, status=429)),
        ("private", Fault("PUT", UPLOAD, times=2, status=503)),
        ("private", Fault("PUT", UPLOAD, times=2, cut_after=10_000, reset=True)),
        ("private", Fault("PUT", UPLOAD, cut_after=0, reset=True)),
        ("private", Fault("PUT", "/manifests/", times=2, status=500)),
        ("private", Fault("PUT", "/manifests/", cut_after=0, reset=True)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.method}-{value.status or value.cut_after}",
)
def test_throttling_server_errors_resets_and_cut_bodies_heal(world: World, side: str, fault: Fault) -> None:
    times = fault.times
    (world.upstream if side == "upstream" else world.private).faults.add(fault)
    result = copy_image(world.client(), IMAGE, world.destination())
    assert world.tags() == {"v1": result.digest}
    asked = world.upstream.faults.requests if side == "upstream" else world.private.faults.requests
    struck = [one for one in asked if one.startswith(fault.method) and re.search(fault.path, one)]
    assert len(struck) > times
    if fault.headers:
        assert world.slept[0] == 3.0


@pytest.mark.parametrize(
    "fault",
    [
        Fault("GET", BLOB, times=99, status=503),
        Fault("GET", BLOB, times=99, cut_after=100),
        Fault("GET", BLOB, times=99, cut_after=100, reset=True),
    ],
    ids=["503", "cut", "reset"],
)
def test_what_does_not_heal_ends_after_five_attempts_and_resumes_later(world: World, fault: Fault) -> None:
    world.upstream.faults.add(fault)
    with pytest.raises(UnavailableError, match=r"tried 5 times.*repeat it later"):
        copy_image(world.client(), IMAGE, world.destination())
    # Four waits for each of the six blobs, which all were under way when the first one failed.
    assert len(world.slept) == 4 * 6
    assert world.tags() == {}
    world.upstream.faults.clear()
    digest = copy_image(world.client(), IMAGE, world.destination()).digest
    assert world.tags() == {"v1": digest}


@pytest.mark.parametrize("status", [400, 403, 404, 405, 413])
def test_a_refusal_is_asked_for_once(world: World, status: int) -> None:
    world.private.faults.add(Fault("POST", "/uploads/", times=99, status=status, body="no"))
    with pytest.raises(RegistryError, match=f"{status} "):
        copy_image(world.client(), IMAGE, world.destination())
    asked = [one for one in world.private.faults.requests if one.startswith("POST")]
    assert 1 <= len(asked) <= 6, "more than once a blob"
    assert world.slept == []


def test_a_wrong_blob_never_becomes_visible(world: World) -> None:
    world.upstream.faults.add(Fault("GET", BLOB, times=99, corrupt=True))
    with pytest.raises(DigestMismatchError, match="hash to sha256:"):
        copy_image(world.client(), IMAGE, world.destination())
    copy = world.private.repositories.find("team/app")
    assert copy is not None
    assert (copy.blobs, copy.manifests, copy.tags) == (set(), {}, {})
    # Each upload was given up, and told so.
    begun = [one for one in world.private.faults.requests if one.startswith("POST")]
    given_up = [one for one in world.private.faults.requests if one.startswith("DELETE /v2/team/app/blobs/uploads/")]
    assert len(given_up) == len(begun) > 0
    assert world.slept == []


def test_a_blob_longer_than_promised_is_refused(world: World) -> None:
    manifest = world.publish("long/image", "1", [b"0123456789"])
    digest = manifest.document["layers"][0]["digest"]
    world.upstream.repositories.blobs.path(digest).write_bytes(b"0123456789more")
    with pytest.raises(DigestMismatchError, match="more than the 10 bytes"):
        copy_image(world.client(), Reference.parse("public.ecr.aws/long/image:1"), world.destination())
    assert world.tags() == {}


def test_a_manifest_with_other_bytes_is_refused(world: World) -> None:
    body = json.dumps({"schemaVersion": 2, "manifests": []})
    index = {"Content-Type": "application/vnd.oci.image.index.v1+json"}
    world.upstream.faults.add(Fault("GET", "/manifests/sha256:", status=200, headers=index, body=body))
    with pytest.raises(DigestMismatchError, match="manifest's bytes hash to"):
        copy_image(world.client(), IMAGE, world.destination())
    assert world.tags() == {}


def test_an_index_whose_child_is_missing_gets_no_tag(world: World) -> None:
    held = world.upstream.repositories.find("amazonlinux/amazonlinux")
    assert held is not None
    child = held.manifests[held.tags["2"]].children[-1]
    del held.manifests[child]
    with pytest.raises(NotFoundError, match=child):
        copy_image(world.client(), IMAGE, world.destination())
    assert world.tags() == {}


def test_a_missing_layer_is_named(world: World) -> None:
    manifest = world.publish("holed/image", "1", [b"layer"])
    held = world.upstream.repositories.find("holed/image")
    assert held is not None
    held.blobs.remove(manifest.document["layers"][0]["digest"])
    with pytest.raises(RegistryError, match="BLOB_UNKNOWN"):
        copy_image(world.client(), Reference.parse("public.ecr.aws/holed/image:1"), world.destination())
    assert world.tags() == {}


def test_an_unknown_tag_repository_or_platform_is_answered_as_such(world: World) -> None:
    client = world.client()
    with pytest.raises(NotFoundError, match=r"amazonlinux:nope: 404.*no such image"):
        copy_image(client, Reference.parse("public.ecr.aws/amazonlinux/amazonlinux:nope"), world.destination())
    with pytest.raises(NotFoundError, match="no such image"):
        copy_image(client, Reference.parse("public.ecr.aws/no/such:1"), world.destination())
    with pytest.raises(PlatformNotFoundError, match=r"windows/amd64.*linux/amd64, linux/arm64/v8"):
        copy_image(client, IMAGE, world.destination(), platforms=["windows/amd64"])
    with pytest.raises(NotFoundError, match=r"name 'no/repository' does not exist.*create it"):
        copy_image(client, IMAGE, world.destination("no/repository", create=False))


def test_a_single_image_of_another_platform_is_refused(world: World) -> None:
    world.publish("single/image", "1", [b"layer"])
    source = Reference.parse("public.ecr.aws/single/image:1")
    with pytest.raises(PlatformNotFoundError, match="it is a single image for linux/amd64"):
        copy_image(world.client(), source, world.destination(), platforms=["linux/arm64"])
    result = copy_image(world.client(), source, world.destination(), platforms=["linux/amd64"])
    assert world.tags() == {"v1": result.digest}


def test_schema_1_is_refused_by_name(world: World) -> None:
    headers = {"Content-Type": "application/vnd.docker.distribution.manifest.v1+prettyjws"}
    body = json.dumps({"schemaVersion": 1, "fsLayers": []})
    world.upstream.faults.add(Fault("HEAD", "/manifests/", times=9, status=200))
    world.upstream.faults.add(Fault("GET", "/manifests/", times=9, status=200, headers=headers, body=body))
    with pytest.raises(ManifestError, match=r"schema 1.*rebuild"):
        copy_image(world.client(), IMAGE, world.destination())


def test_a_manifest_that_is_too_large_is_not_read_to_its_end(world: World) -> None:
    world.upstream.faults.add(Fault("GET", "/manifests/", status=200, body=" " * 5 * 1024 * 1024))
    with pytest.raises(ManifestError, match="more than 4194304 bytes"):
        copy_image(world.client(), IMAGE, world.destination())


@pytest.mark.parametrize(
    ("side", "method", "path"),
    [("upstream", "GET", "/manifests/"), ("private", "HEAD", "/blobs/"), ("private", "PUT", "/manifests/v1")],
)
def test_what_is_denied_is_asked_for_once_and_says_whom_to_ask(world: World, side: str, method: str, path: str) -> None:
    body = json.dumps({"errors": [{"code": "DENIED", "message": "requested access to the resource is denied"}]})
    registry = world.upstream if side == "upstream" else world.private
    registry.faults.add(Fault(method, path, times=99, status=403, body=body))
    with pytest.raises(DeniedError, match=r"lack a permission here, or have expired.*ask the registry's owner"):
        copy_image(world.client(), IMAGE, world.destination())
    assert world.slept == []
    assert world.tags() == {}


def test_an_expired_token_is_told_apart_from_a_wrong_one(world: World) -> None:
    old = world.password()
    world.clock.now += 13 * 3600

    def with_password(password: str) -> RegistryClient:
        return world.client(lambda host, _: Basic("AWS", password) if host == world.private.address else None)

    with pytest.raises(DeniedError, match=r"token has expired.*get a new token"):
        copy_image(with_password(old), IMAGE, world.destination())
    with pytest.raises(UnauthorizedError, match="not accepted") as caught:
        copy_image(with_password("s3cret-guess"), IMAGE, world.destination())
    assert "s3cret-guess" not in f"{caught.value!r} {caught.value}"
    with pytest.raises(UnauthorizedError, match="no credentials for this host"):
        copy_image(world.client(lambda *_: None), IMAGE, world.destination())


def test_credentials_stay_with_their_host(world: World) -> None:
    """The storage that the registry redirects to refuses any request that carries credentials, as S3 does."""
    client = world.client()
    copy_image(client, IMAGE, world.destination())
    result = copy_image(client, world.destination(), world.destination("other/app"))
    assert world.tags("other/app") == {"v1": result.digest}
    assert any(one.startswith("GET /storage/") for one in world.private.faults.requests)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://elsewhere/x", ""])
def test_a_redirect_to_anything_but_http_is_refused(world: World, location: str) -> None:
    fault = Fault("GET", "/v2/.*/blobs/", status=307, headers={"Location": location} if location else {})
    world.upstream.faults.add(fault)
    with pytest.raises(RegistryError, match="redirect"):
        copy_image(world.client(), IMAGE, world.destination())
    assert world.tags() == {}


def test_redirects_end(world: World) -> None:
    url = f"http://{world.upstream.address}/v2/amazonlinux/amazonlinux/blobs/sha256:{'0' * 64}"
    fault = Fault("GET", "/v2/.*/blobs/", times=99, status=302, headers={"Location": url})
    world.upstream.faults.add(fault)
    with pytest.raises(RegistryError, match="number 6"):
        copy_image(world.client(), IMAGE, world.destination())


def test_credentials_do_not_go_to_a_foreign_token_realm_over_plain_http(world: World) -> None:
    challenge = f'Bearer realm="http://{world.upstream.address}/token/",service="x"'
    fault = Fault("HEAD", "/v2/team/app/", times=9, status=401, headers={"WWW-Authenticate": challenge})
    world.private.faults.add(fault)
    world.upstream.faults.requests.clear()
    with pytest.raises(UnauthorizedError, match=r"plain http.*were not sent"):
        world.client().digest_of(world.destination())
    assert list(world.upstream.faults.requests) == []


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer realm="file:///etc/passwd"',
        'Bearer realm="http://a:x/"',
        'Bearer realm="http://[a/"',
        "Bearer",
        "Negotiate x",
    ],
)
def test_a_challenge_that_makes_no_sense_is_refused(world: World, challenge: str) -> None:
    fault = Fault("HEAD", "/v2/", times=9, status=401, headers={"WWW-Authenticate": challenge})
    world.upstream.faults.add(fault)
    with pytest.raises(UnauthorizedError, match="challenge"):
        world.client().digest_of(IMAGE)


@pytest.mark.parametrize("body", ["", "[]", '{"token": 5}', '{"token": "a b\\nc"}'])
def test_a_token_that_makes_no_sense_is_refused(world: World, body: str) -> None:
    world.upstream.faults.add(Fault("GET", "/token/", times=9, status=200, body=body))
    with pytest.raises(RegistryError, match="an answer"):
        world.client().digest_of(IMAGE)


def test_a_registry_that_is_not_there_is_not_waited_for(world: World) -> None:
    hosts = Hosts({"public.ecr.aws": "http://127.0.0.1:9", "typo.io": "http://registry.invalid"})
    client = world.clients.enter_context(RegistryClient(hosts, anonymous, retry=Retry(sleep=world.slept.append)))
    with pytest.raises(UnreachableError, match=r"cannot connect to http://127\.0\.0\.1:9.*REGISTRY_HOSTS"):
        copy_image(client, IMAGE, world.destination())
    with pytest.raises(UnreachableError, match=r"registry\.invalid"):
        copy_image(client, Reference.parse("typo.io/a/b"), world.destination())
    assert world.slept == []


def test_a_failed_copy_leaves_the_old_tag(world: World) -> None:
    before = copy_image(world.client(), IMAGE, world.destination()).digest
    world.upstream.faults.add(Fault("GET", BLOB, times=99, corrupt=True))
    with pytest.raises(DigestMismatchError):
        copy_image(world.client(), Reference.parse(f"{IMAGE.name}:2023"), world.destination())
    assert world.tags() == {"v1": before}


def test_uploads_that_are_stopped_in_their_midst_are_given_up(world: World) -> None:
    world.publish("big/image", "1", [b"%d" % number + bytes(24 * 1024 * 1024) for number in range(3)])
    client = world.client()

    def fail(step: Progress) -> None:
        if step.state == "advanced" and step.size > 1024:
            raise LookupError("the progress has nowhere to go")

    with pytest.raises(LookupError):
        copy_image(client, Reference.parse("public.ecr.aws/big/image:1"), world.destination(), progress=fail)
    # Waits for the threads.
    client.close()
    copy = world.private.repositories.find("team/app")
    assert copy is not None
    begun = [one for one in world.private.faults.requests if one.startswith("POST")]
    given_up = [one for one in world.private.faults.requests if one.startswith("DELETE /v2/team/app/blobs/uploads/")]
    assert len(begun) - len(copy.blobs) == len(given_up) > 0
