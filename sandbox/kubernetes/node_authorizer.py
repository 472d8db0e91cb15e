"""What kubelets may do: the Node authorizer's share of `system:nodes`.

A real one (`k8s.io/kubernetes/plugin/pkg/auth/authorizer/node`) gives a node the `system:node` rules, with config maps,
secrets, volumes and service account tokens only where one of its own pods refers to them.
"""

from typing import Any

from sandbox.kubernetes.identity import Attributes, Decision, User
from sandbox.kubernetes.policy_rules import allows
from sandbox.kubernetes.resources import BY_PATH, SERVICE_ACCOUNTS
from sandbox.kubernetes.store import Store

Document = dict[str, Any]

_PODS = BY_PATH["", "v1", "pods"]
_CLUSTER_ROLES = BY_PATH["rbac.authorization.k8s.io", "v1", "clusterroles"]
_PREFIX = "system:node:"
_RELATED = ("configmaps", "secrets", "persistentvolumeclaims", "persistentvolumes", "volumeattachments")


def node_name(user: User) -> str:
    """The name of the node that a user is, empty when it is none."""
    if "system:nodes" in user.groups and user.name.startswith(_PREFIX):
        return user.name.removeprefix(_PREFIX)
    return ""


class NodeAuthorizer:
    """Decides for members of `system:nodes` that are named after their node."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def authorize(self, user: User, asked: Attributes) -> Decision:
        """Whether a node may do this."""
        node = node_name(user)
        if not node:
            return Decision(False)
        if asked.group == "" and asked.resource in _RELATED:
            if asked.verb in ("get", "list", "watch") and asked.name and self._refers(node, asked):
                return Decision(True)
            return Decision(False, f"no relationship found between node '{node}' and this object")
        if asked.full_resource == "serviceaccounts/token":
            if asked.verb == "create" and self._runs_as(node, asked):
                return Decision(True)
            return Decision(False, f"no relationship found between node '{node}' and this object")
        role = self._store.get(_CLUSTER_ROLES, "", "system:node")
        rules = (role or {}).get("rules") or []
        return Decision(any(allows(rule, asked) for rule in rules))

    def _pods(self, node: str, namespace: str) -> list[Document]:
        return [pod for pod in self._store.items(_PODS, namespace) if pod["spec"].get("nodeName") == node]

    def _refers(self, node: str, asked: Attributes) -> bool:
        key = {"configmaps": "configMap", "secrets": "secret"}.get(asked.resource)
        if key is None:
            return False
        return any(_mentions(pod["spec"], key, asked.name) for pod in self._pods(node, asked.namespace))

    def _runs_as(self, node: str, asked: Attributes) -> bool:
        accounts = (pod["spec"].get("serviceAccountName") for pod in self._pods(node, asked.namespace))
        exists = self._store.get(SERVICE_ACCOUNTS, asked.namespace, asked.name) is not None
        return exists and asked.name in accounts


def _mentions(value: Any, key: str, name: str) -> bool:
    """Whether a pod's spec refers to a config map or secret anywhere (volumes, env, envFrom, pull secrets)."""
    if isinstance(value, list):
        return any(_mentions(item, key, name) for item in value)
    if not isinstance(value, dict):
        return False
    for field, item in value.items():
        if field in (key, f"{key}KeyRef", f"{key}Ref") and isinstance(item, dict):
            if name in (item.get("name"), item.get("secretName")):
                return True
        elif field == "imagePullSecrets" and key == "secret":
            if any(reference.get("name") == name for reference in item):
                return True
        elif _mentions(item, key, name):
            return True
    return False
