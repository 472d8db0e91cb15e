"""Steps 8 and 9: images brought to where nodes can pull them."""

from collections.abc import Mapping, Sequence
from typing import Any

from prefect.futures import PrefectFuture

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from registry.reference import Reference
from specs.container_images import images_of
from specs.image_source import ImageSource
from specs.lifecycle_policy import LifecyclePolicySpec
from specs.mirror import MirrorImage, MirrorSpec
from specs.platform import PlatformSpec
from specs.pull_through_cache_rule import PullThroughCacheRuleSpec
from tasks.image import find_image, mirror_image
from tasks.lifecycle_policy import ensure_lifecycle_policy
from tasks.mirror_deployment import run_mirror_deployment
from tasks.mirror_order import MirrorOrder, mirror_orders
from tasks.mirror_progress import MirrorProgress
from tasks.private_registry import PrivateRegistry, is_ecr
from tasks.pull_through_cache_rule import ensure_pull_through_cache_rule
from tasks.pull_through_image import pull_through_image
from tasks.repository import ensure_repository

Futures = list[PrefectFuture[Any]]
Images = dict[str, PrefectFuture[Any]]


def check_rules(sources: Sequence[str], rules: Sequence[PullThroughCacheRuleSpec], registry: str) -> None:
    """Refuse images that ECR cannot fetch, before anything is changed.

    Args:
        sources: References of the images; those in a private ECR need no rule.
        rules: The pull-through cache rules.
        registry: Host of the private registry.

    Raises:
        OperationError: If no rule fetches one of the images; all of them are named.
    """
    public = [source for source in sources if not _is_private(source, registry)]
    lacking = [source for source in public if not any(rule.private_repository(source) for rule in rules)]
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
    options: dict[str, Any],
) -> tuple[Images, Futures]:
    """Submit the rules that the images need, and the first pull of each image.

    Args:
        cluster: Gives the clients.
        sources: References of the images.
        rules: The pull-through cache rules; the first that covers an image is used.
        options: `plan` and `adopt`.

    Returns:
        The outcome of each image by its reference, and the rules before them.
    """
    plan = {"plan": options["plan"]}
    registry = PrivateRegistry(cluster)
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
        return pull_images_through(cluster, sources, platform.pull_through_cache_rules, options)
    orders = {order.name: order for order in images_to_mirror(platform, registry)}
    plan, private = options["plan"], PrivateRegistry(cluster)
    made: Images = {}
    if image_source == "mirror":
        policy = platform.repositories.lifecycle_policy
        made = make_repositories(cluster, list(orders.values()), policy, options)
    by_deployment = image_source == "mirror_by_deployment" and bool(orders)
    if by_deployment and not plan:
        made["deployment"] = _mirror_by_deployment(cluster, orders)
    later: dict[str, Any] = {"mirrored_later": by_deployment and plan}
    images: Images = {}
    for source in sources:
        order = orders.get(source)
        if order is None:
            images[source] = find_image.submit(cluster, source)
        elif image_source == "mirror":
            images[source] = copy_order(cluster, order, private, progress, made, plan=plan)
        else:
            name = order.repository_name
            images[source] = find_image.submit(cluster, source, name, **later, wait_for=list(made.values()))
    return images, list(made.values())


def images_to_provide(platform: PlatformSpec) -> list[str]:
    """Every image of the job definitions, each once."""
    return list(dict.fromkeys(image for spec in platform.job_definitions for image in images_of(spec)))


def images_to_mirror(platform: PlatformSpec, registry: str) -> list[MirrorOrder]:
    """Where every public image of the job definitions is mirrored to.

    Args:
        platform: The job definitions, and what their images' repositories are like.
        registry: Host of the private registry.

    Raises:
        OperationError: If two of them would be given the same place.
    """
    public = [source for source in images_to_provide(platform) if not _is_private(source, registry)]
    if not public:
        return []
    images = [MirrorImage(source=source) for source in public]
    return mirror_orders(MirrorSpec(images=images, repositories=platform.repositories), registry)


def make_repositories(
    cluster: EksCluster, orders: Sequence[MirrorOrder], policy: LifecyclePolicySpec | None, options: dict[str, Any]
) -> Images:
    """Submit the repositories of images, each once, and their lifecycle policies.

    Args:
        cluster: Gives the clients.
        orders: The images.
        policy: What ECR removes by itself; None leaves it alone.
        options: `plan` and `adopt`.

    Returns:
        The outcomes of the repositories by name, and of their policies: an image needs none, so it waits for none.
    """
    made: Images = {}
    for order in orders:
        name = order.repository_name
        if name not in made:
            made[name] = ensure_repository.submit(cluster, order.repository, **options)
            if policy:
                after = [made[name]]
                made[f"policy of {name}"] = ensure_lifecycle_policy.submit(
                    cluster, name, policy, **options, wait_for=after
                )
    return made


def copy_order(
    cluster: EksCluster,
    order: MirrorOrder,
    registry: PrivateRegistry,
    progress: MirrorProgress | None,
    after: Mapping[str, PrefectFuture[Any]],
    *,
    plan: bool,
) -> PrefectFuture[Any]:
    """Submit the copy of one image, once its repository is there.

    Args:
        cluster: Gives the clients.
        order: The image.
        registry: The private registry, whose connections all copies share.
        progress: Shows how far the copy is.
        after: The outcomes of the repositories by name.
        plan: Report only.
    """
    options: dict[str, Any] = {
        "registry": registry,
        "platforms": order.platforms,
        "include_referrers": order.include_referrers,
        "progress": progress,
        "plan": plan,
    }
    name = order.repository_name
    future: PrefectFuture[Any] = mirror_image.submit(cluster, order.name, name, **options, wait_for=[after[name]])
    return future


def _mirror_by_deployment(cluster: EksCluster, orders: Mapping[str, MirrorOrder]) -> PrefectFuture[Any]:
    """One run of the deployment for all public images."""
    images = [MirrorImage(source=name, repository=order.repository_name) for name, order in orders.items()]
    return run_mirror_deployment.submit(cluster, images)


def _is_private(source: str, registry: str) -> bool:
    """Whether an image is in a private ECR already, ours or another."""
    host = Reference.parse(source).host
    return host == registry or is_ecr(host)


def _rule_for(
    source: str, rules: Sequence[PullThroughCacheRuleSpec], registry: PrivateRegistry
) -> PullThroughCacheRuleSpec | None:
    """The rule that fetches an image, or that fills the repository of one named as it is in the cache."""
    origin = Reference.parse(source)
    if registry.is_called(origin.host):
        return next((rule for rule in rules if rule.fills(origin.repository)), None)
    return next((rule for rule in rules if rule.private_repository(source)), None)
