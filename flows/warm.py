"""Have ECR cache public images, where there is a route to the internet."""

from prefect import flow

from blocks.eks_cluster import EksCluster
from flows.images import check_rules, pull_images_through
from specs.flow_parameters import CacheRules, ImageReferences, Switch
from specs.pull_through_cache_rule import PullThroughCacheRuleSpec
from tasks.private_registry import PrivateRegistry
from tasks.report import Report, report_outcomes

TUTORIAL_IMAGES = ["public.ecr.aws/amazonlinux/amazonlinux:2"]
TUTORIAL_RULES = [PullThroughCacheRuleSpec()]


@flow(name="warm-cache", flow_run_name="warm the pull-through cache of {cluster.cluster_name}")
def warm_cache(
    cluster: EksCluster,
    images: ImageReferences = TUTORIAL_IMAGES,
    rules: CacheRules = TUTORIAL_RULES,
    plan: Switch = False,
    adopt: Switch = False,
) -> Report:
    """Pull images through ECR's cache for the first time, which a private VPC without the internet cannot.

    Afterwards setup_batch with image_source pull_through, and every node, finds them in the private registry. The flow
    needs the internet and AWS, not the cluster's own network, and can be run again at any time: what is cached stays,
    and ECR looks for newer images at most once a day.

    Args:
        cluster: The cluster whose account and region have the registry, and who calls AWS.
        images: References of the images, such as public.ecr.aws/amazonlinux/amazonlinux:2.
        rules: The pull-through cache rules, as setup_batch has them; the first that covers an image is used.
        plan: Show what would change and change nothing.
        adopt: Change the credentials of rules that exist.

    Returns:
        The outcome of every step; also shown as the artifact warm-cache.

    Raises:
        OperationError: If an image is covered by no rule.
        StepsFailedError: If steps failed, with the cause and the next step of each.
    """
    registry = PrivateRegistry(cluster).host
    sources = list(dict.fromkeys(images))
    check_rules(sources, rules, registry)
    pulled, made = pull_images_through(cluster, sources, rules, {"plan": plan, "adopt": adopt})
    title = f"Pull-through cache of {cluster.cluster_name}" + (" (plan)" if plan else "")
    return report_outcomes(title, [*made, *pulled.values()], key="warm-cache")
