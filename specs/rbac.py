"""What Batch may do in the cluster: roles and bindings.

Source of the rules: AWS Batch User Guide, getting-started-eks-privateclusters, with the events rule that its
newer pages (batch_eks_rbac) have.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from specs.fault import Findings
from specs.identity_mapping import BATCH_USER
from specs.kubernetes_document import KubernetesSpec
from specs.kubernetes_rules import check_namespace
from specs.part import Part
from specs.source import KUBERNETES_API, member
from specs.wire import elements, mapping

RBAC_GROUP = "rbac.authorization.k8s.io"


class PolicyRule(Part):
    """Verbs that are allowed on resources."""

    api_groups: list[str] = Field(
        default=[""],
        title="API groups",
        description="The API groups of the resources; the core group is the empty string.",
        examples=[[""], ["apps"]],
    )
    resources: list[str] = Field(
        default=[], title="Resources", description="The resources, in plural.", examples=[["pods"]]
    )
    verbs: list[str] = Field(title="Verbs", description="What is allowed.", examples=[["get", "list", "watch"]])
    resource_names: list[str] = Field(
        default=[],
        title="Resource names",
        description="The names that the rule is limited to; empty means all.",
        examples=[["aws-auth"]],
    )
    non_resource_urls: list[str] = Field(
        default=[],
        alias="nonResourceURLs",
        title="Non-resource URLs",
        description="Paths of the API that are not resources; cluster roles only.",
        examples=[["/healthz"]],
    )


class Subject(Part):
    """Who gets the role."""

    kind: str = Field(default="User", title="Kind", description="User, Group or ServiceAccount.", examples=["User"])
    name: str = Field(default=BATCH_USER, title="Name", description="The subject's name.", examples=["aws-batch"])
    api_group: str = Field(
        default=RBAC_GROUP,
        title="API group",
        description="The subject's API group, empty for service accounts.",
        examples=["rbac.authorization.k8s.io"],
    )
    namespace: str = Field(
        default="",
        title="Namespace",
        description="The namespace of a service account.",
        examples=["my-aws-batch-namespace"],
    )


class RoleRef(Part):
    """The role that is given; it cannot be changed later."""

    api_group: str = Field(
        default=RBAC_GROUP,
        title="API group",
        description="The API group of roles.",
        examples=["rbac.authorization.k8s.io"],
    )
    kind: str = Field(title="Kind", description="ClusterRole or Role.", examples=["ClusterRole"])
    name: str = Field(title="Name", description="The role's name.", examples=["aws-batch-cluster-role"])


class _RoleSpec(KubernetesSpec):
    api_version: ClassVar[str] = f"{RBAC_GROUP}/v1"

    rules: list[PolicyRule] = Field(
        default=[],
        title="Rules",
        description="What is allowed.",
        examples=[[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]],
    )

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check that each rule says on what it allows its verbs."""
        super().check(document, found)
        for path, rule in elements(document.get("rules"), "rules"):
            _check_rule(mapping(rule), path, found)


class ClusterRoleSpec(_RoleSpec):
    """The manifest of a ClusterRole."""

    wire_shape: ClassVar[str] = "ClusterRole"


class RoleSpec(_RoleSpec):
    """The manifest of a Role."""

    wire_shape: ClassVar[str] = "Role"

    namespace: str = Field(
        default="my-aws-batch-namespace",
        title="Namespace",
        description="The namespace that the role is for.",
        examples=["my-aws-batch-namespace"],
    )

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check the namespace too."""
        super().check(document, found)
        _check_namespaced(document, found)
        for path, rule in elements(document.get("rules"), "rules"):
            urls = mapping(rule).get("nonResourceURLs")
            if urls:
                sentence = "Only cluster roles can have rules on non-resource URLs."
                found.fault(f"{path}.nonResourceURLs", urls, sentence, "Leave it out.", KUBERNETES_API)


class _BindingSpec(KubernetesSpec):
    api_version: ClassVar[str] = f"{RBAC_GROUP}/v1"
    kinds: ClassVar[tuple[str, ...]] = ()

    subjects: list[Subject] = Field(
        default=[Subject()],
        title="Subjects",
        description="Who gets the role: for Batch the user aws-batch.",
        examples=[[{"kind": "User", "name": "aws-batch", "apiGroup": RBAC_GROUP}]],
    )
    role_ref: RoleRef = Field(
        title="Role",
        description="The role that is given; it cannot be changed later.",
        examples=[{"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": "aws-batch-cluster-role"}],
    )

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check the subjects and the kind of role."""
        super().check(document, found)
        for path, subject in elements(document.get("subjects"), "subjects"):
            _check_subject(mapping(subject), path, found)
        role = mapping(document.get("roleRef"))
        if role.get("kind") is not None and role["kind"] not in cls.kinds:
            sentence = f"A {cls.wire_shape} gives a {' or a '.join(cls.kinds)}."
            found.fault("roleRef.kind", role["kind"], sentence, f"Write {cls.kinds[0]}.", KUBERNETES_API)
        if role.get("apiGroup") not in (None, RBAC_GROUP):
            sentence = f"The API group of roles is {RBAC_GROUP}."
            found.fault("roleRef.apiGroup", role["apiGroup"], sentence, f"Write {RBAC_GROUP}.", KUBERNETES_API)


