"""The images of job definitions, brought to where nodes can pull them; no cluster is needed for that."""

from typing import Any

import pytest
from prefect import flow

from blocks.eks_cluster import EksCluster
from flows.images import check_rules, images_to_mirror, provide_images
from sandbox.remote import RemoteSandbox
from specs.container_images import images_of
from specs.image_source import ImageSource
from specs.platform import PlatformSpec
from tasks.job_definition import ensure_job_definition, newest_revision
from tasks.private_registry import PrivateRegistry
from tasks.report import Report, report_outcomes

# The registries are the same whoever serves Kubernetes.
pytestmark = pytest.mark.parametrize("sandbox", ["embedded"], indirect=True)

LINUX = "public.ecr.aws/amazonlinux/amazonlinux"
NAME = "mine/amazonlinux/amazonlinux"
FOREIGN = "999999999999.dkr.ecr.eu-west-1.amazonaws.com/team/app:1"


@flow
def provide(cluster: EksCluster, platform: PlatformSpec, image_source: ImageSource) -> Report:
    """What setup does for images and definitions."""
    options: dict[str, Any] = {"plan": False, "adopt": False}
    host = PrivateRegistry(cluster).host
    images, before = provide_images(cluster, platform, host, image_source, options, None)
    definitions = [
        ensure_job_definition.submit(cluster, spec, [images[image] for image in images_of(spec)], **options)
        for spec in platform.job_definitions
    ]
    return report_outcomes("Images", [*before, *images.values(), *definitions], key="images")


def wanted(platform: PlatformSpec, containers: list[str], init_containers: list[str], **more: Any) -> PlatformSpec:
    """The platform with one job definition of these images."""
    pod = {
        "containers": [{"name": f"main-{index}", "image": image} for index, image in enumerate(containers)],
        "initContainers": [{"name": f"init-{index}", "image": image} for index, image in enumerate(init_containers)],
    }
    definition = {"jobDefinitionName": "both", "type": "container", "eksProperties": {"podProperties": pod}}
    document = platform.model_dump(by_alias=True, exclude_unset=True)
    return PlatformSpec.model_validate({**document, "jobDefinitions": [definition], **more})


def defined_images(cluster: EksCluster) -> dict[str, str]:
    """The image of every container of the definition, by the container's name."""
    pod = (newest_revision(cluster, "both") or {})["eksProperties"]["podProperties"]
    return {container["name"]: container["image"] for container in [*pod["initContainers"], *pod["containers"]]}


def test_two_tags_of_a_repository_share_it_and_init_containers_get_theirs_too(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    repositories = {"prefix": "mine", "imageScanningConfiguration": {"scanOnPush": True}, "lifecyclePolicy": {}}
    containers, init_containers = [f"{LINUX}:2", FOREIGN], [f"{LINUX}:2023"]
    both = wanted(platform, containers, init_containers, repositories=repositories)
    # What setup shows the progress of.
    copied = images_to_mirror(both, sandbox.env["PRIVATE_REGISTRY"])
    assert [(order.name, order.repository_name) for order in copied] == [
        (f"{LINUX}:2023", NAME),
        (f"{LINUX}:2", NAME),
    ]
    report = provide(cluster, both, "mirror")
    assert [(outcome.step, outcome.name) for outcome in report.outcomes] == [
        ("repository", NAME),
        ("lifecycle policy", NAME),
        ("image", f"{LINUX}:2023"),
        ("image", f"{LINUX}:2"),
        ("image", FOREIGN),
        ("job definition", "both"),
    ]
    described = cluster.ecr.describe_repositories(repositoryNames=[NAME])["repositories"]
    assert described[0]["imageScanningConfiguration"] == {"scanOnPush": True}
    digests = {
        tag: image["imageDigest"]
        for image in cluster.ecr.describe_images(repositoryName=NAME)["imageDetails"]
        for tag in image.get("imageTags", [])
    }
    mirrored = f"{sandbox.env['PRIVATE_REGISTRY']}/{NAME}@"
    assert defined_images(cluster) == {
        "init-0": mirrored + digests["2023"],
        "main-0": mirrored + digests["2"],
        "main-1": FOREIGN,
    }


def test_an_image_of_another_account_needs_no_pull_through_cache_rule(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    # The repository is named as one that the rule fills.
    foreign = f"{FOREIGN.partition('/')[0]}/my-prefix/app:1"
    check_rules([foreign], platform.pull_through_cache_rules, sandbox.env["PRIVATE_REGISTRY"])
    report = provide(cluster, wanted(platform, [foreign], []), "pull_through")
    assert [(outcome.step, outcome.action) for outcome in report.outcomes] == [
        ("image", "unchanged"),
        ("job definition", "created"),
    ]
    assert not [call for call in sandbox.calls() if call["operation"] == "CreatePullThroughCacheRule"]
