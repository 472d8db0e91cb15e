"""Every compute environment of a cluster, looked at before all of them change how Batch is known."""

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.identity_choice import Identity
from specs.identity_migration import MigratingEnvironment, refuse_migration
from tasks.identity_choice import compute_environments_on, desired_state_of
from tasks.ownership import has_aws_mark
from tasks.step import step


@step("compute environments on {cluster.cluster_name}")
def find_migrating(cluster: EksCluster, to: Identity) -> list[MigratingEnvironment]:
    """List the compute environments that change over, in the order of their names.

    Args:
        cluster: Where.
        to: Where to.

    Raises:
        OperationError: If they cannot change over, with the reason; nothing is changed then.
    """
    environments = [
        MigratingEnvironment(
            name=name,
            namespace=found["eksConfiguration"]["kubernetesNamespace"],
            desired_state=desired_state_of(found),
            is_ours=has_aws_mark(found),
        )
        for name, found in sorted(compute_environments_on(cluster).items())
    ]
    refusal = refuse_migration(cluster.authentication_mode, to, environments)
    if refusal:
        resource = f"EKS cluster {cluster.cluster_name}"
        raise OperationError(resource, refusal.answer, refusal.cause, refusal.next_step)
    return environments
