"""The registry that plays the private ECR."""

import hashlib
import json
from base64 import b64encode
from http.client import HTTPConnection

import httpx
import pytest

from sandbox.registries.pushing import LARGEST_LAYER
from sandbox.registries.registry import PrivateRegistry
from sandbox.registries.repositories import Repository, TagMutability

from .conftest import MANIFEST_TYPE, Clock, Pusher


def error(answer: httpx.Response) -> tuple[int, str, str]:
    first = answer.json()["errors"][0]
    return answer.status_code, first["code"], first["message"]


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_without_credentials_it_asks_for_basic_in_ecrs_words(private: PrivateRegistry) -> None:
    answer = httpx.get(f"http://{private.address}/v2/")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        f'Basic realm="http://{private.address}/",service="ecr.amazonaws.com"'
    )
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def test_a_token_works_for_twelve_hours(private: PrivateRegistry, clock: Clock) -> None:
    password, _ = private.tokens.issue()
    url = f"http://{private.address}/v2/"
    clock.now += 12 * 3600 - 1
    assert httpx.get(url, auth=("AWS", password)).status_code == 200
    clock.now += 2
    assert error(httpx.get(url, auth=("AWS", password))) == (
        403,
        "DENIED",
        "Your authorization token has expired. Reauthenticate and try again.",
    )


def test_a_token_it_never_gave_out_is_a_bad_request(private: PrivateRegistry) -> None:
    password, _ = private.tokens.issue()
    url = f"http://{private.address}/v2/"
    assert httpx.get(url, auth=("AWS", "guess")).status_code == 400
    assert httpx.get(url, auth=("me", password)).status_code == 400
    assert httpx.get(url, headers={"Authorization": "Basic ###"}).status_code == 400


def test_an_image_is_pushed_and_pulled(pusher: Pusher, http: httpx.Client) -> None:
    digest = pusher.image("team/app", "v1")
    by_tag = http.get("/v2/team/app/manifests/v1")
    by_digest = http.get(f"/v2/team/app/manifests/{digest}")
    assert by_tag.content == by_digest.content
    assert by_tag.headers["Content-Type"] == MANIFEST_TYPE
    layer = by_tag.json()["layers"][0]["digest"]
    blob = http.get(f"/v2/team/app/blobs/{layer}")
    assert blob.status_code == 307
    assert httpx.get(blob.headers["Location"]).content == b"layer"


def test_a_repository_must_exist(private: PrivateRegistry, http: httpx.Client) -> None:
    answer = http.post("/v2/not/there/blobs/uploads/")
    assert error(answer) == (
        404,
        "NAME_UNKNOWN",
        "The repository with name 'not/there' does not exist in the registry with id '123456789012'",
    )


def test_a_repository_may_be_made_by_a_push(private: PrivateRegistry, http: httpx.Client) -> None:
    def create(name: str) -> Repository | None:
        return private.repositories.create(name) if name.startswith("auto/") else None

    before, private.create_on_push = private.create_on_push, create
    try:
        assert http.get("/v2/auto/app/tags/list").status_code == 404
        assert http.post("/v2/auto/app/blobs/uploads/").status_code == 202
        assert http.get("/v2/auto/app/tags/list").json()["tags"] == []
        assert http.post("/v2/other/app/blobs/uploads/").status_code == 404
    finally:
        private.create_on_push = before


def test_a_blob_with_another_digest_is_refused_and_forgotten(pusher: Pusher, http: httpx.Client) -> None:
    location = http.post("/v2/team/app/blobs/uploads/").headers["Location"]
    answer = http.put(location, params={"digest": digest_of(b"wanted")}, content=b"sent")
    assert error(answer)[:2] == (400, "DIGEST_INVALID")
    assert http.put(location, params={"digest": digest_of(b"wanted")}, content=b"wanted").status_code == 404
    assert http.head(f"/v2/team/app/blobs/{digest_of(b'wanted')}").status_code == 404


def test_an_upload_can_be_asked_about_and_given_up(pusher: Pusher, http: httpx.Client) -> None:
    location = http.post("/v2/team/app/blobs/uploads/").headers["Location"]
    assert http.get(location).status_code == 204
    assert http.delete(location).status_code == 204
    assert error(http.get(location))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")


