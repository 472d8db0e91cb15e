"""Copies that succeed, between the sandbox's registries."""

import json
import threading
import tracemalloc

import pytest

from registry.copy import copy_image
from registry.credentials import Basic
from registry.errors import NotFoundError, RegistryError, TagImmutableError
from registry.progress import Progress
from registry.reference import Reference
from sandbox.registries.repositories import TagMutability

from .conftest import World

IMAGE = Reference.parse("public.ecr.aws/amazonlinux/amazonlinux:2")


def test_a_whole_index_is_copied_byte_for_byte(world: World) -> None:
    result = copy_image(world.client(), IMAGE, world.destination())
    source = world.upstream.repositories.find("amazonlinux/amazonlinux")
    copy = world.private.repositories.find("team/app")
    assert source is not None
    assert copy is not None
    assert result.digest == source.tags["2"] == copy.tags["v1"]
    for digest, manifest in copy.manifests.items():
        assert manifest.content == source.manifests[digest].content
    assert (result.blobs_copied, result.blobs_skipped) == (6, 0)
    assert result.bytes_copied == sum(world.private.repositories.blobs.size(blob) for blob in copy.blobs)
    assert result.source == f"{IMAGE}@{result.digest}"
    assert result.destination == f"{world.destination()}@{result.digest}"


def test_what_is_there_already_is_found_with_one_question(world: World) -> None:
    client = world.client()
    copy_image(client, IMAGE, world.destination())
    world.private.faults.requests.clear()
    world.upstream.faults.requests.clear()
    result = copy_image(client, IMAGE, world.destination())
    assert (result.blobs_copied, result.bytes_copied) == (0, 0)
    assert list(world.upstream.faults.requests) == ["HEAD /v2/amazonlinux/amazonlinux/manifests/2"]
    assert list(world.private.faults.requests) == ["HEAD /v2/team/app/manifests/v1"]


def test_a_pinned_image_that_is_there_costs_the_source_nothing(world: World) -> None:
    client = world.client()
    digest = copy_image(client, IMAGE, world.destination()).digest
    world.upstream.faults.requests.clear()
    assert copy_image(client, IMAGE.with_digest(digest), world.destination()).blobs_copied == 0
    assert list(world.upstream.faults.requests) == []
    with pytest.raises(NotFoundError, match=r"sha256:0+: 404"):
        copy_image(client, IMAGE.with_digest("sha256:" + "0" * 64), world.destination())


def test_children_come_before_the_index_and_the_tag_last(world: World) -> None:
    copy_image(world.client(), IMAGE, world.destination())
    puts = [one for one in world.private.faults.requests if one.startswith("PUT")]
    manifests = [one for one in puts if "/manifests/" in one]
    assert puts[-3:] == manifests
    assert manifests[-1] == "PUT /v2/team/app/manifests/v1"
    assert all("/manifests/sha256:" in one for one in manifests[:-1])


def test_one_platform_is_that_image_itself(world: World) -> None:
    result = copy_image(world.client(), IMAGE, world.destination(), platforms=["linux/arm64"])
    copy = world.private.repositories.find("team/app")
    assert copy is not None
    assert set(copy.manifests) == {result.digest} == {world.tags()["v1"]}
    config = json.loads(world.private.repositories.blobs.read(next(copy.manifests[result.digest].blobs)))
    assert config["architecture"] == "arm64"


def test_all_platforms_by_name_are_the_index_itself(world: World) -> None:
    platforms = ["linux/arm64", "linux/amd64"]
    result = copy_image(world.client(), IMAGE, world.destination(), platforms=platforms)
    assert result.source.endswith(result.digest)


def test_some_platforms_are_an_index_of_them(world: World) -> None:
    upstream = world.upstream.repositories.find("amazonlinux/amazonlinux")
    assert upstream is not None
    index = upstream.manifests[upstream.tags["2"]].document
    one = world.publish("amazonlinux/amazonlinux", "single", [b"layer"])
    index["manifests"].append(
        {
            "mediaType": one.media_type,
            "digest": one.digest,
            "size": len(one.content),
            "platform": {"os": "linux", "architecture": "s390x"},
        }
    )
    three = type(one)(json.dumps(index).encode(), index["mediaType"])
    world.upstream.repositories.put(upstream, three, "three")
    source = Reference.parse("public.ecr.aws/amazonlinux/amazonlinux:three")
    platforms = ["linux/amd64", "linux/s390x"]
    result = copy_image(world.client(), source, world.destination(), platforms=platforms)
    copy = world.private.repositories.find("team/app")
    assert copy is not None
    chosen = copy.manifests[result.digest].document
    assert [child["platform"]["architecture"] for child in chosen["manifests"]] == ["amd64", "s390x"]
    again = copy_image(world.client(), source, world.destination(), platforms=platforms)
    assert (again.digest, again.blobs_copied) == (result.digest, 0)


