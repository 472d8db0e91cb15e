"""Take AWS Batch down again: what these flows made on a cluster, in the order that AWS needs, and nothing else."""

from collections.abc import Sequence
from typing import Any

from prefect import flow
from prefect.futures import PrefectFuture

from blocks.eks_cluster import EksCluster
from flows.images import images_to_mirror, images_to_provide
from specs.flow_parameters import Switch
from specs.platform import PlatformSpec
from specs.rbac import (
    batch_cluster_role,
    batch_cluster_role_binding,
    batch_namespace_role,
    batch_namespace_role_binding,
)
from tasks.batch_entry_removal import BatchEntryRemoval
from tasks.cluster_lock import cluster_lock
from tasks.compute_environment_generation import generations_of
from tasks.compute_environment_removal import ComputeEnvironmentRemoval
from tasks.container_logs_removal import ContainerLogsRemoval
from tasks.identity_mapping_removal import mappings_to_remove, remove_identity_mapping
from tasks.job_definition_removal import JobDefinitionRemoval
from tasks.job_queue_removal import JobQueueRemoval, OpenJobs
from tasks.kubernetes_object_removal import KubernetesObjectRemoval
from tasks.namespace_access_policy_removal import NamespaceAccessPolicyRemoval
from tasks.namespace_removal import NamespaceRemoval, former_namespace
from tasks.node_access_entry_removal import NodeAccessEntryRemoval, node_entries_to_remove
from tasks.pod_identity_association_removal import PodIdentityAssociationRemoval
from tasks.private_cluster import future_arn
from tasks.private_registry import PrivateRegistry
from tasks.pull_through_cache_rule_removal import PullThroughCacheRuleRemoval
from tasks.removal import Removable, remove
from tasks.report import Report, report_outcomes
from tasks.repository_removal import RepositoryRemoval
from tasks.scheduling_policy_removal import SchedulingPolicyRemoval
from tasks.teardown_approval import wait_for_approval

Futures = list[PrefectFuture[Any]]


@flow(name="teardown", flow_run_name="take down Batch on {cluster.cluster_name}")
def teardown(
    cluster: EksCluster,
    platform: PlatformSpec,
    jobs: OpenJobs = "refuse",
    delete_images: Switch = False,
    approve: Switch = True,
    plan: Switch = False,
    cluster_deleted: Switch = False,
) -> Report:
    """Delete what setup made, or finish a deletion that was interrupted. Safe to run again.

    Only what carries our mark is deleted. What others made under the same names is kept, and so is what other compute
    environments of the cluster still need; the report says why. AWS Batch's own access entry goes with the last of
    them, where the cluster's authentication mode lets Batch take it away. The cluster itself, its nodes' role and AWS
    Batch's service-linked role are no part of it.

    Args:
        cluster: The cluster, and who calls it.
        platform: What was set up.
        jobs: What to do with jobs that have not ended. refuse names them and deletes nothing, cancel ends them, wait
            lets them finish while the queue takes no more.
        delete_images: Delete the repositories that these flows made, with their images. Images that job definitions
            of others name are kept even then.
        approve: Show what would be deleted and wait until somebody has typed the cluster's name. Without it the
            deletion begins at once, for scripts.
        plan: Show what would be deleted and delete nothing.
        cluster_deleted: The cluster is gone already, and with it all that was in it: delete what is left in AWS.
            Compute environments are INVALID then, and are deleted as any other (AWS Batch User Guide,
            batch_eks_invalid_compute_environment, "Deleted compute environment").

    Returns:
        The outcome of every step; also shown as the artifact teardown.

    Raises:
        OperationError: If the cluster cannot be read, is there although it was said to be gone, or another name was
            typed than the cluster's.
        StepsFailedError: If steps failed, with the cause and the next step of each; or, before anything is deleted,
            if there are jobs and they were to be refused.
    """
    if cluster_deleted:
        cluster = cluster.as_deleted(future_arn(cluster, cluster.session.region))
    teardown = Teardown(cluster, platform, jobs, delete_images=delete_images, in_cluster=not cluster_deleted)
    planned = teardown.run(plan=True)
    if plan or not planned.changed:
        return planned
    if approve:
        # Without the cluster's lock: a person may take a day.
        wait_for_approval(cluster.cluster_name, planned)
    with cluster_lock(cluster.arn):
        return teardown.run(plan=False)


