"""The RBAC authorizer (`k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac`), and its guard against escalation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.identity import Attributes, Decision, User
from sandbox.kubernetes.policy_rules import Rule, allows, uncovered
from sandbox.kubernetes.resources import BY_PATH, Resource
from sandbox.kubernetes.status_error import StatusError, forbidden, not_found
from sandbox.kubernetes.store import Store

Document = dict[str, Any]

_GROUP = "rbac.authorization.k8s.io"
_ROLES = BY_PATH[_GROUP, "v1", "roles"]
_CLUSTER_ROLES = BY_PATH[_GROUP, "v1", "clusterroles"]
_ROLE_BINDINGS = BY_PATH[_GROUP, "v1", "rolebindings"]
_CLUSTER_ROLE_BINDINGS = BY_PATH[_GROUP, "v1", "clusterrolebindings"]


@dataclass(frozen=True)
class Grant:
    """Rules that a binding gives to a user.

    Attributes:
        rules: The role's rules; none when the role does not exist.
        reason: How the binding, the role and the subject are named in a decision.
        fault: What is wrong with the binding, empty when nothing is.
    """

    rules: list[Rule]
    reason: str
    fault: str = ""


class RbacAuthorizer:
    """Decides by the roles and bindings in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def authorize(self, user: User, asked: Attributes) -> Decision:
        """Whether a binding allows a request."""
        faults: list[str] = []
        for grant in self.grants(user, asked.namespace):
            if any(allows(rule, asked) for rule in grant.rules):
                return Decision(True, grant.reason)
            if grant.fault:
                faults.append(grant.fault)
        return Decision(False, f"RBAC: {_listed(faults)}" if faults else "")

    def grants(self, user: User, namespace: str) -> Iterator[Grant]:
        """What every binding that names a user gives to it in a namespace."""
        for binding in self._store.items(_CLUSTER_ROLE_BINDINGS):
            subject = self._subject(binding, user, "")
            if subject:
                yield self._grant(binding, subject, "")
        if namespace:
            for binding in self._store.items(_ROLE_BINDINGS, namespace):
                subject = self._subject(binding, user, namespace)
                if subject:
                    yield self._grant(binding, subject, namespace)

    def rules(self, user: User, namespace: str) -> list[Rule]:
        """All rules of a user in a namespace."""
        return [rule for grant in self.grants(user, namespace) for rule in grant.rules]

    def check_escalation(self, user: User, resource: Resource, document: Document) -> None:
        """Refuse a role or a binding that gives more than its author has.

        Members of `system:masters` may do everything; `escalate` on roles and `bind` on the role referred to lift the
        rule         (Kubernetes: "Privilege escalation prevention and bootstrapping").

        Raises:
            StatusError: 403, or 404 when the role referred to does not exist.
        """
        if "system:masters" in user.groups:
            return
        namespace = document["metadata"].get("namespace", "")
        name = document["metadata"].get("name", "")
        if resource in (_ROLES, _CLUSTER_ROLES):
            if self.authorize(user, Attributes("escalate", _GROUP, resource.plural, "", namespace, name)).allowed:
                return
            wanted = document.get("rules") or []
        else:
            reference = document["roleRef"]
            role = _CLUSTER_ROLES if reference["kind"] == "ClusterRole" else _ROLES
            bound = Attributes("bind", _GROUP, role.plural, "", namespace, reference["name"])
            if self.authorize(user, bound).allowed:
                return
            found = self._store.get(role, namespace if role is _ROLES else "", reference["name"])
            if found is None:
                raise not_found(role, reference["name"])
            wanted = found.get("rules") or []
        missing = uncovered(self.rules(user, namespace), wanted)
        if missing:
            raise _escalation(user, resource, name, missing)

    def _grant(self, binding: Document, subject: str, namespace: str) -> Grant:
        reference = binding["roleRef"]
        role = _ROLES if reference["kind"] == "Role" else _CLUSTER_ROLES
        name, kind = reference["name"], reference["kind"]
        found = self._store.get(role, namespace if role is _ROLES else "", name)
        if found is None:
            return Grant([], "", f'{role.plural.removesuffix("s")}.{_GROUP} "{name}" not found')
        bound = f"{binding['metadata']['name']}/{namespace}" if namespace else binding["metadata"]["name"]
        reason = f'RBAC: allowed by {binding["kind"]} "{bound}" of {kind} "{name}" to {subject}'
        return Grant(found.get("rules") or [], reason)

    @staticmethod
    def _subject(binding: Document, user: User, namespace: str) -> str:
        """The subject of a binding that a user is, as decisions name it."""
        for subject in binding.get("subjects") or []:
            kind, name = subject["kind"], subject["name"]
            if kind == "User" and name == user.name:
                return f'User "{name}"'
            if kind == "Group" and name in user.groups:
                return f'Group "{name}"'
            if kind == "ServiceAccount":
                home = subject.get("namespace") or namespace
                if user.name == f"system:serviceaccount:{home}:{name}":
                    return f'ServiceAccount "{name}/{home}"'
        return ""


def _listed(faults: list[str]) -> str:
    return faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"


def _escalation(user: User, resource: Resource, name: str, missing: list[str]) -> StatusError:
    groups = " ".join(f'"{group}"' for group in user.groups)
    lines = "\n".join(missing)
    detail = (
        f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n{lines}'
    )
    return forbidden(resource, name, detail)
