"""Signatures, attestations and the like, as cosign, notation and oras attach them."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from registry.client import RegistryClient
from registry.copy import copy_image
from registry.errors import RegistryError, UnavailableError
from registry.inspect import describe
from registry.reference import Reference
from registry.referrers import list_referrers
from sandbox.registries.faults import Fault
from sandbox.registries.manifests import Manifest

from .conftest import World

IMAGE = Reference.parse("public.ecr.aws/signed/image:1")
OCI = "application/vnd.oci.image"
EMPTY = "application/vnd.oci.empty.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SPDX = "application/spdx+json"


def attach(world: World, subject: Manifest, artifact_type: str, content: bytes, **members: Any) -> Manifest:
    """A referrer as cosign 3 and oras make it: an image manifest with a subject and the empty config."""
    artifact = world.publish(
        "signed/image",
        f"temporary-{len(content)}",
        [content],
        (f"{OCI}.manifest.v1+json", EMPTY, artifact_type),
        artifactType=artifact_type,
        subject={"mediaType": subject.media_type, "digest": subject.digest, "size": len(subject.content)},
        **members,
    )
    held = world.upstream.repositories.find("signed/image")
    assert held is not None
    del held.tags[f"temporary-{len(content)}"]
    return artifact


def signed(world: World) -> Manifest:
    """An image with a signature, an SBOM, and a signature of the SBOM."""
    image = world.publish("signed/image", "1", [b"layer"])
    attach(world, image, BUNDLE, b"signature", annotations={"dev.sigstore.bundle.content": "message-signature"})
    sbom = attach(world, image, SPDX, b"sbom")
    attach(world, sbom, BUNDLE, b"signature of the sbom")
    return image


def types(client: RegistryClient, image: Reference) -> list[str]:
    return sorted(referrer.artifact_type for referrer in list_referrers(client, image))


def pinned(repository: str, digest: str) -> Reference:
    return Reference.parse(f"{repository}@{digest}")


def test_all_that_refers_to_an_image_comes_along_if_asked_for(world: World) -> None:
    image = signed(world)
    client = world.client()
    without = copy_image(client, IMAGE, world.destination("plain/app"))
    assert without.referrers_copied == 0
    assert types(client, pinned(world.destination("plain/app").name, image.digest)) == []
    result = copy_image(client, IMAGE, world.destination(), include_referrers=True)
    assert result.referrers_copied == 3
    there = world.private.repositories.find("team/app")
    upstream = world.upstream.repositories.find("signed/image")
    assert there is not None
    assert upstream is not None
    assert {digest: one.content for digest, one in there.manifests.items()} == {
        digest: one.content for digest, one in upstream.manifests.items()
    }
    # A registry with the referrers API needs no tag in its place.
    assert list(there.tags) == ["v1"]
    again = copy_image(client, IMAGE, world.destination(), include_referrers=True)
    assert (again.referrers_copied, again.blobs_copied) == (0, 0)


def test_an_image_that_is_there_gets_what_was_attached_since(world: World) -> None:
    image = world.publish("signed/image", "1", [b"layer"])
    client = world.client()
    copy_image(client, IMAGE, world.destination())
    attach(world, image, BUNDLE, b"signature")
    result = copy_image(client, IMAGE, world.destination(), include_referrers=True)
    assert (result.referrers_copied, result.digest) == (1, image.digest)
    assert types(client, pinned(world.destination().name, image.digest)) == [BUNDLE]


def test_referrers_of_one_platform_come_with_the_index(world: World) -> None:
    child = world.publish("signed/image", "child", [b"layer"])
    attach(world, child, SPDX, b"sbom of a platform")
    listed = {"mediaType": child.media_type, "digest": child.digest, "size": len(child.content)}
    document = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": [listed]}
    index = Manifest(json.dumps(document).encode(), f"{OCI}.index.v1+json")
    held = world.upstream.repositories.find("signed/image")
    assert held is not None
    world.upstream.repositories.put(held, index, "1")
    assert copy_image(world.client(), IMAGE, world.destination(), include_referrers=True).referrers_copied == 1


def test_a_platform_that_is_listed_often_is_asked_about_once(world: World) -> None:
    child = world.publish("signed/image", "child", [b"layer"])
    attach(world, child, SPDX, b"sbom of a platform")
    listed = {"mediaType": child.media_type, "digest": child.digest, "size": len(child.content)}
    document = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": [listed] * 50}
    index = Manifest(json.dumps(document).encode(), f"{OCI}.index.v1+json")
    held = world.upstream.repositories.find("signed/image")
    assert held is not None
    world.upstream.repositories.put(held, index, "1")
    assert copy_image(world.client(), IMAGE, world.destination(), include_referrers=True).referrers_copied == 1
    # The index, the platform, the SBOM.
    assert sum("/referrers/" in one for one in world.upstream.faults.requests) == 3


def test_what_cosign_2_tags_comes_along(world: World) -> None:
    image = world.publish("signed/image", "1", [b"layer"])
    simple = "application/vnd.dev.cosign.simplesigning.v1+json"
    signature = world.publish(
        "signed/image",
        f"{image.digest.replace(':', '-')}.sig",
        [b'{"critical":{"identity":{},"image":{},"type":"cosign container image signature"},"optional":{}}'],
        (f"{OCI}.manifest.v1+json", f"{OCI}.config.v1+json", simple),
    )
    result = copy_image(world.client(), IMAGE, world.destination(), include_referrers=True)
    assert result.referrers_copied == 1
    assert world.tags() == {"v1": image.digest, f"{image.digest.replace(':', '-')}.sig": signature.digest}


def test_a_registry_without_the_api_is_served_by_its_tags(world: World, docker_registry: str) -> None:
    image = signed(world)
    client = world.client()
    there = Reference.parse(f"{docker_registry}/signed/image:1")
    assert copy_image(client, IMAGE, there, include_referrers=True).referrers_copied == 3
    assert types(client, there.with_digest(image.digest)) == sorted([BUNDLE, SPDX])
    assert copy_image(client, IMAGE, there, include_referrers=True).referrers_copied == 0
    # And back into one that has the API.
    assert copy_image(client, there, world.destination(), include_referrers=True).referrers_copied == 3
    assert types(client, pinned(world.destination().name, image.digest)) == sorted([BUNDLE, SPDX])


def test_oras_finds_them_there(world: World, docker_registry: str) -> None:
    image = signed(world)
    copy_image(world.client(), IMAGE, Reference.parse(f"{docker_registry}/signed/image:1"), include_referrers=True)
    if shutil.which("oras") is None:
        pytest.skip("oras is not installed")
    command = ["oras", "discover", "--plain-http", "--format", "json", f"{docker_registry}/signed/image:1"]
    done = subprocess.run(command, capture_output=True, check=True, env=os.environ)
    document: Mapping[str, Any] = json.loads(done.stdout)
    found = document.get("referrers") or document.get("manifests")
    assert sorted(one["artifactType"] for one in found or []) == sorted([BUNDLE, SPDX])
    assert document.get("digest", image.digest) == image.digest


def test_a_copy_that_died_before_the_list_was_pushed_is_mended(world: World) -> None:
    image = world.publish("signed/image", "1", [b"layer"])
    attach(world, image, BUNDLE, b"signature")
    tag = image.digest.replace(":", "-")
    world.private.referrers_api = False
    world.private.faults.add(Fault("PUT", f"/manifests/{tag}", times=5, status=503))
    with pytest.raises(UnavailableError):
        copy_image(world.client(), IMAGE, world.destination(), include_referrers=True)
    assert "v1" not in world.tags()
    result = copy_image(world.client(), IMAGE, world.destination(), include_referrers=True)
    assert set(world.tags()) == {"v1", tag}
    assert types(world.client(), pinned(world.destination().name, result.digest)) == [BUNDLE]


def test_a_list_in_pages_is_read_to_its_end(world: World) -> None:
    image = signed(world)
    held = world.upstream.repositories.find("signed/image")
    assert held is not None
    first, second = (one.descriptor() for one in held.referrers(image.digest))
    for entry, link in ((first, f"/v2/signed/image/referrers/{image.digest}?page=2"), (second, "")):
        headers = {"Content-Type": f"{OCI}.index.v1+json"} | ({"Link": f'<{link}>; rel="next"'} if link else {})
        body = json.dumps({"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": [entry]})
        world.upstream.faults.add(Fault("GET", "/referrers/", status=200, headers=headers, body=body))
    assert types(world.client(), IMAGE.with_digest(image.digest)) == sorted([BUNDLE, SPDX])


def test_a_list_without_an_end_is_given_up(world: World) -> None:
    image = signed(world)
    headers = {"Content-Type": f"{OCI}.index.v1+json", "Link": f"</v2/signed/image/referrers/{image.digest}>; rel=next"}
    body = json.dumps({"schemaVersion": 2, "manifests": []})
    world.upstream.faults.add(Fault("GET", "/referrers/", times=999, status=200, headers=headers, body=body))
    with pytest.raises(RegistryError, match="more than 100 pages"):
        copy_image(world.client(), IMAGE, world.destination(), include_referrers=True)
    assert world.tags() == {}


def test_inspect_names_them(world: World) -> None:
    signed(world)
    assert sorted(one["artifactType"] for one in describe(world.client(), IMAGE)["referrers"]) == sorted([BUNDLE, SPDX])
