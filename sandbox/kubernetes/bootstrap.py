"""What a cluster holds when it has just started: system namespaces, bootstrap roles and bindings.

`bootstrap_rbac.json` is recorded from kube-apiserver 1.20: its roles for people and nodes, without those of the
controllers of a controller manager, which does not run here.
"""

import json
import uuid
from pathlib import Path
from typing import Any

from sandbox.kubernetes.object_registry import now
from sandbox.kubernetes.resources import NAMESPACES, RESOURCES, SERVICE_ACCOUNTS
from sandbox.kubernetes.role_aggregation import aggregate_roles
from sandbox.kubernetes.store import Store

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")

_ROLES_FILE = Path(__file__).with_name("bootstrap_rbac.json")
_BY_KIND = {resource.kind: resource for resource in RESOURCES}


def bootstrap(store: Store) -> None:
    """Fill an empty store."""
    for name in SYSTEM_NAMESPACES:
        namespace = {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
        store.write(
            NAMESPACES, _new({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, **namespace})
        )
        account = {"name": "default", "namespace": name}
        store.write(SERVICE_ACCOUNTS, _new({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}))
    for document in json.loads(_ROLES_FILE.read_text()):
        store.write(_BY_KIND[document["kind"]], _new(document))
    aggregate_roles(store)


def _new(document: dict[str, Any]) -> dict[str, Any]:
    document["metadata"].update({"uid": str(uuid.uuid4()), "creationTimestamp": now()})
    return document
