"""Takes a namespace out of what Batch's access entry may do, if these flows put it there and nobody needs it."""

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.eks_cluster import EksCluster
from tasks.batch_entry import NAMESPACE_POLICY, batch_policies, batch_role_arn, policy_arn
from tasks.compute_environment_removal import ComputeEnvironmentRemoval, users_that_stay
from tasks.identity_choice import compute_environments_on, has_entry
from tasks.namespace_access_policy import mark_namespace, namespace_is_marked
from tasks.outcome import Outcome
from tasks.removal import Removable


class NamespaceAccessPolicyRemoval(Removable):
    """A namespace in the scope of AWSBatchNamespacePolicy of Batch's entry, to be given up.

    Associations have no tags: an annotation of the namespace says that these flows added it.

    Args:
        cluster: Where.
        namespace: The namespace.
        environments: The compute environments that are deleted next.
    """

    step = "namespace access policy"

    def __init__(
        self, cluster: EksCluster, namespace: str, environments: Sequence[ComputeEnvironmentRemoval] = ()
    ) -> None:
        super().__init__(namespace)
        self._cluster = cluster
        self._environments = environments
        self._policy = policy_arn(cluster, NAMESPACE_POLICY)

    def observe(self) -> dict[str, Any] | None:
        """The namespaces in the scope, and whether ours is marked; None where it is neither in there nor marked."""
        is_marked = namespace_is_marked(self._cluster, self.name)
        namespaces = self._namespaces()
        if self.name not in namespaces and not is_marked:
            return None
        return {"namespaces": namespaces, "is_marked": is_marked}

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether these flows added it."""
        return bool(observed["is_marked"])

    def reason_to_keep(self, observed: Mapping[str, Any], after: Sequence[Outcome]) -> str:
        """Other compute environments run their pods in it."""
        del observed
        users = users_that_stay(self._cluster, self._environments, after, self.name)
        return f"{', '.join(users)} needs it" if users else ""

    def advance(self, observed: Mapping[str, Any]) -> None:
        """Give it up, with the policy's last namespace the policy; the mark goes last."""
        principal = {"clusterName": self._cluster.cluster_name, "principalArn": batch_role_arn(self._cluster)}
        left = [name for name in observed["namespaces"] if name != self.name]
        if self.name not in observed["namespaces"]:
            mark_namespace(self._cluster, self.name, marked=False)
        elif left:
            self._cluster.eks.associate_access_policy(
                **principal, policyArn=self._policy, accessScope={"type": "namespace", "namespaces": left}
            )
        else:
            self._cluster.eks.disassociate_access_policy(**principal, policyArn=self._policy)

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """The policy's ARN."""
        del observed
        return self._policy

    def _namespaces(self) -> list[str]:
        if not has_entry(self._cluster, compute_environments_on(self._cluster)):
            return []
        scope = (batch_policies(self._cluster) or {}).get(self._policy) or {}
        return list(scope.get("namespaces", ()))
