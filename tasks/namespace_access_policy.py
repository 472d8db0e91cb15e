"""Step 5, with access entries: what Batch may do in its namespace, instead of the tutorial's role and binding."""

from collections.abc import Mapping
from typing import Any, ClassVar

from botocore.exceptions import ClientError
from kubernetes.client.exceptions import ApiException

from blocks.aws_errors import error_code, error_text
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.batch_entry import NAMESPACE_POLICY, batch_policies, batch_role_arn, covers, policy_arn
from tasks.outcome import Action, Change, Outcome
from tasks.ownership import ADDED_POLICY_ANNOTATION
from tasks.reconcile import Resource, reconcile
from tasks.step import step


class NamespaceAccessPolicy(Resource):
    """The association of AWSBatchNamespacePolicy with Batch's entry, for one namespace among others."""

    step = "namespace access policy"
    unordered: ClassVar[frozenset[str]] = frozenset({"accessScope.namespaces"})

    def __init__(self, cluster: EksCluster, namespace: str) -> None:
        super().__init__(namespace)
        self._cluster = cluster
        self._policy = policy_arn(cluster, NAMESPACE_POLICY)
        self._scope: dict[str, Any] | None = None

    def observe(self) -> dict[str, Any] | None:
        """The policy's association; None where there is none, or no entry yet."""
        self._scope = (batch_policies(self._cluster) or {}).get(self._policy)
        return self._scope and {"policyArn": self._policy, "accessScope": self._scope}

    def wanted(self, *, marked: bool) -> dict[str, Any]:
        """The association with our namespace in its scope.

        A policy has one scope, which a second call replaces (Amazon EKS User Guide, access-policies): the namespaces
        that are in it stay.
        """
        del marked  # associations have no tags
        if self._scope and covers(self._scope, self.name):
            return {"policyArn": self._policy, "accessScope": self._scope}
        namespaces = [*(self._scope or {}).get("namespaces", ()), self.name]
        return {"policyArn": self._policy, "accessScope": {"type": "namespace", "namespaces": namespaces}}

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whoever made the association: nothing of it is changed but that our namespace is added."""
        del observed
        return True

    def create(self) -> None:
        """Mark the namespace, then associate the policy: what was added without a mark would never be given up.

        Raises:
            OperationError: If the entry cannot be seen yet; that heals.
        """
        mark_namespace(self._cluster, self.name, marked=True)
        try:
            self._cluster.eks.associate_access_policy(
                clusterName=self._cluster.cluster_name,
                principalArn=batch_role_arn(self._cluster),
                **self.wanted(marked=True),
            )
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            raise OperationError(
                f"{self.step} {self.name}",
                error_text(error),
                "the access entry that Batch makes cannot be seen yet, since EKS shows changes after some seconds, or "
                "is gone again",
                "wait: the step is repeated",
                can_heal=True,
            ) from error

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Associate it anew, with the namespaces that are there and ours."""
        del observed, changes
        self.create()
        return "updated"

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """The policy's ARN."""
        return str(observed["policyArn"])


@step("namespace access policy {namespace}")
def ensure_namespace_access_policy(cluster: EksCluster, namespace: str, *, plan: bool = False) -> Outcome:
    """Let Batch's access entry run pods in a namespace; without it jobs stay RUNNABLE for ever.

    Args:
        cluster: Where.
        namespace: Batch's namespace.
        plan: Report only.

    Raises:
        OperationError: If EKS refuses, or Batch's entry is not there.
    """
    return reconcile(NamespaceAccessPolicy(cluster, namespace), plan=plan)


def namespace_is_marked(cluster: EksCluster, namespace: str) -> bool:
    """Whether a namespace says that these flows added it to Batch's access policy."""
    found = _read_namespace(cluster, namespace)
    return bool(found and ADDED_POLICY_ANNOTATION in (found.metadata.annotations or {}))


def mark_namespace(cluster: EksCluster, namespace: str, *, marked: bool) -> None:
    """Note at a namespace whether these flows added it to Batch's access policy; one that is not there is passed over.

    Args:
        cluster: Where.
        namespace: The namespace.
        marked: Whether they did.
    """
    found = _read_namespace(cluster, namespace)
    if found is None or marked == (ADDED_POLICY_ANNOTATION in (found.metadata.annotations or {})):
        return
    # An update, not a patch: setup has that right anyway.
    others = {key: value for key, value in (found.metadata.annotations or {}).items() if key != ADDED_POLICY_ANNOTATION}
    found.metadata.annotations = others | ({ADDED_POLICY_ANNOTATION: "yes"} if marked else {})
    cluster.core_v1.replace_namespace(namespace, found)


def _read_namespace(cluster: EksCluster, namespace: str) -> Any:
    try:
        return cluster.core_v1.read_namespace(namespace)
    except ApiException as error:
        if error.status == 404:
            return None
        raise
