"""What makes a role or a binding invalid (`k8s.io/kubernetes/pkg/apis/rbac/validation`)."""

from typing import Any

from sandbox.kubernetes.status_error import GoValue, Invalid, invalid, not_supported, quoted, required

Document = dict[str, Any]

_RBAC = "rbac.authorization.k8s.io"
_SUBJECT_KINDS = ("ServiceAccount", "User", "Group")


def rbac_faults(document: Document) -> list[Invalid]:
    """The faults of a Role, ClusterRole, RoleBinding or ClusterRoleBinding."""
    namespaced = not document["kind"].startswith("Cluster")
    if document["kind"].endswith("Binding"):
        return [*_role_ref_faults(document.get("roleRef") or {}, namespaced), *_subject_faults(document)]
    faults: list[Invalid] = []
    for index, rule in enumerate(document.get("rules") or []):
        faults += _rule_faults(rule, f"rules[{index}]", namespaced)
    return faults


def rbac_update_faults(before: Document, after: Document) -> list[Invalid]:
    """The faults of a changed binding: its roleRef may not change."""
    if before.get("roleRef") == after.get("roleRef"):
        return []
    reference = after.get("roleRef") or {}
    shown = ", ".join(f"{name}:{quoted(reference.get(_wire(name), ''))}" for name in ("APIGroup", "Kind", "Name"))
    return [invalid("roleRef", GoValue(f"rbac.RoleRef{{{shown}}}"), "cannot change roleRef")]


def _wire(name: str) -> str:
    return "apiGroup" if name == "APIGroup" else name.lower()


def _rule_faults(rule: Document, path: str, namespaced: bool) -> list[Invalid]:
    faults: list[Invalid] = []
    urls = rule.get("nonResourceURLs") or []
    if not rule.get("verbs"):
        faults.append(required(f"{path}.verbs", "verbs must contain at least one value"))
    if urls:
        shown = GoValue("[]string{" + ", ".join(quoted(url) for url in urls) + "}")
        if namespaced:
            text = "namespaced rules cannot apply to non-resource URLs"
            faults.append(invalid(f"{path}.nonResourceURLs", shown, text))
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            text = "rules cannot apply to both regular resources and non-resource URLs"
            faults.append(invalid(f"{path}.nonResourceURLs", shown, text))
        return faults
    if not rule.get("apiGroups"):
        faults.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        faults.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return faults


def _role_ref_faults(reference: Document, namespaced: bool) -> list[Invalid]:
    faults: list[Invalid] = []
    if reference.get("apiGroup") != _RBAC:
        faults.append(not_supported("roleRef.apiGroup", reference.get("apiGroup", ""), [_RBAC]))
    kinds = ("Role", "ClusterRole") if namespaced else ("ClusterRole",)
    if reference.get("kind") not in kinds:
        faults.append(not_supported("roleRef.kind", reference.get("kind", ""), kinds))
    if not reference.get("name"):
        faults.append(required("roleRef.name"))
    return faults


def _subject_faults(document: Document) -> list[Invalid]:
    faults: list[Invalid] = []
    in_namespace = bool(document["metadata"].get("namespace"))
    for index, subject in enumerate(document.get("subjects") or []):
        path, kind = f"subjects[{index}]", subject.get("kind", "")
        if not subject.get("name"):
            faults.append(required(f"{path}.name"))
        if kind not in _SUBJECT_KINDS:
            faults.append(not_supported(f"{path}.kind", kind, _SUBJECT_KINDS))
            continue
        group = "" if kind == "ServiceAccount" else _RBAC
        if subject.get("apiGroup", "") != group:
            faults.append(not_supported(f"{path}.apiGroup", subject.get("apiGroup", ""), [group]))
        if kind == "ServiceAccount" and not subject.get("namespace") and not in_namespace:
            faults.append(required(f"{path}.namespace"))
    return faults