class ClusterRoleBindingSpec(_BindingSpec):
    """The manifest of a ClusterRoleBinding."""

    wire_shape: ClassVar[str] = "ClusterRoleBinding"
    kinds: ClassVar[tuple[str, ...]] = ("ClusterRole",)


class RoleBindingSpec(_BindingSpec):
    """The manifest of a RoleBinding."""

    wire_shape: ClassVar[str] = "RoleBinding"
    kinds: ClassVar[tuple[str, ...]] = ("Role", "ClusterRole")

    namespace: str = Field(
        default="my-aws-batch-namespace",
        title="Namespace",
        description="The namespace that the role is given in.",
        examples=["my-aws-batch-namespace"],
    )

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check the namespace too."""
        super().check(document, found)
        _check_namespaced(document, found)


def _check_rule(rule: Mapping[str, Any], path: str, found: Findings) -> None:
    if rule.get("nonResourceURLs") or not rule:
        return
    for name in ("apiGroups", "resources", "verbs"):
        if not rule.get(name):
            sentence = f"A rule on resources needs {name}."
            found.fault(f"{path}.{name}", rule.get(name), sentence, f"Set {name}.", KUBERNETES_API)


def _check_subject(subject: Mapping[str, Any], path: str, found: Findings) -> None:
    kind = subject.get("kind")
    group = {"User": RBAC_GROUP, "Group": RBAC_GROUP, "ServiceAccount": ""}.get(str(kind))
    if kind is not None and group is None:
        sentence = "A subject is a User, a Group or a ServiceAccount."
        found.fault(f"{path}.kind", kind, sentence, "Write one of them.", KUBERNETES_API)
    elif group is not None and subject.get("apiGroup", group) != group:
        sentence = f"The API group of a {kind} is {group!r}."
        found.fault(f"{path}.apiGroup", subject["apiGroup"], sentence, f"Write {group!r}.", KUBERNETES_API)
    if kind == "ServiceAccount" and not subject.get("namespace"):
        sentence = "A service account is named with its namespace."
        found.fault(f"{path}.namespace", None, sentence, "Set namespace.", KUBERNETES_API)


def _check_namespaced(document: Mapping[str, Any], found: Findings) -> None:
    namespace = mapping(document.get("metadata")).get("namespace")
    if namespace is None:
        sentence = "The object stands in a namespace, which the document must name."
        found.fault("metadata.namespace", None, sentence, "Set metadata.namespace.", KUBERNETES_API)
    check_namespace(namespace, "metadata.namespace", found, member("EksConfiguration", "kubernetesNamespace"))


def batch_cluster_role() -> ClusterRoleSpec:
    """The cluster role of Batch, needed once per cluster."""
    watch = ["get", "list", "watch"]
    return ClusterRoleSpec(
        name="aws-batch-cluster-role",
        rules=[
            PolicyRule(resources=["namespaces"], verbs=["get"]),
            PolicyRule(resources=["nodes"], verbs=watch),
            PolicyRule(resources=["pods"], verbs=watch),
            PolicyRule(resources=["events"], verbs=["list"]),
            PolicyRule(resources=["configmaps"], verbs=watch),
            PolicyRule(
                api_groups=["apps"],
                resources=["daemonsets", "deployments", "statefulsets", "replicasets"],
                verbs=watch,
            ),
            PolicyRule(
                api_groups=[RBAC_GROUP],
                resources=["clusterroles", "clusterrolebindings"],
                verbs=["get", "list"],
            ),
        ],
    )


def batch_cluster_role_binding() -> ClusterRoleBindingSpec:
    """The binding of Batch's cluster role to the user aws-batch."""
    return ClusterRoleBindingSpec(
        name="aws-batch-cluster-role-binding",
        role_ref=RoleRef(kind="ClusterRole", name="aws-batch-cluster-role"),
    )


def batch_namespace_role(namespace: str = "my-aws-batch-namespace") -> RoleSpec:
    """The role of Batch in a namespace, needed once per namespace.

    Args:
        namespace: The namespace that Batch runs pods in.
    """
    return RoleSpec(
        name="aws-batch-compute-environment-role",
        namespace=namespace,
        rules=[
            PolicyRule(resources=["pods"], verbs=["create", "get", "list", "watch", "delete", "patch"]),
            PolicyRule(resources=["serviceaccounts"], verbs=["get", "list"]),
            PolicyRule(api_groups=[RBAC_GROUP], resources=["roles", "rolebindings"], verbs=["get", "list"]),
        ],
    )


def batch_namespace_role_binding(namespace: str = "my-aws-batch-namespace") -> RoleBindingSpec:
    """The binding of Batch's role in a namespace to the user aws-batch.

    Args:
        namespace: The namespace that Batch runs pods in.
    """
    return RoleBindingSpec(
        name="aws-batch-compute-environment-role-binding",
        namespace=namespace,
        role_ref=RoleRef(kind="Role", name="aws-batch-compute-environment-role"),
    )
