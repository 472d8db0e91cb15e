"""Step 1: the namespace that Batch runs its pods in."""

from blocks.eks_cluster import EksCluster
from specs.namespace import NamespaceSpec
from tasks.kubernetes_object import KubernetesObject
from tasks.outcome import Outcome
from tasks.reconcile import reconcile
from tasks.step import step


@step("namespace {spec.name}")
def ensure_namespace(cluster: EksCluster, spec: NamespaceSpec, *, plan: bool = False, adopt: bool = False) -> Outcome:
    """Create the namespace, or bring its labels in line.

    Args:
        cluster: Where.
        spec: The namespace.
        plan: Report only.
        adopt: Take over one that exists already and differs.

    Raises:
        OperationError: If the API server cannot be reached or refuses, or a namespace that is not ours differs.
    """
    return reconcile(KubernetesObject(cluster.core_v1, spec.to_document()), plan=plan, adopt=adopt)