def test_one_patch_then_put_works(pusher: Pusher, http: httpx.Client) -> None:
    location = http.post("/v2/team/app/blobs/uploads/").headers["Location"]
    patch = http.patch(location, content=iter([b"one ", b"stream"]))
    assert (patch.status_code, patch.headers["Range"]) == (201, "0-9")
    digest = digest_of(b"one stream")
    assert http.put(patch.headers["Location"], params={"digest": digest}).status_code == 201
    assert http.head(f"/v2/team/app/blobs/{digest}").headers["Content-Length"] == "10"


def test_after_the_first_patch_the_range_stops(pusher: Pusher, http: httpx.Client) -> None:
    location = http.post("/v2/team/app/blobs/uploads/").headers["Location"]
    answers = [
        http.patch(location, content=chunk, headers={"Content-Range": span})
        for chunk, span in ((b"aaaa", "0-3"), (b"bbbb", "4-7"), (b"cccc", "8-11"))
    ]
    assert [(one.status_code, one.headers["Range"]) for one in answers] == [(201, "0-3")] * 3
    answer = http.put(location, params={"digest": digest_of(b"aaaabbbbcccc")})
    assert error(answer)[:2] == (400, "DIGEST_INVALID")


def test_a_layer_has_a_largest_size(pusher: Pusher, http: httpx.Client) -> None:
    password, _ = pusher.registry.tokens.issue()
    location = http.post("/v2/team/app/blobs/uploads/").headers["Location"]
    connection = HTTPConnection(pusher.registry.address)
    connection.putrequest("PUT", location)
    connection.putheader("Authorization", f"Basic {b64encode(f'AWS:{password}'.encode()).decode()}")
    connection.putheader("Content-Length", str(LARGEST_LAYER + 1))
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, json.load(answer)["errors"][0]["code"]) == (413, "SIZE_INVALID")
    connection.close()


def test_a_mount_is_an_upload_unless_the_account_opted_in(pusher: Pusher, http: httpx.Client) -> None:
    pusher.registry.repositories.create("other/app")
    digest = pusher.blob("team/app", b"shared")
    query = {"mount": digest, "from": "team/app"}
    assert http.post("/v2/other/app/blobs/uploads/", params=query).status_code == 202
    assert http.head(f"/v2/other/app/blobs/{digest}").status_code == 404
    pusher.registry.blob_mounting = True
    mounted = http.post("/v2/other/app/blobs/uploads/", params=query)
    assert (mounted.status_code, mounted.headers["Docker-Content-Digest"]) == (201, digest)
    assert http.head(f"/v2/other/app/blobs/{digest}").status_code == 200
    unknown = {"mount": digest_of(b"unknown"), "from": "team/app"}
    assert http.post("/v2/other/app/blobs/uploads/", params=unknown).status_code == 202


def test_layers_come_before_their_manifest(pusher: Pusher) -> None:
    missing = digest_of(b"missing")
    document = pusher.document("team/app")
    document["layers"].append({"mediaType": "x/y", "digest": missing, "size": 7})
    assert error(pusher.manifest("team/app", "v1", document)) == (
        404,
        "BLOB_UPLOAD_UNKNOWN",
        f"Layers with digests '[{missing}]' required for pushing image into repository with name 'team/app' "
        "in the registry with id '123456789012' do not exist",
    )


def test_children_come_before_their_index(pusher: Pusher) -> None:
    missing = digest_of(b"missing")
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{"mediaType": MANIFEST_TYPE, "digest": missing, "size": 7}],
    }
    status, code, message = error(pusher.manifest("team/app", "v1", index))
    assert (status, code) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert message.startswith(f"Images with digests '[{missing}]' required for pushing image")


