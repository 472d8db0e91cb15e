"""Change a cluster over from aws-auth to access entries, or back: all of its compute environments, or none."""

from contextlib import nullcontext
from typing import Any

from prefect import flow

from blocks.eks_cluster import EksCluster
from flows.images import Futures
from specs.flow_parameters import Switch, TargetIdentity
from specs.identity_choice import Identity
from specs.identity_mapping import batch_role_mapping
from specs.identity_migration import DESIRED_STATES, MigratingEnvironment
from specs.rbac import (
    batch_cluster_role,
    batch_cluster_role_binding,
    batch_namespace_role,
    batch_namespace_role_binding,
)
from tasks.batch_entry import wait_for_batch_entry, wait_until_entry_is_gone
from tasks.cluster_lock import cluster_lock
from tasks.cluster_role import ensure_cluster_role, ensure_cluster_role_binding
from tasks.compute_environment_health import wait_until_valid
from tasks.desired_state import ensure_desired_state
from tasks.identity_mapping import ensure_identity_mapping
from tasks.identity_migration import find_migrating
from tasks.namespace_access_policy import ensure_namespace_access_policy
from tasks.namespace_role import ensure_namespace_role, ensure_namespace_role_binding
from tasks.report import Report, report_outcomes


@flow(name="migrate-identity", flow_run_name="migrate {cluster.cluster_name} to {to}")
def migrate_identity(
    cluster: EksCluster, to: TargetIdentity = "access-entry", plan: Switch = False, adopt: Switch = False
) -> Report:
    """Change how Batch is known to a cluster, for all of its compute environments.

    To access entries: each compute environment gets desiredState ENABLED; with the last one Batch makes its entry, and
    the policy for each namespace follows. Between the two, for some seconds, no job starts; those that run are left
    alone. aws-auth, roles and bindings stay where they are, unused, so that the way back is short.

    To aws-auth: the mapping, roles and bindings first, then desiredState DISABLED, with the last of which Batch takes
    its entry away.

    Nodes are left as they are: an entry or a mapping of their role lets them join either way. What fails on the way is
    found by the next run; until all compute environments agree, nothing changes for Batch.

    Args:
        cluster: The cluster; its authentication mode must be API_AND_CONFIG_MAP for the way back.
        to: access-entry or aws-auth.
        plan: Show what would change and change nothing.
        adopt: On the way back, take over roles and bindings of the same names that differ.

    Returns:
        The outcome of every step; also shown as the artifact migrate-identity.

    Raises:
        OperationError: If the cluster's authentication mode does not allow it, or a compute environment that is not
            ours would have to change.
        StepsFailedError: If steps failed, with the cause and the next step of each.
    """
    with nullcontext() if plan else cluster_lock(cluster.arn):
        environments = find_migrating(cluster, to)
        options = {"plan": plan, "adopt": adopt}
        change = _to_access_entry if to == "access-entry" else _to_aws_auth
        futures = change(cluster, environments, options)
        title = f"Batch on {cluster.cluster_name} by {to}" + (" (plan)" if plan else "")
        return report_outcomes(title, futures, key="migrate-identity")


def _to_access_entry(cluster: EksCluster, environments: list[MigratingEnvironment], options: dict[str, Any]) -> Futures:
    plan = {"plan": options["plan"]}
    states = _set_states(cluster, environments, "access-entry", plan, after=[])
    before = entry = wait_for_batch_entry.submit(cluster, environments[0].name, **plan, wait_for=states)
    policies: Futures = []
    for namespace in _namespaces(environments):
        # One after another: all of them are in the scope of one policy.
        before = ensure_namespace_access_policy.submit(cluster, namespace, **plan, wait_for=[before])
        policies.append(before)
    return [*states, entry, *policies, *_check_health(cluster, environments, plan, after=policies)]


def _to_aws_auth(cluster: EksCluster, environments: list[MigratingEnvironment], options: dict[str, Any]) -> Futures:
    plan = {"plan": options["plan"]}
    batch = batch_role_mapping(cluster.account_id, cluster.partition)
    cluster_role = ensure_cluster_role.submit(cluster, batch_cluster_role(), **options)
    rights: Futures = [
        cluster_role,
        ensure_cluster_role_binding.submit(cluster, batch_cluster_role_binding(), **options, wait_for=[cluster_role]),
    ]
    for name in _namespaces(environments):
        role = ensure_namespace_role.submit(cluster, batch_namespace_role(name), **options)
        binding = batch_namespace_role_binding(name)
        rights += [role, ensure_namespace_role_binding.submit(cluster, binding, **options, wait_for=[role])]
    rights.append(ensure_identity_mapping.submit(cluster, batch, **plan))
    states = _set_states(cluster, environments, "aws-auth", plan, after=rights)
    gone = wait_until_entry_is_gone.submit(cluster, environments[0].name, **plan, wait_for=states)
    return [*rights, *states, gone, *_check_health(cluster, environments, plan, after=[gone])]


def _set_states(
    cluster: EksCluster, environments: list[MigratingEnvironment], to: Identity, plan: dict[str, Any], after: Futures
) -> Futures:
    state = DESIRED_STATES[to]
    return [ensure_desired_state.submit(cluster, each.name, state, **plan, wait_for=after) for each in environments]


def _check_health(
    cluster: EksCluster, environments: list[MigratingEnvironment], plan: dict[str, Any], after: Futures
) -> Futures:
    return [wait_until_valid.submit(cluster, each.name, **plan, wait_for=after) for each in environments]


def _namespaces(environments: list[MigratingEnvironment]) -> list[str]:
    return sorted({each.namespace for each in environments})
