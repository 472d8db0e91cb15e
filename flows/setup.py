"""Set up AWS Batch on a private EKS cluster: the tutorial, step by step, safe to repeat."""

from contextlib import nullcontext
from typing import Any

from prefect import flow

from blocks.eks_cluster import EksCluster
from flows.images import Futures, check_rules, images_to_mirror, images_to_provide, provide_images
from flows.rollback import rolled_back
from specs.container_images import images_of
from specs.flow_parameters import Hours, Switch
from specs.identity_choice import IdentityChoice
from specs.identity_mapping import batch_role_mapping, node_role_mapping
from specs.image_source import ImageSource
from specs.platform import PlatformSpec
from specs.rbac import (
    batch_cluster_role,
    batch_cluster_role_binding,
    batch_namespace_role,
    batch_namespace_role_binding,
)
from tasks.batch_entry import wait_for_batch_entry
from tasks.cluster_lock import cluster_lock
from tasks.cluster_role import ensure_cluster_role, ensure_cluster_role_binding
from tasks.compute_environment import ensure_compute_environment
from tasks.compute_environment_generation import Generation, choose_generation
from tasks.compute_environment_health import wait_until_valid
from tasks.compute_environment_retirement import ComputeEnvironmentRetirement
from tasks.container_logs import ensure_container_logs
from tasks.discovery import ClusterFacts, discover
from tasks.identity_choice import decide_identity
from tasks.identity_mapping import ensure_identity_mapping
from tasks.job_definition import ensure_job_definition
from tasks.job_identity import ensure_job_identity
from tasks.job_queue import ensure_job_queue
from tasks.mirror_progress import MirrorProgress
from tasks.namespace import ensure_namespace
from tasks.namespace_access_policy import ensure_namespace_access_policy
from tasks.namespace_removal import former_namespace, namespaces_left
from tasks.namespace_role import ensure_namespace_role, ensure_namespace_role_binding
from tasks.node_access_entry import ensure_node_access_entry
from tasks.optional_parts import OptionalPartsWarnings, check_optional_parts
from tasks.pod_identity_association import ensure_pod_identity_association
from tasks.queue_architecture import check_queue_architecture
from tasks.removal import remove
from tasks.report import Report, report_outcomes
from tasks.scheduling_policy import ensure_scheduling_policy
from tasks.service_linked_role import ensure_service_linked_role


