"""Step 2: what Batch may see in the whole cluster, once per cluster."""

from blocks.eks_cluster import EksCluster
from specs.rbac import ClusterRoleBindingSpec, ClusterRoleSpec
from tasks.kubernetes_object import KubernetesObject
from tasks.outcome import Outcome
from tasks.reconcile import reconcile
from tasks.step import step


@step("cluster role {spec.name}")
def ensure_cluster_role(
    cluster: EksCluster, spec: ClusterRoleSpec, *, plan: bool = False, adopt: bool = False
) -> Outcome:
    """Create the ClusterRole, or bring its rules in line.

    Args:
        cluster: Where.
        spec: The role.
        plan: Report only.
        adopt: Take over one that exists already and differs.

    Raises:
        OperationError: If the API server refuses; a caller that does not hold the rights itself may not grant
            them (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping).
    """
    return reconcile(KubernetesObject(cluster.rbac_v1, spec.to_document()), plan=plan, adopt=adopt)


@step("cluster role binding {spec.name}")
def ensure_cluster_role_binding(
    cluster: EksCluster, spec: ClusterRoleBindingSpec, *, plan: bool = False, adopt: bool = False
) -> Outcome:
    """Bind the ClusterRole to Batch's user; a binding to another role is replaced, since roleRef is immutable.

    Args:
        cluster: Where.
        spec: The binding.
        plan: Report only.
        adopt: Take over one that exists already and differs.

    Raises:
        OperationError: If the API server refuses, or a binding that is not ours differs.
    """
    binding = KubernetesObject(cluster.rbac_v1, spec.to_document(), immutable=frozenset({"roleRef"}))
    return reconcile(binding, plan=plan, adopt=adopt)
