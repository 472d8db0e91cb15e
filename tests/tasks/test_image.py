"""Images in the private registry: copied once, never untagged, found again."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from sandbox.registries.manifests import Manifest
from sandbox.registries.registry import UpstreamRegistry
from tasks.image import MirroredImage, find_image, mirror_image
from tasks.private_registry import PrivateRegistry

SOURCE = "public.ecr.aws/amazonlinux/amazonlinux:2"
REPOSITORY = "mirror/linux"


@pytest.fixture
def cluster(upstream: UpstreamRegistry) -> EksCluster:
    """The sandbox's cluster, with a repository for the mirror."""
    found = EksCluster(cluster_name="my-test-cluster")
    found.ecr.create_repository(repositoryName=REPOSITORY)
    return found


def mirror(cluster: EksCluster, source: str = SOURCE, **options: Any) -> MirroredImage:
    return mirror_image.fn(cluster, source, REPOSITORY, **options)


def tags(cluster: EksCluster) -> dict[str, list[str]]:
    """Tags of the tagged images, by digest."""
    details = cluster.ecr.describe_images(repositoryName=REPOSITORY, filter={"tagStatus": "TAGGED"})["imageDetails"]
    return {image["imageDigest"]: image["imageTags"] for image in details}


def test_every_digest_gets_a_tag_of_its_own(cluster: EksCluster) -> None:
    outcome = mirror(cluster)
    digest = outcome.source_digest
    assert outcome.action == "created"
    assert outcome.identifier.endswith(f"/{REPOSITORY}@{digest}")
    assert outcome.destination.endswith(f"/{REPOSITORY}:2@{digest}")
    assert outcome.bytes_copied > 100_000
    assert tags(cluster) == {digest: ["2", f"2-{digest[7:19]}"]}

    again = mirror(cluster)
    assert (again.action, again.changes, again.bytes_copied) == ("unchanged", (), 0)
    assert again.identifier == outcome.identifier


def test_an_image_that_was_mirrored_without_it_gets_it_too(cluster: EksCluster) -> None:
    digest = mirror(cluster).source_digest
    permanent = f"2-{digest[7:19]}"
    cluster.ecr.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": permanent}])
    outcome = mirror(cluster)
    assert (outcome.action, [change.field for change in outcome.changes]) == ("updated", [f"tag {permanent}"])
    assert outcome.bytes_copied == 0
    assert tags(cluster) == {digest: ["2", permanent]}


def test_a_moved_tag_leaves_the_old_digest_its_own(cluster: EksCluster, move_tag: Callable[[], str]) -> None:
    old = mirror(cluster).source_digest
    new = move_tag()
    planned = mirror(cluster, plan=True)
    assert (planned.action, planned.planned, planned.source_digest) == ("updated", True, new)
    assert old in tags(cluster)

    outcome = mirror(cluster)
    assert outcome.action == "updated"
    assert tags(cluster) == {old: [f"2-{old[7:19]}"], new: ["2", f"2-{new[7:19]}"]}