@flow(name="setup-batch", flow_run_name="set up Batch on {cluster.cluster_name}")
def setup_batch(
    cluster: EksCluster,
    platform: PlatformSpec,
    image_source: ImageSource = "mirror",
    plan: Switch = False,
    adopt: Switch = False,
    rollback: Switch = False,
    replace: Switch = False,
    drain_hours: Hours = 24,
) -> Report:
    """Set up AWS Batch on a private EKS cluster, or bring an existing setup in line.

    Every step looks first and changes only what differs, so the flow can be run again at any time. Steps that do
    not depend on each other run at the same time; those that can succeed do, even where another fails.

    Args:
        cluster: The cluster, and who calls it.
        platform: What to set up. The instance profile of the nodes is the one thing without a default.
        image_source: Where images come from. mirror copies public images to the private registry, which needs the
            internet. pull_through has ECR itself fetch them by its pull-through cache rules, and pulls each once so
            that it is cached before a node wants it: that first pull needs the internet too, here or in the flow
            warm_cache. Inside a VPC without it, already_mirrored takes what is there, and mirror_by_deployment has the
            deployment mirror-images/mirror copy them on a work pool with the internet, and waits.
        plan: Show what would change and change nothing.
        adopt: Bring things of the same names that were made by other means in line and mark them as ours.
        rollback: Where steps fail, delete again what this run has made, in reverse, and nothing else. Without it what
            was made stays, and the next run goes on from there.
        replace: Where the compute environment cannot become what is wanted in place, make a new one, and once it is
            healthy have the queues go over to it, drain the old one and delete it, with a namespace of ours that
            nobody uses any more: no job is interrupted. So too where
            imageKubernetesVersion changes, which in place ends every job that outlasts the update's timeout. Without
            it the first is refused and the second done in place.
        drain_hours: How long jobs on an environment that is replaced may take to end; the run then fails, and the next
            one with replace goes on waiting.

    Returns:
        The outcome of every step; also shown as the artifact setup-batch, and the copies of images as they go as
        setup-batch-progress.

    Raises:
        OperationError: If the cluster cannot be read, Batch cannot be made known to it in the way that was asked for,
            an image is covered by no pull-through cache rule, quotas leave no room for the compute environment's
            successor, a queue would have instances of two architectures, or something is missing that the jobs'
            identity or their logs in CloudWatch rely on.
        StepsFailedError: If steps failed, with the cause and the next step of each.
    """
    with (
        nullcontext() if plan else cluster_lock(cluster.arn),
        rolled_back(cluster, platform) if rollback and not plan else nullcontext(),
    ):
        profile = platform.compute_environment.compute_resources.instance_role
        facts = discover(cluster, profile, platform.node_role_arn)
        wanted = platform.compute_environment
        environment = wanted.completed(facts.arn, facts.subnets, [facts.security_group])
        generation = choose_generation(cluster, environment, replace=replace, adopt=adopt)
        check_queue_architecture(cluster, generation, environment, platform.job_queue)
        identity = decide_identity(cluster, generation.name, wanted.desired_state)
        warnings = check_optional_parts(cluster, platform, facts)
        if image_source == "pull_through":
            check_rules(images_to_provide(platform), platform.pull_through_cache_rules, facts.registry)
        orders = images_to_mirror(platform, facts.registry) if image_source == "mirror" and not plan else []
        copies = [(order.name, order.repository_name) for order in orders]
        options = {"plan": plan, "adopt": adopt}
        with MirrorProgress("setup-batch-progress", copies) if copies else nullcontext() as progress:
            access = _give_access(cluster, platform, facts, identity, options)
            optional = _make_optional_parts(cluster, platform, warnings, options, after=access)
            definitions = _define_jobs(cluster, platform, facts, image_source, options, progress)
            queue = _make_queue(cluster, platform, facts, identity, generation, options, after=access)
            retired = _retire(cluster, generation, replace, drain_hours, plan, after=queue[-1:])
            title = f"AWS Batch on {cluster.cluster_name}" + (" (plan)" if plan else "")
            return report_outcomes(title, [*access, *optional, *queue, *retired, *definitions], key="setup-batch")


def _give_access(
    cluster: EksCluster,
    platform: PlatformSpec,
    facts: ClusterFacts,
    identity: IdentityChoice,
    options: dict[str, Any],
) -> Futures:
    """Steps 1 to 4: namespace, rights and identities."""
    name, plan = platform.namespace.name, {"plan": options["plan"]}
    service_role = ensure_service_linked_role.submit(cluster, **plan)
    namespace = ensure_namespace.submit(cluster, platform.namespace, **options)
    if identity.identity == "access-entry":
        # Batch makes its own entry with the compute environment, and Kubernetes RBAC is bypassed.
        return [service_role, namespace, ensure_node_access_entry.submit(cluster, facts.node_role_arn, **plan)]
    cluster_role = ensure_cluster_role.submit(cluster, batch_cluster_role(), **options)
    role = ensure_namespace_role.submit(cluster, batch_namespace_role(name), **options, wait_for=[namespace])
    batch = batch_role_mapping(facts.account_id, facts.partition)
    mapping = ensure_identity_mapping.submit(cluster, batch, **plan)
    return [
        service_role,
        namespace,
        cluster_role,
        ensure_cluster_role_binding.submit(cluster, batch_cluster_role_binding(), **options, wait_for=[cluster_role]),
        role,
        ensure_namespace_role_binding.submit(cluster, batch_namespace_role_binding(name), **options, wait_for=[role]),
        mapping,
        # After the other mapping: both write aws-auth.
        ensure_identity_mapping.submit(cluster, node_role_mapping(facts.node_role_arn), **plan, wait_for=[mapping]),
    ]


