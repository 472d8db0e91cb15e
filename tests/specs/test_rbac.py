"""Batch's roles and bindings, and the rules of RBAC manifests."""

from typing import Any

import pytest
import yaml

from specs.kubernetes_document import KubernetesSpec
from specs.rbac import (
    ClusterRoleBindingSpec,
    ClusterRoleSpec,
    RoleBindingSpec,
    RoleSpec,
    batch_cluster_role,
    batch_cluster_role_binding,
    batch_namespace_role,
    batch_namespace_role_binding,
)

# AWS Batch User Guide, getting-started-eks-privateclusters, with the events rule of its newer pages.
TUTORIAL = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: aws-batch-cluster-role
rules:
  - apiGroups: [""]
    resources: ["namespaces"]
    verbs: ["get"]
  - apiGroups: [""]
    resources: ["nodes"]
    verbs: ["get", "list", "watch"]
  - apiGroups: [""]
    resources: ["pods"]
    verbs: ["get", "list", "watch"]
  - apiGroups: [""]
    resources: ["events"]
    verbs: ["list"]
  - apiGroups: [""]
    resources: ["configmaps"]
    verbs: ["get", "list", "watch"]
  - apiGroups: ["apps"]
    resources: ["daemonsets", "deployments", "statefulsets", "replicasets"]
    verbs: ["get", "list", "watch"]
  - apiGroups: ["rbac.authorization.k8s.io"]
    resources: ["clusterroles", "clusterrolebindings"]
    verbs: ["get", "list"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: aws-batch-cluster-role-binding
subjects:
- kind: User
  name: aws-batch
  apiGroup: rbac.authorization.k8s.io
roleRef:
  kind: ClusterRole
  name: aws-batch-cluster-role
  apiGroup: rbac.authorization.k8s.io
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: aws-batch-compute-environment-role
  namespace: my-aws-batch-namespace
rules:
  - apiGroups: [""]
    resources: ["pods"]
    verbs: ["create", "get", "list", "watch", "delete", "patch"]
  - apiGroups: [""]
    resources: ["serviceaccounts"]
    verbs: ["get", "list"]
  - apiGroups: ["rbac.authorization.k8s.io"]
    resources: ["roles", "rolebindings"]
    verbs: ["get", "list"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: aws-batch-compute-environment-role-binding
  namespace: my-aws-batch-namespace
subjects:
- kind: User
  name: aws-batch
  apiGroup: rbac.authorization.k8s.io
roleRef:
  kind: Role
  name: aws-batch-compute-environment-role
  apiGroup: rbac.authorization.k8s.io
"""
DOCUMENTS = {document["kind"]: document for document in yaml.safe_load_all(TUTORIAL)}
SPECS: dict[str, type[KubernetesSpec]] = {
    "ClusterRole": ClusterRoleSpec,
    "ClusterRoleBinding": ClusterRoleBindingSpec,
    "Role": RoleSpec,
    "RoleBinding": RoleBindingSpec,
}
GROUP = "rbac.authorization.k8s.io"


@pytest.mark.parametrize(
    "spec",
    [
        batch_cluster_role(),
        batch_cluster_role_binding(),
        batch_namespace_role("my-aws-batch-namespace"),
        batch_namespace_role_binding("my-aws-batch-namespace"),
    ],
    ids=lambda spec: type(spec).__name__,
)
def test_constructors_are_the_tutorials(spec: KubernetesSpec) -> None:
    document = DOCUMENTS[spec.wire_shape]
    assert spec.to_document() == document
    assert type(spec).from_document(document).to_document() == document
    assert spec.warnings == []


@pytest.mark.parametrize(
    ("kind", "path", "value", "where", "words"),
    [
        ("ClusterRole", "kind", "Role", "kind", "Here the kind is ClusterRole."),
        ("ClusterRole", "apiVersion", "v1", "apiVersion", "rbac.authorization.k8s.io/v1"),
        ("ClusterRole", "metadata.name", "a/b", "metadata.name", "no slash"),
        ("ClusterRole", "rules[0].verbs", [], "rules[0].verbs", "needs verbs"),
        ("ClusterRole", "rules[0].resources", [], "rules[0].resources", "needs resources"),
        ("ClusterRole", "rules[0].apiGroups", [], "rules[0].apiGroups", "needs apiGroups"),
        ("ClusterRole", "rules[0].verb", ["get"], "rules[0].verb", "Did you mean verbs?"),
        ("ClusterRole", "rules[0].verbs", "get", "rules[0].verbs", "a list"),
        ("Role", "metadata.namespace", "default", "metadata.namespace", "namespace default"),
        ("Role", "rules[0].nonResourceURLs", ["/x"], "rules[0].nonResourceURLs", "Only cluster roles"),
        ("RoleBinding", "subjects[0].kind", "Users", "subjects[0].kind", "a User, a Group or a ServiceAccount"),
        ("RoleBinding", "subjects[0].apiGroup", "", "subjects[0].apiGroup", GROUP),
        ("RoleBinding", "roleRef.kind", "Roles", "roleRef.kind", "Role or a ClusterRole"),
        ("RoleBinding", "roleRef.apiGroup", "v1", "roleRef.apiGroup", GROUP),
        ("ClusterRoleBinding", "roleRef.kind", "Role", "roleRef.kind", "gives a ClusterRole"),
        (
            "ClusterRoleBinding",
            "subjects[0]",
            {"kind": "ServiceAccount", "name": "x"},
            "subjects[0].namespace",
            "with its namespace",
        ),
    ],
)
def test_rule(kind: str, path: str, value: Any, where: str, words: str, edit: Any, faults: Any) -> None:
    (fault,) = faults(SPECS[kind], edit(DOCUMENTS[kind], path, value))
    assert fault.path == where
    assert words in str(fault)


@pytest.mark.parametrize("kind", ["Role", "RoleBinding"])
def test_the_namespace_is_named(kind: str, edit: Any, faults: Any) -> None:
    (fault,) = faults(SPECS[kind], edit(DOCUMENTS[kind], "metadata.namespace"))
    assert fault.path == "metadata.namespace"


def test_rules_on_urls_need_no_resources(edit: Any) -> None:
    rule = {"nonResourceURLs": ["/healthz"], "verbs": ["get"]}
    document = edit(DOCUMENTS["ClusterRole"], "rules[7]", rule)
    assert ClusterRoleSpec.from_document(document).to_document() == document


def test_labels_can_be_given() -> None:
    spec = batch_cluster_role().model_copy(update={"labels": {"app.kubernetes.io/managed-by": "us"}})
    assert spec.to_document()["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "us"}
