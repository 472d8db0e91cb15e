"""Steps 8 and 9 of setup: every image of the job definitions brought to where nodes can pull it."""

from typing import Any, Literal

from prefect.futures import PrefectFuture

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from registry.reference import Reference
from specs.container_images import images_of
from specs.platform import PlatformSpec
from specs.pull_through_cache_rule import PullThroughCacheRuleSpec
from tasks.image import find_image, mirror_image, private_repository
from tasks.pull_through_cache_rule import ensure_pull_through_cache_rule
from tasks.pull_through_image import pull_through_image
from tasks.repository import ensure_repository

ImageSource = Literal["mirror", "already_mirrored", "pull_through"]
Futures = list[PrefectFuture[Any]]
Images = dict[str, PrefectFuture[Any]]


def check_images(platform: PlatformSpec, registry: str, image_source: ImageSource) -> None:
    """Refuse images that the chosen source cannot bring, before anything is changed.

    Args:
        platform: The job definitions and the rules.
        registry: Host of the private registry.
        image_source: Where images come from.

    Raises:
        OperationError: If no pull-through cache rule fetches one of the images; all of them are named.
    """
    if image_source != "pull_through":
        return
    lacking = [
        source
        for source in _sources(platform)
        if private_repository(source, registry, "") and _rule_for(source, registry, platform) is None
    ]
    if lacking:
        upstreams = ", ".join(rule.upstream_registry_url for rule in platform.pull_through_cache_rules)
        raise OperationError(
            f"images {', '.join(lacking)}",
            f"no pull-through cache rule fetches them: there are rules for {upstreams or 'nothing'}",
            "ECR fetches images only from the registries that rules name",
            "add rules for their registries to pullThroughCacheRules, or use image_source `mirror`",
        )


def provide_images(
    cluster: EksCluster, platform: PlatformSpec, registry: str, image_source: ImageSource, options: dict[str, Any]
) -> tuple[Images, Futures]:
    """Submit what brings the images.

    Args:
        cluster: Gives the clients.
        platform: The job definitions, and what is wanted for their images.
        registry: Host of the private registry.
        image_source: Where images come from.
        options: `plan` and `adopt`.

    Returns:
        The outcome of each image by its reference, and the steps before them.
    """
    futures: Futures = []
    plan = {"plan": options["plan"]}
    images: Images = {}
    rules: dict[str, PrefectFuture[Any]] = {}
    for source in _sources(platform):
        repository = private_repository(source, registry, platform.repository_prefix)
        rule = _rule_for(source, registry, platform) if image_source == "pull_through" else None
        if rule is not None:
            prefix = rule.ecr_repository_prefix
            if prefix not in rules:
                rules[prefix] = ensure_pull_through_cache_rule.submit(cluster, rule, **options)
            images[source] = pull_through_image.submit(cluster, source, rule, **plan, wait_for=[rules[prefix]])
        elif repository is None:
            images[source] = find_image.submit(cluster, source)
        elif image_source == "already_mirrored":
            images[source] = find_image.submit(cluster, source, repository.repository_name)
        else:
            made = ensure_repository.submit(cluster, repository, **options)
            images[source] = mirror_image.submit(cluster, source, repository.repository_name, **plan, wait_for=[made])
            futures.append(made)
    return images, [*rules.values(), *futures]


def _sources(platform: PlatformSpec) -> list[str]:
    return list(dict.fromkeys(image for spec in platform.job_definitions for image in images_of(spec)))


def _rule_for(source: str, registry: str, platform: PlatformSpec) -> PullThroughCacheRuleSpec | None:
    """The rule that fetches a public image, or that fills the repository of one named as it is in the cache."""
    rules = platform.pull_through_cache_rules
    if private_repository(source, registry, ""):
        return next((rule for rule in rules if rule.private_repository(source)), None)
    repository = Reference.parse(source).repository
    return next((rule for rule in rules if rule.fills(repository)), None)
