import json
from typing import Any

import pytest

from registry.errors import ManifestError, PlatformNotFoundError
from registry.manifest import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST, Descriptor, parse
from registry.platform import choose, matches

DIGEST = "sha256:" + "b" * 64


def document(**members: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, **members}).encode()


def entry(**members: Any) -> dict[str, Any]:
    return {"mediaType": "x/y", "digest": DIGEST, "size": 3, **members}


def test_the_shape_tells_the_type_where_nothing_else_does() -> None:
    assert parse("a", document(manifests=[]), "text/plain").media_type == OCI_INDEX
    image = parse("a", document(config=entry(), layers=[entry(urls=["https://elsewhere"])]), "application/json")
    assert image.media_type == OCI_MANIFEST
    assert image.blobs == (Descriptor(DIGEST, 3, "x/y"),)


def test_a_content_type_with_parameters_counts() -> None:
    assert parse("a", document(manifests=[]), f"{DOCKER_LIST}; charset=utf-8").media_type == DOCKER_LIST


@pytest.mark.parametrize(
    ("content", "content_type", "text"),
    [
        (b"<html>", "text/html", "not a JSON object"),
        (b"[]", OCI_INDEX, "not a JSON object"),
        (document(schemaVersion=1, fsLayers=[]), "application/json", "schema 1"),
        (b"{}", "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema 1"),
        (document(mediaType="application/vnd.other"), "application/json", "application/vnd.other"),
        (document(manifests=[entry(digest="sha256:../../x")]), OCI_INDEX, "no digest"),
        (document(manifests=[entry(size="3")]), OCI_INDEX, "no size"),
        (document(manifests=[entry(size=-1)]), OCI_INDEX, "no size"),
        (document(manifests=[{"size": 1}]), OCI_INDEX, "digest"),
        (document(manifests=[]), OCI_MANIFEST, "an index lists"),
        (document(config=entry(), layers=["x"]), OCI_MANIFEST, "malformed"),
    ],
)
def test_what_cannot_be_copied_is_refused(content: bytes, content_type: str, text: str) -> None:
    with pytest.raises(ManifestError, match=text):
        parse("image", content, content_type)


@pytest.mark.parametrize(
    ("platform", "wanted", "same"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm/v7", "linux/arm/v6", False),
        ("linux/arm64", "linux/arm", False),
        ("linux/arm", "linux/arm/v7", False),
        ("", "linux/amd64", False),
    ],
)
def test_platforms_match_by_their_parts(platform: str, wanted: str, same: bool) -> None:
    assert matches(platform, wanted) is same


def test_a_missing_platform_is_answered_with_those_that_exist() -> None:
    children = [Descriptor(DIGEST, 1, "t", "linux/amd64"), Descriptor(DIGEST, 1, "t", "unknown/unknown")]
    with pytest.raises(PlatformNotFoundError, match="linux/amd64, unknown/unknown"):
        choose("image", children, ["linux/amd64", "linux/s390x"])
