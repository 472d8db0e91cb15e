"""Job definitions whose image has a newer digest in the mirror: listed, and registered anew only if asked."""

from collections.abc import Callable
from typing import Any

import pytest

from blocks.eks_cluster import EksCluster
from sandbox.registries.registry import UpstreamRegistry
from specs.job_definition import JobDefinitionSpec
from tasks.definition_refresh import StaleDefinition, find_stale_definitions, refresh_definition
from tasks.image import MirroredImage, mirror_image
from tasks.job_definition import ensure_job_definition, newest_revision

SOURCE = "public.ecr.aws/amazonlinux/amazonlinux:2"
REPOSITORY = "mirror/linux"
NAME = "MyJobOnEks_Sleep"


@pytest.fixture
def cluster(upstream: UpstreamRegistry) -> EksCluster:
    """The sandbox's cluster, with a repository for the mirror."""
    found = EksCluster(cluster_name="my-test-cluster")
    found.ecr.create_repository(repositoryName=REPOSITORY)
    return found


@pytest.fixture
def moved(cluster: EksCluster, define: Callable[..., str], move_tag: Callable[[], str]) -> MirroredImage:
    """The image mirrored anew, after a definition of ours and one of somebody else's took the old digest."""
    old = mirror(cluster)
    document = {**JobDefinitionSpec().to_document(), "timeout": {"attemptDurationSeconds": 600}, "tags": {"a": "b"}}
    ensure_job_definition.fn(cluster, _with_source(document), [old])
    define(cluster, "by-hand", old.identifier)
    move_tag()
    return mirror(cluster)


def _with_source(document: dict[str, Any]) -> JobDefinitionSpec:
    document["eksProperties"]["podProperties"]["containers"][0]["image"] = SOURCE
    return JobDefinitionSpec.from_document(document)


def mirror(cluster: EksCluster, source: str = SOURCE) -> MirroredImage:
    return mirror_image.fn(cluster, source, REPOSITORY)


def stale(cluster: EksCluster, *images: MirroredImage) -> dict[str, StaleDefinition]:
    return {found.name: found for found in find_stale_definitions.fn(cluster, images)}


def image_of(revision: dict[str, Any] | None) -> str:
    assert revision is not None
    return str(revision["eksProperties"]["podProperties"]["containers"][0]["image"])


def test_they_are_listed_and_left_alone(cluster: EksCluster, moved: MirroredImage) -> None:
    found = stale(cluster, moved)
    assert set(found) == {NAME, "by-hand"}
    outcome = refresh_definition.fn(cluster, found[NAME], register=False)
    assert outcome.action == "unchanged"
    assert f"{NAME}:1 names an older image" in outcome.note
    assert moved.identifier in outcome.note
    assert (newest_revision(cluster, NAME) or {})["revision"] == 1


def test_a_refreshed_one_differs_in_its_image_only(cluster: EksCluster, moved: MirroredImage) -> None:
    before = newest_revision(cluster, NAME) or {}
    found = stale(cluster, moved)[NAME]
    assert refresh_definition.fn(cluster, found, register=True, plan=True).planned
    outcome = refresh_definition.fn(cluster, found, register=True)
    assert outcome.action == "updated"
    after = newest_revision(cluster, NAME) or {}
    assert (after["revision"], image_of(after)) == (2, moved.identifier)
    assert after["timeout"] == before["timeout"]
    assert after["tags"]["a"] == "b"
    # The other's revision is stale still, ours is not.
    assert set(stale(cluster, moved)) == {"by-hand"}


def test_one_that_is_not_ours_is_registered_only_when_handed_over(cluster: EksCluster, moved: MirroredImage) -> None:
    found = stale(cluster, moved)["by-hand"]
    listed = refresh_definition.fn(cluster, found, register=True)
    assert listed.action == "unchanged"
    assert "run with refresh_definitions and adopt, since it was not made by these flows" in listed.note
    assert refresh_definition.fn(cluster, found, register=True, adopt=True).action == "updated"
    assert image_of(newest_revision(cluster, "by-hand")) == moved.identifier


def test_another_tag_of_the_repository_is_not_older(cluster: EksCluster, define: Callable[..., str]) -> None:
    images = [mirror(cluster), mirror(cluster, SOURCE.replace(":2", ":2023"))]
    for number, image in enumerate(images):
        define(cluster, f"definition-{number}", image.identifier)
    assert stale(cluster, *images) == {}


def test_only_the_newest_revision_counts(cluster: EksCluster, define: Callable[..., str], moved: MirroredImage) -> None:
    define(cluster, "by-hand", "public.ecr.aws/other/image:1")
    assert set(stale(cluster, moved)) == {NAME}
