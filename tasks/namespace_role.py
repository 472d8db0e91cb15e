"""Step 3: what Batch may do with pods in its namespace, once per namespace."""

from blocks.eks_cluster import EksCluster
from specs.rbac import RoleBindingSpec, RoleSpec
from tasks.kubernetes_object import KubernetesObject
from tasks.outcome import Outcome
from tasks.reconcile import reconcile
from tasks.step import step


@step("role {spec.name}")
def ensure_namespace_role(cluster: EksCluster, spec: RoleSpec, *, plan: bool = False, adopt: bool = False) -> Outcome:
    """Create the Role, or bring its rules in line.

    Args:
        cluster: Where.
        spec: The role.
        plan: Report only.
        adopt: Take over one that exists already and differs.

    Raises:
        OperationError: If the API server refuses, or a role that is not ours differs.
    """
    return reconcile(KubernetesObject(cluster.rbac_v1, spec.to_document()), plan=plan, adopt=adopt)


@step("role binding {spec.name}")
def ensure_namespace_role_binding(
    cluster: EksCluster, spec: RoleBindingSpec, *, plan: bool = False, adopt: bool = False
) -> Outcome:
    """Bind the Role to Batch's user; a binding to another role is replaced, since roleRef is immutable.

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
