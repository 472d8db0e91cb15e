"""Delete the private cluster itself, with eksctl."""

from prefect import flow

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.flow_parameters import Switch, TypedName
from tasks.cluster_lock import cluster_lock
from tasks.outcome import Outcome
from tasks.private_cluster import delete_cluster, future_arn
from tasks.report import Report, show_report


@flow(name="delete-private-cluster", flow_run_name="delete private cluster {cluster.cluster_name}")
def delete_private_cluster(cluster: EksCluster, confirm: TypedName = "", force: Switch = False) -> Outcome:
    """Delete a cluster that eksctl made, with its nodes, VPC and endpoints. Safe to run again.

    It needs eksctl on the worker. Compute environments that use the cluster have to be deleted first.

    Args:
        cluster: The cluster, and who calls AWS.
        confirm: The cluster's name, typed in, so that nobody deletes a cluster by mistake.
        force: Go on when errors occur, which deletions of private clusters from outside of their VPC run into.

    Returns:
        What was done: deleted, or unchanged where there was none; also shown as the artifact delete-private-cluster.

    Raises:
        OperationError: If the name was not typed in, the cluster is in use, there is no eksctl, or it fails.
    """
    if confirm != cluster.cluster_name:
        raise OperationError(
            f"EKS cluster {cluster.cluster_name}",
            f"`confirm` is {confirm!r}",
            "a cluster is only deleted when its name is typed in",
            f"run again with `confirm` set to {cluster.cluster_name}, if that is the one",
        )
    with cluster_lock(future_arn(cluster, cluster.session.region)):
        outcome = delete_cluster(cluster, force=force)
    show_report(f"Deletion of {cluster.cluster_name}", Report(outcomes=(outcome,)), key="delete-private-cluster")
    return outcome