def test_docker_schema_2_stays_docker_schema_2(world: World) -> None:
    docker = "application/vnd.docker"
    types = (
        f"{docker}.distribution.manifest.v2+json",
        f"{docker}.container.image.v1+json",
        f"{docker}.image.rootfs.diff.tar.gzip",
    )
    manifest = world.publish("docker/image", "1", [b"one", b"two", b""], types)
    result = copy_image(world.client(), Reference.parse("public.ecr.aws/docker/image:1"), world.destination())
    copy = world.private.repositories.find("team/app")
    assert copy is not None
    assert copy.manifests[result.digest].content == manifest.content
    assert copy.manifests[result.digest].media_type == types[0]


def test_by_digest_from_and_to(world: World) -> None:
    digest = copy_image(world.client(), IMAGE, world.destination()).digest
    source = Reference.parse(f"public.ecr.aws/amazonlinux/amazonlinux@{digest}")
    world.destination("other/app")
    destination = Reference.parse(f"{world.private.address}/other/app@{digest}")
    assert copy_image(world.client(), source, destination).digest == digest
    assert world.tags("other/app") == {}
    wrong = destination.with_digest("sha256:" + "0" * 64)
    with pytest.raises(RegistryError, match="the destination names another one"):
        copy_image(world.client(), source, wrong)


def test_a_mount_that_the_account_allows_moves_no_bytes(world: World) -> None:
    copy_image(world.client(), IMAGE, world.destination())
    world.private.blob_mounting = True
    result = copy_image(world.client(), world.destination(), world.destination("other/app"))
    assert (result.blobs_copied, result.blobs_skipped) == (0, 6)
    assert result.bytes_skipped > 0
    assert world.tags("other/app")["v1"] == result.digest


def test_a_mount_answered_202_is_streamed_into_the_upload_it_opened(world: World) -> None:
    copy_image(world.client(), IMAGE, world.destination())
    world.private.faults.requests.clear()
    result = copy_image(world.client(), world.destination(), world.destination("other/app"))
    assert (result.blobs_copied, result.blobs_skipped) == (6, 0)
    posts = [one for one in world.private.faults.requests if one.startswith("POST")]
    assert len(posts) == 6


def test_a_second_copy_sends_only_what_is_missing(world: World) -> None:
    client = world.client()
    copy_image(client, IMAGE, world.destination(), platforms=["linux/amd64"])
    steps: list[Progress] = []
    result = copy_image(client, IMAGE, world.destination(tag="all"), progress=steps.append)
    assert result.blobs_copied == 3
    assert [step.state for step in steps].count("skipped") == 1


def test_a_tag_that_moves_in_mid_copy_changes_nothing(world: World) -> None:
    upstream = world.upstream.repositories.find("amazonlinux/amazonlinux")
    assert upstream is not None
    before = upstream.tags["2"]

    def move(_: Progress) -> None:
        upstream.tags["2"] = upstream.tags["2023"]

    assert copy_image(world.client(), IMAGE, world.destination(), progress=move).digest == before
    assert world.tags() == {"v1": before}


def test_an_immutable_tag_is_kept_and_named(world: World) -> None:
    destination = world.destination(create=False)
    world.private.repositories.create("team/app", TagMutability("IMMUTABLE"))
    first = copy_image(world.client(), IMAGE, destination)
    other = Reference.parse("public.ecr.aws/amazonlinux/amazonlinux:2023")
    with pytest.raises(TagImmutableError, match=r"cannot be overwritten.*copy to another tag"):
        copy_image(world.client(), other, destination)
    assert world.tags() == {"v1": first.digest}
    assert copy_image(world.client(), IMAGE, destination).blobs_copied == 0


def test_credentials_that_are_renewed_in_mid_copy_are_followed(world: World) -> None:
    password, renewing, renewed = world.password(), threading.Lock(), False

    def credentials(host: str, _: str) -> Basic | None:
        with renewing:
            return Basic("AWS", password) if host == world.private.address else None

    def expire(step: Progress) -> None:
        nonlocal password, renewed
        with renewing:
            if step.state == "copied" and not renewed:
                renewed = True
                world.clock.now += 13 * 3600
                password = world.password()

    result = copy_image(world.client(credentials), IMAGE, world.destination(), progress=expire)
    assert world.tags() == {"v1": result.digest}


def test_progress_counts_every_byte(world: World) -> None:
    steps: list[Progress] = []
    result = copy_image(world.client(), IMAGE, world.destination(), progress=steps.append)
    planned = [step.digest for step in steps if step.state == "planned"]
    copied = {step.digest: step.done for step in steps if step.state == "copied"}
    assert [step.state for step in steps[: len(planned)]] == ["planned"] * 6
    assert copied.keys() == set(planned)
    assert sum(copied.values()) == result.bytes_copied
    assert [step.state for step in steps[-3:]] == ["pushed"] * 3


