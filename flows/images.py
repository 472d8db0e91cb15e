"""Steps 8 and 9: images brought to where nodes can pull them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from prefect.futures import PrefectFuture

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from registry.reference import Reference
from specs.container_images import images_of
from specs.mirror import MirrorImage
from specs.platform import PlatformSpec
from specs.pull_through_cache_rule import PullThroughCacheRuleSpec
from specs.repository import RepositorySpec
from tasks.image import find_image, mirror_image, private_repository
from tasks.mirror_deployment import run_mirror_deployment
from tasks.mirror_progress import MirrorProgress
from tasks.private_registry import PrivateRegistry
from tasks.pull_through_cache_rule import ensure_pull_through_cache_rule
from tasks.pull_through_image import pull_through_image
from tasks.repository import ensure_repository

ImageSource = Literal["mirror", "already_mirrored", "mirror_by_deployment", "pull_through"]
Futures = list[PrefectFuture[Any]]
Images = dict[str, PrefectFuture[Any]]


def check_rules(sources: Sequence[str], rules: Sequence[PullThroughCacheRuleSpec], registry: str) -> None:
    """Refuse images that ECR cannot fetch, before anything is changed.

    Args:
        sources: References of the images; those in the private registry need no rule.
        rules: The pull-through cache rules.
        registry: Host of the private registry.

    Raises:
        OperationError: If no rule fetches one of the images; all of them are named.
    """
    public = [source for source in sources if private_repository(source, registry, "")]
    lacking = [source for source in public if _rule_for(source, rules, registry) is None]
    if lacking:
        upstreams = ", ".join(rule.upstream_registry_url for rule in rules)
        raise OperationError(
            f"images {', '.join(lacking)}",
            f"no pull-through cache rule fetches them: there are rules for {upstreams or 'nothing'}",
            "ECR fetches images only from the registries that rules name",
            "add rules for their registries to pullThroughCacheRules, or use image_source `mirror`",
        )


def pull_images_through(
    cluster: EksCluster,
    sources: Sequence[str],
    rules: Sequence[PullThroughCacheRuleSpec],
    registry: str,
    options: dict[str, Any],
) -> tuple[Images, Futures]:
    """Submit the rules that the images need, and the first pull of each image.

    Args:
        cluster: Gives the clients.
        sources: References of the images.
        rules: The pull-through cache rules; the first that covers an image is used.
        registry: Host of the private registry.
        options: `plan` and `adopt`.

    Returns:
        The outcome of each image by its reference, and the rules before them.
    """
    plan = {"plan": options["plan"]}
    images: Images = {}
    made: Images = {}
    for source in sources:
        rule = _rule_for(source, rules, registry)
        if rule is None:
            images[source] = find_image.submit(cluster, source)
            continue
        prefix = rule.ecr_repository_prefix
        if prefix not in made:
            made[prefix] = ensure_pull_through_cache_rule.submit(cluster, rule, **options)
        images[source] = pull_through_image.submit(cluster, source, rule, **plan, wait_for=[made[prefix]])
    return images, list(made.values())


def provide_images(
    cluster: EksCluster,
    platform: PlatformSpec,
    registry: str,
    image_source: ImageSource,
    options: dict[str, Any],
    progress: MirrorProgress | None,
) -> tuple[Images, Futures]:
    """Submit what brings the images.

    Args:
        cluster: Gives the clients.
        platform: The job definitions, and what is wanted for their images.
        registry: Host of the private registry.
        image_source: Where images come from.
        options: `plan` and `adopt`.
        progress: Shows how far copies are.

    Returns:
        The outcome of each image by its reference, and the steps before them.
    """
    sources = images_to_provide(platform)
    if image_source == "pull_through":
        return pull_images_through(cluster, sources, platform.pull_through_cache_rules, registry, options)
    repositories = {source: private_repository(source, registry, platform.repository_prefix) for source in sources}
    plan: dict[str, Any] = {"plan": options["plan"]}
    later: dict[str, Any] = {}
    futures: Futures = []
    if image_source == "mirror_by_deployment" and any(repositories.values()):
        later = {"mirrored_later": options["plan"]}
        if not options["plan"]:
            futures.append(_mirror_by_deployment(cluster, repositories))
    images: Images = {}
    private = PrivateRegistry(cluster)
    for source, repository in repositories.items():
        if repository is None:
            images[source] = find_image.submit(cluster, source)
        elif image_source == "mirror":
            made = ensure_repository.submit(cluster, repository, **options)
            name = repository.repository_name
            shared: dict[str, Any] = {"registry": private, "progress": progress}
            images[source] = mirror_image.submit(cluster, source, name, **shared, **plan, wait_for=[made])
            futures.append(made)
        else:
            name = repository.repository_name
            images[source] = find_image.submit(cluster, source, name, **later, wait_for=list(futures))
    return images, futures


def _mirror_by_deployment(cluster: EksCluster, repositories: Mapping[str, RepositorySpec | None]) -> PrefectFuture[Any]:
    """One run of the deployment for all public images."""
    images = [MirrorImage(source=one, repository=spec.repository_name) for one, spec in repositories.items() if spec]
    return run_mirror_deployment.submit(cluster, images)


def images_to_provide(platform: PlatformSpec) -> list[str]:
    """Every image of the job definitions, each once."""
    return list(dict.fromkeys(image for spec in platform.job_definitions for image in images_of(spec)))


def _rule_for(source: str, rules: Sequence[PullThroughCacheRuleSpec], registry: str) -> PullThroughCacheRuleSpec | None:
    """The rule that fetches a public image, or that fills the repository of one named as it is in the cache."""
    if private_repository(source, registry, ""):
        return next((rule for rule in rules if rule.private_repository(source)), None)
    repository = Reference.parse(source).repository
    return next((rule for rule in rules if rule.fills(repository)), None)
