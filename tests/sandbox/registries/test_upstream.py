"""The registry that plays public.ecr.aws."""

import gzip
import hashlib
import io
import json
import re
import tarfile
from pathlib import Path

import httpx
import pytest

from sandbox.registries.registry import UpstreamRegistry

# The same on every machine: a test elsewhere may pin it.
DIGEST_OF_2 = "sha256:ddcd986305c3e0622b3c813c92180ce03e78f9f68444e0c5a4fb76645cd08cf0"


@pytest.fixture
def anonymous(upstream: UpstreamRegistry) -> httpx.Client:
    """A client that has fetched the anonymous token that the challenge names."""
    base = f"http://{upstream.address}"
    challenge = httpx.get(f"{base}/v2/").headers["WWW-Authenticate"]
    match = re.fullmatch(r'Bearer realm="([^"]+)",service="([^"]+)",scope="([^"]+)"', challenge)
    assert match is not None
    realm, service, scope = match.groups()
    token = httpx.get(realm, params={"service": service, "scope": scope}).json()["token"]
    return httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"})


def test_it_wants_a_bearer_token_and_gives_one_to_anybody(upstream: UpstreamRegistry) -> None:
    answer = httpx.get(f"http://{upstream.address}/v2/amazonlinux/amazonlinux/manifests/2")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer realm="http://{upstream.address}/token/",service="public.ecr.aws",scope="aws"'
    )
    assert answer.json()["errors"][0]["code"] == "DENIED"
    token = httpx.get(f"http://{upstream.address}/token/", auth=("me", "guess"))
    assert token.status_code == 401


@pytest.mark.parametrize("tag", ["2", "2023"])
def test_its_image_is_complete_for_two_platforms(anonymous: httpx.Client, tag: str) -> None:
    index = anonymous.get(f"/v2/amazonlinux/amazonlinux/manifests/{tag}")
    assert index.headers["Content-Type"] == "application/vnd.oci.image.index.v1+json"
    assert index.headers["Docker-Content-Digest"] == f"sha256:{hashlib.sha256(index.content).hexdigest()}"
    children = index.json()["manifests"]
    assert [child["platform"]["architecture"] for child in children] == ["amd64", "arm64"]
    for child in children:
        manifest = anonymous.get(f"/v2/amazonlinux/amazonlinux/manifests/{child['digest']}").json()
        blobs = [
            anonymous.get(f"/v2/amazonlinux/amazonlinux/blobs/{entry['digest']}", follow_redirects=True).content
            for entry in (manifest["config"], *manifest["layers"])
        ]
        config = json.loads(blobs[0])
        unpacked = [gzip.decompress(layer) for layer in blobs[1:]]
        assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in unpacked]
        with tarfile.open(fileobj=io.BytesIO(unpacked[0])) as layer:
            assert "etc/system-release" in layer.getnames()


def test_its_digests_are_the_same_everywhere(anonymous: httpx.Client, tmp_path: Path) -> None:
    head = anonymous.head("/v2/amazonlinux/amazonlinux/manifests/2")
    assert head.headers["Docker-Content-Digest"] == DIGEST_OF_2
    assert head.content == b""
    again = UpstreamRegistry(tmp_path).repositories.find("amazonlinux/amazonlinux")
    assert again is not None
    assert again.tags["2"] == DIGEST_OF_2


def test_tags_come_in_pages(anonymous: httpx.Client) -> None:
    first = anonymous.get("/v2/amazonlinux/amazonlinux/tags/list", params={"n": 1})
    assert first.json() == {"name": "amazonlinux/amazonlinux", "tags": ["2"]}
    second = anonymous.get(first.links["next"]["url"])
    assert second.json()["tags"] == ["2023"]
    assert "next" not in second.links
    assert anonymous.get("/v2/amazonlinux/amazonlinux/tags/list", params={"n": "x"}).status_code == 400


def test_a_blob_lies_on_a_storage_host_that_wants_no_credentials(
    upstream: UpstreamRegistry, anonymous: httpx.Client
) -> None:
    held = upstream.repositories.find("amazonlinux/amazonlinux")
    assert held is not None
    digest = sorted(held.blobs)[0]
    content = upstream.repositories.blobs.read(digest)
    redirect = anonymous.get(f"/v2/amazonlinux/amazonlinux/blobs/{digest}")
    assert redirect.status_code == 307
    location = redirect.headers["Location"]
    assert httpx.URL(location).host != httpx.URL(f"http://{upstream.address}").host
    assert httpx.get(location).content == content
    part = httpx.get(location, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, content[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(content)}"
    assert httpx.get(location, headers={"Range": f"bytes={len(content)}-"}).status_code == 416
    twice = httpx.get(location, headers={"Authorization": "Bearer x"})
    assert (twice.status_code, "Only one auth mechanism allowed" in twice.text) == (400, True)
    assert httpx.get(location[:-1] + "x").status_code == 403
    head = anonymous.head(f"/v2/amazonlinux/amazonlinux/blobs/{digest}")
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(content)))


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("no/such/manifests/1", 404, "NAME_UNKNOWN"),
        ("amazonlinux/amazonlinux/manifests/1", 404, "MANIFEST_UNKNOWN"),
        (f"amazonlinux/amazonlinux/blobs/sha256:{'0' * 64}", 404, "BLOB_UNKNOWN"),
        ("Amazon/Linux/manifests/1", 400, "NAME_INVALID"),
        ("amazonlinux/amazonlinux/referrers/2", 400, "DIGEST_INVALID"),
    ],
)
def test_what_is_not_there_is_answered_by_its_code(anonymous: httpx.Client, path: str, status: int, code: str) -> None:
    answer = anonymous.get(f"/v2/{path}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)


def test_nobody_can_push(anonymous: httpx.Client) -> None:
    for method, path in (("POST", "blobs/uploads/"), ("PUT", "manifests/3"), ("DELETE", "manifests/2")):
        answer = anonymous.request(method, f"/v2/amazonlinux/amazonlinux/{path}")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "DENIED")
