"""Create the private cluster itself, with eksctl."""

from contextlib import nullcontext

from prefect import flow

from blocks.eks_cluster import EksCluster
from specs.flow_parameters import ClusterDocument, Switch
from specs.private_cluster import PrivateClusterSpec
from tasks.cluster_lock import cluster_lock
from tasks.outcome import Outcome
from tasks.private_cluster import ensure_private_cluster, future_arn, refuse_other_cluster, show_document

TUTORIAL_CLUSTER = PrivateClusterSpec()


@flow(name="create-private-cluster", flow_run_name="create private cluster {cluster.cluster_name}")
def create_private_cluster(
    cluster: EksCluster,
    spec: PrivateClusterSpec = TUTORIAL_CLUSTER,
    document: ClusterDocument = "",
    plan: Switch = False,
) -> Outcome:
    """Create a private EKS cluster from eksctl's document. Safe to run again, also after an interruption.

    The document is always kept as the artifact private-cluster, so that it can be used by hand too. It needs eksctl on
    the worker, the internet and AWS, not the cluster's own network.

    Args:
        cluster: The cluster to make: its name, and who calls AWS.
        spec: eksctl's document; the tutorial's by default.
        document: eksctl's document pasted as YAML, taken instead of the fields above; empty for none.
        plan: Show what would be made and make nothing; needs no eksctl.

    Returns:
        What was done: created, updated where only node groups were missing, or unchanged.

    Raises:
        SpecError: If the pasted document breaks rules.
        OperationError: If there is no eksctl, it fails, or the cluster is in no state to go on from.
    """
    if document:
        spec = PrivateClusterSpec.from_yaml(document)
    refuse_other_cluster(cluster, spec)
    show_document(spec)
    with nullcontext() if plan else cluster_lock(future_arn(cluster, spec.metadata.region)):
        return ensure_private_cluster(cluster, spec, plan=plan)