def test_where_tags_are_immutable_only_the_permanent_one_is_new(
    cluster: EksCluster, move_tag: Callable[[], str]
) -> None:
    cluster.ecr.put_image_tag_mutability(repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")
    old = mirror(cluster).source_digest
    new = move_tag()
    planned = mirror(cluster, plan=True)
    assert [change.field for change in planned.changes] == [f"tag 2-{new[7:19]}"]
    outcome = mirror(cluster)
    assert (outcome.action, outcome.changes, outcome.note) == ("updated", planned.changes, planned.note)
    assert outcome.identifier.endswith(new)
    assert outcome.bytes_copied > 100_000
    assert f"tag 2 is immutable and stays with {old}" in outcome.note
    assert tags(cluster) == {old: ["2", f"2-{old[7:19]}"], new: [f"2-{new[7:19]}"]}

    again = mirror(cluster)
    assert (again.action, again.identifier) == ("unchanged", outcome.identifier)
    assert "is immutable" in again.note
    # Setup inside the VPC takes what the mirror brought last.
    assert find_image.fn(cluster, SOURCE, REPOSITORY).identifier == outcome.identifier


def test_a_tag_that_is_excluded_from_mutability_is_what_counts(
    cluster: EksCluster, move_tag: Callable[[], str]
) -> None:
    cluster.ecr.put_image_tag_mutability(
        repositoryName=REPOSITORY,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[
            {"filterType": "WILDCARD", "filter": "lat*"},
            {"filterType": "WILDCARD", "filter": "*2"},
        ],
    )
    old = mirror(cluster).source_digest
    move_tag()
    mirror(cluster)
    # The tag was moved back on purpose: newer images do not matter.
    assert mirror(cluster, f"{SOURCE}@{old}").action == "updated"
    assert find_image.fn(cluster, SOURCE, REPOSITORY).identifier.endswith(old)


def test_chosen_platforms_make_another_image_which_is_known_in_advance(cluster: EksCluster) -> None:
    planned = mirror(cluster, platforms=("linux/arm64",), plan=True)
    outcome = mirror(cluster, platforms=("linux/arm64",))
    digest = outcome.identifier.partition("@")[2]
    assert digest != outcome.source_digest
    assert planned.identifier == outcome.identifier
    assert tags(cluster) == {digest: ["2", f"2-{digest[7:19]}"]}
    assert mirror(cluster, platforms=("linux/arm64",)).action == "unchanged"


def test_a_pinned_image_stays_when_its_tag_moves_on(cluster: EksCluster, move_tag: Callable[[], str]) -> None:
    old = mirror(cluster, plan=True).source_digest
    new = move_tag()
    outcome = mirror(cluster, f"{SOURCE}@{old}")
    assert outcome.source_digest == old
    assert f"the tag 2 names {new} now" in outcome.note
    assert tags(cluster) == {old: ["2", f"2-{old[7:19]}"]}


def test_an_image_named_by_digest_alone_is_tagged_by_it(cluster: EksCluster) -> None:
    digest = mirror(cluster, plan=True).source_digest
    source = f"{SOURCE.rpartition(':')[0]}@{digest}"
    mirror(cluster, source)
    assert tags(cluster) == {digest: [f"sha256-{digest[7:19]}"]}
    assert mirror(cluster, source).action == "unchanged"
    assert find_image.fn(cluster, source, REPOSITORY).identifier.endswith(digest)


def test_signatures_come_with_their_image_if_asked_for(cluster: EksCluster, upstream: UpstreamRegistry) -> None:
    mirror(cluster)
    held = upstream.repositories.find("amazonlinux/amazonlinux")
    assert held is not None
    index = held.find("2")
    assert index is not None
    image = next(iter(held.manifests.values()))
    subject = {"mediaType": index.media_type, "digest": index.digest, "size": len(index.content)}
    signature = {**image.document, "artifactType": "application/vnd.example.signature", "subject": subject}
    upstream.repositories.put(held, Manifest(json.dumps(signature).encode(), image.media_type), None)

    assert mirror(cluster).action == "unchanged"
    assert mirror(cluster, include_referrers=True).action == "updated"
    details = cluster.ecr.describe_images(repositoryName=REPOSITORY)["imageDetails"]
    assert [detail["subjectManifestDigest"] for detail in details if "subjectManifestDigest" in detail] == [
        index.digest
    ]
    assert mirror(cluster, include_referrers=True).action == "unchanged"
    part = mirror(cluster, include_referrers=True, platforms=("linux/arm64",))
    assert f"what refers to the whole index {index.digest}, such as its signature, is not copied" in part.note


@pytest.mark.parametrize(("mounting", "copied"), [("ENABLED", False), ("DISABLED", True)])
def test_copies_of_a_run_share_layers_where_the_account_mounts_them(
    cluster: EksCluster, mounting: str, copied: bool
) -> None:
    cluster.ecr.put_account_setting(name="BLOB_MOUNTING", value=mounting)
    cluster.ecr.create_repository(repositoryName="mirror/second")
    registry = PrivateRegistry(cluster)
    first = mirror(cluster, registry=registry)
    second = mirror_image.fn(cluster, SOURCE, "mirror/second", registry=registry)
    assert first.bytes_copied == second.bytes_copied + second.bytes_skipped > 100_000
    assert (second.bytes_copied > 0) is copied


def test_a_plan_copies_nothing(cluster: EksCluster) -> None:
    outcome = mirror(cluster, plan=True)
    assert (outcome.action, outcome.planned, outcome.bytes_copied) == ("created", True, 0)
    assert tags(cluster) == {}


def test_what_was_mirrored_is_found_and_what_was_not_is_explained(cluster: EksCluster) -> None:
    with pytest.raises(OperationError, match="run mirror_images, or setup_batch with image_source `mirror`"):
        find_image.fn(cluster, SOURCE, REPOSITORY)
    later = find_image.fn(cluster, SOURCE, REPOSITORY, mirrored_later=True)
    assert (later.action, later.planned, later.identifier.rpartition("/")[2]) == ("created", True, "linux:2")
    mirrored = mirror(cluster)
    found = find_image.fn(cluster, SOURCE, REPOSITORY)
    assert (found.action, found.identifier) == ("unchanged", mirrored.identifier)


@pytest.mark.parametrize(
    "host", ["123456789012.dkr.ecr.us-east-1.amazonaws.com", "123456789012.dkr-ecr.us-east-1.on.aws"]
)
def test_an_image_under_another_name_of_the_registry_is_pinned(cluster: EksCluster, host: str) -> None:
    mirrored = mirror(cluster)
    assert find_image.fn(cluster, f"{host}/{REPOSITORY}:2").identifier == mirrored.identifier


@pytest.mark.parametrize(
    "host",
    [
        "999999999999.dkr.ecr.us-east-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "999999999999.dkr-ecr.us-east-1.on.aws",
    ],
)
def test_an_image_of_another_account_or_region_is_left_as_it_is(cluster: EksCluster, host: str) -> None:
    mirror(cluster)
    source = f"{host}/{REPOSITORY}:2"
    found = find_image.fn(cluster, source)
    assert (found.action, found.identifier) == ("unchanged", source)
    assert f"left as it is, in the registry {host}" in found.note
