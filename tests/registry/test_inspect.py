"""What images are made of."""

import json

import pytest

from registry.errors import NotFoundError, PlatformNotFoundError
from registry.inspect import describe, find_manifest
from registry.reference import Reference
from sandbox.registries.manifests import Manifest

from .conftest import World

IMAGE = Reference.parse("public.ecr.aws/amazonlinux/amazonlinux:2")


def test_an_index_shows_its_platforms_and_the_bytes_of_all_of_them(world: World) -> None:
    held = world.upstream.repositories.find("amazonlinux/amazonlinux")
    assert held is not None
    index = held.manifests[held.tags["2"]]
    images = [held.manifests[digest] for digest in index.children]
    blobs = {digest for image in images for digest in image.blobs}
    assert describe(world.client(), IMAGE) == {
        "name": str(IMAGE),
        "digest": index.digest,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "size": sum(world.upstream.repositories.blobs.size(digest) for digest in blobs),
        "platforms": [
            {
                "platform": platform,
                "digest": image.digest,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "size": len(image.content),
            }
            for platform, image in zip(("linux/amd64", "linux/arm64/v8"), images, strict=True)
        ],
        "referrers": [],
    }


def test_an_image_shows_its_config_and_layers(world: World) -> None:
    manifest = world.publish("single/image", "1", [b"one", b"twice", b"twice"])
    image = Reference.parse("public.ecr.aws/single/image:1")
    described = describe(world.client(), image)
    assert described["digest"] == manifest.digest
    assert (described["config"], described["layers"]) == (
        manifest.document["config"],
        manifest.document["layers"],
    )
    assert described["size"] == manifest.document["config"]["size"] + len(b"onetwice")
    assert describe(world.client(), image, "linux/amd64") == described
    with pytest.raises(PlatformNotFoundError, match="it is a single image for linux/amd64"):
        describe(world.client(), image, "linux/arm64")


def test_a_platform_of_an_index_is_that_image(world: World) -> None:
    index = describe(world.client(), IMAGE)
    image = describe(world.client(), IMAGE, "linux/arm64")
    assert image["digest"] == index["platforms"][1]["digest"]
    assert len(image["layers"]) >= 1
    with pytest.raises(PlatformNotFoundError, match="windows/amd64"):
        describe(world.client(), IMAGE, "windows/amd64")


def test_the_manifest_is_the_bytes_that_were_pushed(world: World) -> None:
    media_type = "application/vnd.oci.image.index.v1+json"
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": []}
    held = world.upstream.repositories.create("odd/index")
    odd = Manifest(json.dumps(document, indent=7).encode(), media_type)
    world.upstream.repositories.put(held, odd, "1")
    found = find_manifest(world.client(), Reference.parse("public.ecr.aws/odd/index:1"))
    assert found.content == odd.content


def test_what_does_not_exist_is_said(world: World) -> None:
    with pytest.raises(NotFoundError, match="NAME_UNKNOWN"):
        describe(world.client(), Reference.parse("public.ecr.aws/no/such:1"))
