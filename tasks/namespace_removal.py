"""Deletes the namespace, if it is ours and nobody else has anything in it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kubernetes import client

from blocks.eks_cluster import EksCluster
from specs.namespace import NamespaceSpec
from specs.rbac import batch_namespace_role, batch_namespace_role_binding
from tasks.former_associations_removal import FormerAssociationsRemoval
from tasks.kubernetes_object_removal import KubernetesObjectRemoval
from tasks.namespace_access_policy_removal import NamespaceAccessPolicyRemoval
from tasks.outcome import Outcome
from tasks.ownership import has_kubernetes_mark
from tasks.removal import Removable
from tasks.step import step

NAMED = 10
# What happened to other objects, no objects of their own; in metrics.k8s.io there are but figures about pods.
PASSING, METRICS = "events", "/apis/metrics.k8s.io/"
# Every namespace has these (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/).
MADE_BY_KUBERNETES = {("serviceaccounts", "default"), ("configmaps", "kube-root-ca.crt")}
OF_ACCOUNT = "kubernetes.io/service-account.name"
# Pods of jobs, which Batch cleans up by itself (AWS Batch User Guide, eks-jobs-map-running-pod-to-job).
BATCH_LABEL = "batch.amazonaws.com/job-id"


class NamespaceRemoval(KubernetesObjectRemoval):
    """A namespace to be deleted, with whatever Kubernetes and Batch have put into it."""

    def __init__(self, cluster: EksCluster, spec: NamespaceSpec) -> None:
        super().__init__(cluster, cluster.core_v1, spec.to_document(), spec.name)

    def reason_to_keep(self, observed: Mapping[str, Any], after: Sequence[Outcome]) -> str:
        """Others have something in it; once it is being deleted, that is too late to ask."""
        if observed["metadata"].get("deletionTimestamp"):
            return ""
        reason = super().reason_to_keep(observed, after)
        if reason:
            return reason
        foreign = list(_foreign_objects(self.cluster.core_v1.api_client, self.name))
        more = f" and {len(foreign) - NAMED} more" if len(foreign) > NAMED else ""
        return f"others have something in it: {', '.join(foreign[:NAMED])}{more}" if foreign else ""


def former_namespace(cluster: EksCluster, name: str) -> list[Removable]:
    """What is given up of a namespace that a replaced compute environment ran its pods in, in this order.

    Args:
        cluster: Where.
        name: The namespace.
    """
    documents = [batch_namespace_role_binding(name).to_document(), batch_namespace_role(name).to_document()]
    rights: list[Removable] = [
        KubernetesObjectRemoval(cluster, cluster.rbac_v1, document, name) for document in documents
    ]
    if cluster.authentication_mode != "CONFIG_MAP":
        rights.append(NamespaceAccessPolicyRemoval(cluster, name))
    return [*rights, FormerAssociationsRemoval(cluster, name), NamespaceRemoval(cluster, NamespaceSpec(name=name))]


@step("namespaces left behind on {cluster.cluster_name}")
def namespaces_left(cluster: EksCluster, names: Sequence[str]) -> list[str]:
    """Those of the namespaces of replaced compute environments that are still there.

    Args:
        cluster: Where.
        names: The namespaces.
    """
    return [name for name in names if NamespaceRemoval(cluster, NamespaceSpec(name=name)).observe()]


def _foreign_objects(api: client.ApiClient, namespace: str) -> Iterator[str]:
    """Everything in a namespace, of whatever kind the cluster serves, that neither we nor Kubernetes nor Batch made."""
    for root, plural in _kinds(api):
        for found in _get(api, f"{root}/namespaces/{namespace}/{plural}")["items"]:
            metadata = found["metadata"]
            is_token = (metadata.get("annotations") or {}).get(OF_ACCOUNT) == "default"
            is_known = (plural, metadata["name"]) in MADE_BY_KUBERNETES or (plural == "secrets" and is_token)
            is_of_batch = plural == "pods" and BATCH_LABEL in (metadata.get("labels") or {})
            if not (is_known or is_of_batch or has_kubernetes_mark(found)):
                yield f"{plural}/{metadata['name']}"


def _kinds(api: client.ApiClient) -> Iterator[tuple[str, str]]:
    """What can be listed in a namespace: the path of its API, and its name."""
    groups = _get(api, "/apis")["groups"]
    roots = ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)]
    for root in roots:
        for kind in _get(api, root)["resources"] if not root.startswith(METRICS) else ():
            if kind["namespaced"] and "list" in kind.get("verbs", ()) and kind["name"] != PASSING:
                yield root, kind["name"]


def _get(api: client.ApiClient, path: str) -> dict[str, Any]:
    request = api.param_serialize(
        "GET", path, header_params={"Accept": "application/json"}, auth_settings=["BearerToken"]
    )
    response = api.call_api(*request)
    response.read()
    answer: dict[str, Any] = api.response_deserialize(response, {"200": "object"}).data
    return answer
