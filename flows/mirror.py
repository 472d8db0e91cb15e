"""Mirror public images to the private registry, which nodes of a private cluster pull from."""

from typing import Any, cast

from prefect import flow
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from blocks.eks_cluster import EksCluster
from flows.images import copy_order, make_repositories
from specs.flow_parameters import Images, ImagesFile, Switch
from specs.mirror import MirrorImage, MirrorRepositories, MirrorSpec
from tasks.definition_refresh import find_stale_definitions, refresh_definition
from tasks.mirror_file import read_mirror_file
from tasks.mirror_order import mirror_orders
from tasks.mirror_progress import MirrorProgress
from tasks.mirror_report import MirrorReport, report_images
from tasks.private_registry import PrivateRegistry
from tasks.report import report_outcomes

TUTORIAL_IMAGES = [MirrorImage(source="public.ecr.aws/amazonlinux/amazonlinux:2")]
TUTORIAL_REPOSITORIES = MirrorRepositories()
Future = PrefectFuture[Any]
# Images that are copied at the same time; each copies several blobs at once.
FOUR_AT_ONCE = cast(TaskRunner[Future], ThreadPoolTaskRunner(max_workers=4))


@flow(
    name="mirror-images",
    flow_run_name="mirror images for {cluster.cluster_name}",
    task_runner=FOUR_AT_ONCE,
)
def mirror_images(
    cluster: EksCluster,
    images: Images = TUTORIAL_IMAGES,
    repositories: MirrorRepositories = TUTORIAL_REPOSITORIES,
    images_file: ImagesFile = "",
    refresh_definitions: Switch = False,
    plan: Switch = False,
    adopt: Switch = False,
) -> MirrorReport:
    """Copy public images to the private registry, or bring what was copied before up to date.

    Only what is missing is copied, so the flow can be run again at any time: after a failure it copies the rest. It
    needs the internet and AWS, not the cluster's own network.

    Args:
        cluster: The cluster whose account and region have the registry, and who calls AWS.
        images: The images.
        repositories: What their private repositories have in common; they are created where they are missing.
        images_file: A YAML file on the worker with images and repositories, taken instead of the two above; empty for
            none.
        refresh_definitions: Register job definitions anew whose image is one of these at an older digest. Otherwise
            they are only listed.
        plan: Show what would change and change nothing.
        adopt: Bring repositories and job definitions that were made by other means in line and mark them as ours.

    Returns:
        The outcome of every step and image; also shown as the artifacts mirror-images and mirrored-images.

    Raises:
        StepsFailedError: If images could not be mirrored, with the cause and the next step of each. The others were.
    """
    spec = read_mirror_file(images_file) if images_file else MirrorSpec(images=images, repositories=repositories)
    registry = PrivateRegistry(cluster)
    orders = mirror_orders(spec, registry.host)
    options = {"plan": plan, "adopt": adopt}
    made = make_repositories(cluster, orders, spec.repositories.lifecycle_policy, options)
    shown = [(order.name, order.repository_name) for order in orders]
    with MirrorProgress("mirror-progress", shown) as progress:
        copies = [copy_order(cluster, order, registry, progress, made, plan=plan) for order in orders]
        mirrored = report_images(orders, copies, key="mirrored-images")
    stale = find_stale_definitions.submit(cluster, mirrored)
    found = stale.result(raise_on_failure=False)
    definitions = [
        refresh_definition.submit(cluster, one, register=refresh_definitions, **options)
        for one in (found if isinstance(found, list) else ())
    ]
    title = f"Images for {cluster.cluster_name}" + (" (plan)" if plan else "")
    report = report_outcomes(title, [*made.values(), *copies, stale, *definitions], key="mirror-images")
    return MirrorReport(outcomes=report.outcomes, images=mirrored)
