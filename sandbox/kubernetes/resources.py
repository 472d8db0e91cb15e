"""The resources that the embedded API server serves."""

from dataclasses import dataclass

CORE_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Resource:
    """A resource of an API group, as `/api/v1` and `/apis/GROUP/VERSION` list it.

    Attributes:
        group: API group; empty for the core group.
        version: API version.
        plural: Name in paths.
        kind: Kind of its objects.
        namespaced: Whether its objects live in a namespace.
        singular: Name for one, as kubectl accepts it.
        short_names: kubectl's abbreviations.
        categories: kubectl's groups of resources, such as `all`.
        verbs: What can be done with it.
        subresources: Subresource and the verbs of each.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = CORE_VERBS
    subresources: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """Resource with its group, as error messages name it: `roles.rbac.authorization.k8s.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """Kind with its group, as validation messages name it: `Role.rbac.authorization.k8s.io`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def virtual(self) -> bool:
        """Whether it is answered and never stored, as access reviews are."""
        return self.verbs == ("create",)


_RBAC = "rbac.authorization.k8s.io"
_STATUS = (("status", ("get", "patch", "update")),)
_CREATE = ("create",)


def _workload(plural: str, kind: str, short: str) -> Resource:
    return Resource("apps", "v1", plural, kind, True, kind.lower(), (short,), ("all",), subresources=_STATUS)


RESOURCES = (
    Resource("", "v1", "configmaps", "ConfigMap", True, "configmap", ("cm",)),
    Resource("", "v1", "events", "Event", True, "event", ("ev",)),
    Resource(
        "",
        "v1",
        "namespaces",
        "Namespace",
        False,
        "namespace",
        ("ns",),
        verbs=tuple(verb for verb in CORE_VERBS if verb != "deletecollection"),
        subresources=(("finalize", ("update",)), *_STATUS),
    ),
    Resource("", "v1", "nodes", "Node", False, "node", ("no",), subresources=_STATUS),
    Resource("", "v1", "pods", "Pod", True, "pod", ("po",), ("all",), subresources=(("log", ("get",)), *_STATUS)),
    Resource("", "v1", "serviceaccounts", "ServiceAccount", True, "serviceaccount", ("sa",)),
    _workload("daemonsets", "DaemonSet", "ds"),
    _workload("deployments", "Deployment", "deploy"),
    _workload("replicasets", "ReplicaSet", "rs"),
    _workload("statefulsets", "StatefulSet", "sts"),
    Resource(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", False, "clusterrolebinding"),
    Resource(_RBAC, "v1", "clusterroles", "ClusterRole", False, "clusterrole"),
    Resource(_RBAC, "v1", "rolebindings", "RoleBinding", True, "rolebinding"),
    Resource(_RBAC, "v1", "roles", "Role", True, "role"),
    Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", False, "tokenreview", verbs=_CREATE),
    Resource(
        "authentication.k8s.io",
        "v1",
        "selfsubjectreviews",
        "SelfSubjectReview",
        False,
        "selfsubjectreview",
        verbs=_CREATE,
    ),
    *(
        Resource(
            "authorization.k8s.io",
            "v1",
            f"{kind.lower()}s",
            kind,
            kind.startswith("Local"),
            kind.lower(),
            verbs=_CREATE,
        )
        for kind in (
            "LocalSubjectAccessReview",
            "SelfSubjectAccessReview",
            "SelfSubjectRulesReview",
            "SubjectAccessReview",
        )
    ),
)

BY_PATH = {(resource.group, resource.version, resource.plural): resource for resource in RESOURCES}
NAMESPACES = BY_PATH["", "v1", "namespaces"]
SERVICE_ACCOUNTS = BY_PATH["", "v1", "serviceaccounts"]
STORED = tuple(resource for resource in RESOURCES if not resource.virtual)