class Teardown:
    """The steps of a teardown, in order.

    Args:
        cluster: The cluster.
        platform: What was set up.
        jobs: What to do with jobs that have not ended.
        delete_images: Whether repositories are deleted with their images.
        spared: What was there before the run that is rolled back, as `job queue My-Eks-JQ1`; None where none is.
        in_cluster: Whether there is a cluster with things in it.
    """

    def __init__(
        self,
        cluster: EksCluster,
        platform: PlatformSpec,
        jobs: OpenJobs,
        *,
        delete_images: bool,
        spared: frozenset[str] | None = None,
        in_cluster: bool = True,
    ) -> None:
        self._cluster = cluster
        self._platform = platform
        self._jobs = jobs
        self._delete_images = delete_images
        self._spared = spared
        self._in_cluster = in_cluster
        self._plan = False

    def run(self, *, plan: bool, key: str = "teardown", title: str = "Teardown of AWS Batch") -> Report:
        """Run all steps, those that do not depend on each other at the same time.

        Args:
            plan: Report only.
            key: Key of the artifact.
            title: Its heading, without the cluster's name.

        Raises:
            StepsFailedError: If steps failed.
        """
        self._plan = plan
        cluster, platform = self._cluster, self._platform
        queue = self._remove(JobQueueRemoval(cluster, platform.job_queue.job_queue_name, self._jobs))
        generations = generations_of(cluster, platform.compute_environment.compute_environment_name)
        environments = [(ComputeEnvironmentRemoval(cluster, name), former) for name, former in generations.items()]
        going = [(each, former) for each, former in environments if not self._is_spared(each.label)]
        entry = self._batch_entry([each for each, _ in going], queue)
        environment: Futures = []
        for each, former in going:
            # What is rolled back has left no namespace behind.
            if self._in_cluster and self._spared is None:
                # Before the environment whose tag names them, after those that used them.
                environment += self._former_namespaces(former, [*queue, *environment])
            environment += self._remove(each, [*queue, *entry, *environment])
        policy = self._scheduling_policy(queue)
        definitions = self._job_definitions(queue)
        optional = self._optional_parts(environment) if self._in_cluster else []
        access = self._access(environment, optional) if self._in_cluster else []
        images = self._images(definitions)
        futures = [*queue, *entry, *environment, *policy, *definitions, *optional, *access, *images]
        heading = f"{title} on {cluster.cluster_name}" + (" (plan)" if plan else "")
        return report_outcomes(heading, futures, key=key)

    def _batch_entry(self, going: list[ComputeEnvironmentRemoval], queue: Futures) -> Futures:
        """Batch's own access entry: it can be given up as long as there are compute environments, but no jobs."""
        if not self._in_cluster or self._cluster.authentication_mode == "CONFIG_MAP":
            return []
        scope = self._remove(NamespaceAccessPolicyRemoval(self._cluster, self._platform.namespace.name, going), queue)
        return [*scope, *self._remove(BatchEntryRemoval(self._cluster, going), [*queue, *scope])]

    def _former_namespaces(self, names: Sequence[str], after: Futures) -> Futures:
        left: Futures = []
        for name in names:
            for thing in former_namespace(self._cluster, name):
                left += self._remove(thing, [*after, *left])
        return left

    def _scheduling_policy(self, queue: Futures) -> Futures:
        policy = self._platform.scheduling_policy
        return self._remove(SchedulingPolicyRemoval(self._cluster, policy), queue) if policy else []

    def _job_definitions(self, queue: Futures) -> Futures:
        names = [definition.job_definition_name for definition in self._platform.job_definitions]
        return self._remove_each([JobDefinitionRemoval(self._cluster, name) for name in names], queue)

    def _optional_parts(self, environment: Futures) -> Futures:
        """The jobs' identity, and their logs in CloudWatch, which jobs need until the environment is gone."""
        cluster, identity, namespace = self._cluster, self._platform.job_identity, self._platform.namespace.name
        things: list[Removable] = [ContainerLogsRemoval(cluster)] if self._platform.container_logs else []
        if identity:
            things.append(PodIdentityAssociationRemoval(cluster, identity.service_account, namespace))
            things.append(KubernetesObjectRemoval(cluster, cluster.core_v1, identity.manifest(namespace), namespace))
        return self._remove_each(things, environment)

    def _access(self, environment: Futures, before_namespace: Futures) -> Futures:
        """Rights, identities and the namespace, which the environment needs until it is gone."""
        cluster, spec, rbac = self._cluster, self._platform.namespace, self._cluster.rbac_v1
        bound: Futures = []
        for binding, role, namespace in (
            (batch_namespace_role_binding(spec.name), batch_namespace_role(spec.name), spec.name),
            (batch_cluster_role_binding(), batch_cluster_role(), ""),
        ):
            after = environment
            for document in (binding.to_document(), role.to_document()):
                removed = self._remove(KubernetesObjectRemoval(cluster, rbac, document, namespace), after)
                bound += removed
                after = [*after, *removed]
        namespace_removal = self._remove(NamespaceRemoval(cluster, spec), [*environment, *bound, *before_namespace])
        return [*bound, *self._node_entries(environment), *self._identity_mappings(environment), *namespace_removal]

    def _node_entries(self, environment: Futures) -> Futures:
        roles = node_entries_to_remove(self._cluster)
        return self._remove_each([NodeAccessEntryRemoval(self._cluster, role) for role in roles], environment)

    def _identity_mappings(self, environment: Futures) -> Futures:
        removed: Futures = []
        for mapping in mappings_to_remove(self._cluster):
            if not self._is_spared(f"identity mapping {mapping.rolearn}"):
                # One after the other: all of them write aws-auth.
                options: dict[str, Any] = {"after": list(environment), "plan": self._plan, "wait_for": list(removed)}
                removed.append(remove_identity_mapping.submit(self._cluster, mapping, **options))
        return removed

    def _images(self, definitions: Futures) -> Futures:
        cluster, platform, with_images = self._cluster, self._platform, self._delete_images
        orders = images_to_mirror(platform, PrivateRegistry(cluster).host)
        repositories = {
            order.repository_name: RepositoryRemoval(cluster, order.repository_name, with_images=with_images)
            for order in orders
        }
        rules: list[Removable] = []
        for spec in platform.pull_through_cache_rules:
            rule = PullThroughCacheRuleRemoval(cluster, spec, made_now=self._spared is not None)
            rules.append(rule)
            made_now = self._spared is not None and not self._is_spared(rule.label)
            for name in filter(None, map(spec.private_repository, images_to_provide(platform))):
                filled = RepositoryRemoval(cluster, name, with_images=with_images, made_now=made_now)
                repositories.setdefault(name, filled)
        return self._remove_each([*repositories.values(), *rules], definitions)

    def _remove_each(self, things: Sequence[Removable], after: Futures) -> Futures:
        return [future for thing in things for future in self._remove(thing, after)]

    def _remove(self, thing: Removable, after: Sequence[PrefectFuture[Any]] = ()) -> Futures:
        if self._is_spared(thing.label):
            return []
        return [remove.submit(thing, list(after), plan=self._plan)]

    def _is_spared(self, label: str) -> bool:
        return self._spared is not None and label in self._spared