def test_the_biggest_blobs_are_planned_first(world: World) -> None:
    world.publish("three/layers", "1", [b"x" * 10_000, b"y" * 300_000, b"z" * 20_000])
    steps: list[Progress] = []
    copy_image(
        world.client(), Reference.parse("public.ecr.aws/three/layers:1"), world.destination(), progress=steps.append
    )
    assert [step.size for step in steps if step.state == "planned"][:3] == [300_000, 20_000, 10_000]


def test_progress_of_a_large_blob_advances(world: World) -> None:
    world.publish("big/image", "1", [bytes(96 * 1024 * 1024)])
    steps: list[Progress] = []
    copy_image(
        world.client(), Reference.parse("public.ecr.aws/big/image:1"), world.destination(), progress=steps.append
    )
    advanced = [step.done for step in steps if step.state == "advanced" and step.size > 1000]
    assert advanced == sorted(advanced)
    assert 0 < advanced[0] <= advanced[-1] <= 96 * 1024 * 1024


@pytest.mark.parametrize(
    ("layers", "mebibytes", "most"),
    # Of many layers CONNECTIONS are under way, with a chunk each.
    [(1, 64, 12), (24, 8, 48)],
    ids=["one-big", "many"],
)
def test_memory_does_not_grow_with_the_image(world: World, layers: int, mebibytes: int, most: int) -> None:
    content = bytearray(mebibytes * 1024 * 1024)
    world.publish("big/image", "1", [b"%d" % number + content for number in range(layers)])
    client = world.client()
    tracemalloc.start()
    try:
        copy_image(client, Reference.parse("public.ecr.aws/big/image:1"), world.destination())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Both registries run in this process: their buffers count too.
    assert peak < most * 1024 * 1024


def test_further_tags_come_before_the_destinations_own(world: World) -> None:
    client = world.client()
    result = copy_image(client, IMAGE, world.destination(), also_tags=["v1-abc", "stable"])
    assert world.tags() == dict.fromkeys(("v1", "v1-abc", "stable"), result.digest)
    pushed = [one.rpartition("/")[2] for one in world.private.faults.requests if one.startswith("PUT /v2/team/app/man")]
    assert pushed[-3:] == ["v1-abc", "stable", "v1"]


def test_a_further_tag_is_added_to_what_is_there(world: World) -> None:
    client = world.client()
    copy_image(client, IMAGE, world.destination())
    world.private.faults.requests.clear()
    result = copy_image(client, IMAGE, world.destination(), also_tags=["later"])
    assert world.tags() == dict.fromkeys(("v1", "later"), result.digest)
    assert not any("/blobs/" in one for one in world.private.faults.requests)
    assert not any("manifests/v1" in one for one in world.private.faults.requests if one.startswith("PUT"))


def test_all_but_the_tag_is_there_where_the_tag_may_not_be_moved(world: World) -> None:
    client = world.client()
    first = copy_image(client, IMAGE, world.destination()).digest
    held = world.private.repositories.find("team/app")
    assert held is not None
    held.mutability = TagMutability("IMMUTABLE")
    newer = Reference.parse(f"{IMAGE.name}:2023")
    with pytest.raises(TagImmutableError, match="another tag"):
        copy_image(client, newer, world.destination(), also_tags=["v1-new"])
    assert world.tags() == {"v1": first, "v1-new": client.digest_of(newer)}


def test_a_layer_that_another_image_brought_is_mounted_where_the_account_allows_it(world: World) -> None:
    shared, client = b"shared layer" * 1000, world.client()
    for repository in ("one/image", "two/image"):
        world.publish(repository, "1", [shared, repository.encode()])
    one, two = (Reference.parse(f"public.ecr.aws/{name}/image:1") for name in ("one", "two"))
    world.private.blob_mounting = True
    copy_image(client, one, world.destination("team/one"))
    result = copy_image(client, two, world.destination("team/two"))
    assert (result.bytes_skipped, result.blobs_skipped) == (len(shared) + 52, 2), "the layer and the config"


def test_a_refused_mount_costs_no_further_request(world: World) -> None:
    shared, client = b"shared layer" * 1000, world.client()
    for repository in ("one/image", "two/image"):
        world.publish(repository, "1", [shared, repository.encode()])
    copy_image(client, Reference.parse("public.ecr.aws/one/image:1"), world.destination("team/one"))
    result = copy_image(client, Reference.parse("public.ecr.aws/two/image:1"), world.destination("team/two"))
    posts = [one for one in world.private.faults.requests if one.startswith("POST /v2/team/two/")]
    assert (result.blobs_copied, len(posts)) == (3, 3)