def _make_optional_parts(
    cluster: EksCluster,
    platform: PlatformSpec,
    warnings: OptionalPartsWarnings,
    options: dict[str, Any],
    after: Futures,
) -> Futures:
    """What the tutorial leaves out: the jobs' own identity, and their logs in CloudWatch."""
    futures: Futures = []
    identity, namespace = platform.job_identity, platform.namespace.name
    if identity:
        noted = {**options, "warnings": warnings.job_identity}
        futures.append(ensure_job_identity.submit(cluster, identity, namespace, **noted, wait_for=after))
    if identity and identity.provider == "pod-identity":
        futures.append(ensure_pod_identity_association.submit(cluster, identity, namespace, **options))
    if platform.container_logs:
        noted = {**options, "warnings": warnings.container_logs}
        futures.append(ensure_container_logs.submit(cluster, **noted))
    return futures


def _make_queue(
    cluster: EksCluster,
    platform: PlatformSpec,
    facts: ClusterFacts,
    identity: IdentityChoice,
    generation: Generation,
    options: dict[str, Any],
    after: Futures,
) -> Futures:
    """Steps 5 to 7: the compute environment, its proof of health, the queue."""
    wanted, plan, name = platform.compute_environment, {"plan": options["plan"]}, generation.name
    spec = wanted.completed(facts.arn, facts.subnets, [facts.security_group], identity.desired_state)
    environment = ensure_compute_environment.submit(cluster, generation.named(spec), **options, wait_for=after)
    futures: Futures = [environment]
    if identity.identity == "access-entry":
        entry = wait_for_batch_entry.submit(cluster, name, **plan, wait_for=[environment])
        policy = ensure_namespace_access_policy.submit(cluster, platform.namespace.name, **plan, wait_for=[entry])
        futures = [environment, entry, policy]
    health = wait_until_valid.submit(cluster, name, facts.node_role_arn, **plan, wait_for=[*futures])
    futures.append(health)
    if platform.scheduling_policy:
        futures.append(ensure_scheduling_policy.submit(cluster, platform.scheduling_policy, **options))
    queue_spec = platform.queue_with_policy(facts.partition, facts.region, facts.account_id)
    queue = ensure_job_queue.submit(cluster, generation.queue_in_front(queue_spec), **options, wait_for=futures)
    return [*futures, queue]


def _retire(
    cluster: EksCluster, generation: Generation, replace: bool, drain_hours: float, plan: bool, after: Futures
) -> Futures:
    """Of the compute environments that the present one stands for: themselves, and where they ran their pods."""
    outgoing = [
        ComputeEnvironmentRetirement(cluster, name, generation.name, replace=replace, drain_hours=drain_hours)
        for name in generation.outgoing
    ]
    retired = [remove.submit(environment, after, plan=plan) for environment in outgoing]
    former = namespaces_left(cluster, generation.former_namespaces) if generation.former_namespaces else []
    for thing in (thing for name in former for thing in former_namespace(cluster, name)):
        retired.append(remove.submit(thing, [*after, *retired], plan=plan))
    return retired


def _define_jobs(
    cluster: EksCluster,
    platform: PlatformSpec,
    facts: ClusterFacts,
    image_source: ImageSource,
    options: dict[str, Any],
    progress: MirrorProgress | None,
) -> Futures:
    """Steps 8 to 10: the images where nodes can pull them, definitions pinned to those images."""
    images, before = provide_images(cluster, platform, facts.registry, image_source, options, progress)
    definitions = [
        ensure_job_definition.submit(cluster, spec, [images[image] for image in images_of(spec)], **options)
        for spec in platform.job_definitions
    ]
    return [*before, *images.values(), *definitions]