@pytest.mark.parametrize(
    ("reference", "content", "content_type", "code"),
    [
        ("v1", b"{", MANIFEST_TYPE, "MANIFEST_INVALID"),
        ("v1", b"[]", MANIFEST_TYPE, "MANIFEST_INVALID"),
        ("v1", b'{"schemaVersion": 1}', MANIFEST_TYPE, "MANIFEST_INVALID"),
        ("v1", b'{"schemaVersion": 2}', "text/plain", "MANIFEST_INVALID"),
        ("v1", b'{"schemaVersion": 2}', MANIFEST_TYPE, "MANIFEST_INVALID"),
        ("v1", b'{"schemaVersion": 2, "config": {"digest": "x"}}', MANIFEST_TYPE, "MANIFEST_INVALID"),
        ("v1", b" " * (4 * 1024 * 1024 + 1), MANIFEST_TYPE, "SIZE_INVALID"),
        (f"sha256:{'0' * 64}", None, MANIFEST_TYPE, "DIGEST_INVALID"),
        (".v1", None, MANIFEST_TYPE, "TAG_INVALID"),
    ],
)
def test_what_is_no_manifest_is_refused(
    pusher: Pusher, http: httpx.Client, reference: str, content: bytes | None, content_type: str, code: str
) -> None:
    body = content if content is not None else json.dumps(pusher.document("team/app")).encode()
    headers = {"Content-Type": content_type}
    answer = http.put(f"/v2/team/app/manifests/{reference}", content=body, headers=headers)
    assert error(answer)[1] == code


@pytest.mark.parametrize(
    ("mode", "exclusions", "tag", "moves"),
    [
        ("MUTABLE", [], "v1", True),
        ("IMMUTABLE", [], "v1", False),
        ("IMMUTABLE_WITH_EXCLUSION", ["latest", "dev-*"], "dev-1", True),
        ("IMMUTABLE_WITH_EXCLUSION", ["latest", "dev-*"], "v1", False),
        ("MUTABLE_WITH_EXCLUSION", ["v*"], "v1", False),
        ("MUTABLE_WITH_EXCLUSION", ["v*"], "latest", True),
    ],
)
def test_a_tag_moves_only_where_it_may(pusher: Pusher, mode: str, exclusions: list[str], tag: str, moves: bool) -> None:
    pusher.registry.repositories.create("fixed/app", TagMutability(mode, exclusions))
    first = pusher.image("fixed/app", tag, b"one")
    assert pusher.image("fixed/app", tag, b"one") == first
    answer = pusher.manifest("fixed/app", tag, pusher.document("fixed/app", b"two"))
    if moves:
        assert answer.status_code == 201
    else:
        assert error(answer) == (
            400,
            "TAG_INVALID",
            f"The image tag '{tag}' already exists in the 'fixed/app' repository and cannot be overwritten "
            "because the repository is immutable.",
        )


def test_referrers_are_found_by_their_subject(pusher: Pusher, http: httpx.Client) -> None:
    subject = pusher.image("team/app", "v1")
    descriptor = {"mediaType": MANIFEST_TYPE, "digest": subject, "size": 1}
    signature = pusher.image("team/app", "sig", b"sig", subject=descriptor, artifactType="x/signature")
    sbom = pusher.image("team/app", "sbom", b"sbom", subject=descriptor, artifactType="x/sbom", annotations={"a": "b"})
    found = http.get(f"/v2/team/app/referrers/{subject}")
    assert found.headers["Content-Type"] == "application/vnd.oci.image.index.v1+json"
    assert {one["digest"] for one in found.json()["manifests"]} == {signature, sbom}
    only = http.get(f"/v2/team/app/referrers/{subject}", params={"artifactType": "x/sbom"})
    assert only.headers["OCI-Filters-Applied"] == "artifactType"
    assert [(one["artifactType"], one["annotations"]) for one in only.json()["manifests"]] == [("x/sbom", {"a": "b"})]
    assert http.get(f"/v2/team/app/referrers/{signature}").json()["manifests"] == []


def test_it_can_play_a_registry_without_the_referrers_api(pusher: Pusher, http: httpx.Client) -> None:
    subject = pusher.image("team/app", "v1")
    signature = pusher.image(
        "team/app", "sig", b"sig", subject={"mediaType": MANIFEST_TYPE, "digest": subject, "size": 1}
    )
    content = http.get(f"/v2/team/app/manifests/{signature}").content
    for api in (True, False):
        pusher.registry.referrers_api = api
        pushed = http.put("/v2/team/app/manifests/sig", content=content, headers={"Content-Type": MANIFEST_TYPE})
        assert pushed.headers.get("OCI-Subject") == (subject if api else None)
        assert http.get(f"/v2/team/app/referrers/{subject}").status_code == (200 if api else 404)


def test_a_reset_empties_it(pusher: Pusher, http: httpx.Client) -> None:
    pusher.image("team/app", "v1")
    pusher.registry.blob_mounting = True
    pusher.registry.reset()
    assert http.get("/v2/team/app/tags/list").status_code == 404
    assert pusher.registry.blob_mounting is False
