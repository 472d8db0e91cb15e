"""Objects as tables, which is what `kubectl get` asks for (`meta.k8s.io/v1` Table)."""

import datetime
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.kubernetes.resources import Resource

Document = dict[str, Any]


def as_table(resource: Resource, documents: Iterable[Document], version: str, whole_object: bool) -> Document:
    """A table of objects.

    Args:
        resource: The objects' resource.
        documents: The objects.
        version: The list's resource version.
        whole_object: Whether rows carry the object instead of its metadata only (`includeObject=Object`).
    """
    columns, cells = _COLUMNS.get(resource.plural, ((), _no_cells))
    wide_columns, wide_cells = _WIDE_COLUMNS.get(resource.plural, ((), _no_cells))
    dated = resource.plural in ("roles", "clusterroles")
    rows: list[Document] = []
    for document in documents:
        created = document["metadata"]["creationTimestamp"] if dated else _age(document)
        row = [document["metadata"]["name"], *cells(document), created, *wide_cells(document)]
        rows.append({"cells": row, "object": _carried(document, whole_object)})
    definitions = [_column(name) for name in ("Name", *columns, "Created At" if dated else "Age", *wide_columns)]
    for definition in definitions:
        if definition["name"] in _WIDE_ONLY or (resource.plural == "events" and definition["name"] in ("Name", "Age")):
            definition["priority"] = 1
    metadata = {"resourceVersion": version}
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    }


def asks_for_table(accept: str) -> bool:
    """Whether an Accept header prefers tables."""
    return "as=Table" in accept.split(",")[0]


def _carried(document: Document, whole_object: bool) -> Document:
    if whole_object:
        return document
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": document["metadata"]}


def _column(name: str) -> Document:
    return {
        "name": name,
        "type": "string",
        "format": "name" if name == "Name" else "",
        "description": "",
        "priority": 0,
    }


def _no_cells(document: Document) -> list[object]:
    del document
    return []


def _age(document: Document) -> str:
    return _since(document["metadata"].get("creationTimestamp"))


def _since(timestamp: str | None) -> str:
    """How long ago, as kubectl prints it (`duration.HumanDuration`)."""
    if not timestamp:
        return "<unknown>"
    then = datetime.datetime.fromisoformat(timestamp)
    seconds = max(0, int((datetime.datetime.now(datetime.UTC) - then).total_seconds()))
    if seconds < 120:
        return f"{seconds}s"
    minutes, hours = seconds // 60, seconds // 3600
    if minutes < 10:
        rest = seconds % 60
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        rest = minutes % 60
        return f"{hours}h{rest}m" if rest else f"{hours}h"
    return f"{hours}h" if hours < 48 else f"{hours // 24}d"


def _pod_cells(document: Document) -> list[object]:
    statuses = document.get("status", {}).get("containerStatuses") or []
    ready = sum(1 for status in statuses if status.get("ready"))
    total = len(document["spec"]["containers"])
    restarts = sum(status.get("restartCount", 0) for status in statuses)
    return [f"{ready}/{total}", _pod_status(document, statuses), restarts]


def _pod_status(document: Document, statuses: list[Document]) -> str:
    if "deletionTimestamp" in document["metadata"]:
        return "Terminating"
    for status in reversed(statuses):
        state = status.get("state") or {}
        for kind in ("waiting", "terminated"):
            if (state.get(kind) or {}).get("reason"):
                return str(state[kind]["reason"])
    return str(document.get("status", {}).get("reason") or document.get("status", {}).get("phase", ""))


def _node_cells(document: Document) -> list[object]:
    conditions = document.get("status", {}).get("conditions") or []
    ready = next((condition["status"] for condition in conditions if condition["type"] == "Ready"), "Unknown")
    shown = {"True": "Ready", "False": "NotReady"}.get(ready, "Unknown")
    if document["spec"].get("unschedulable"):
        shown += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    labels = document["metadata"].get("labels") or {}
    roles = sorted(label.removeprefix(prefix) for label in labels if label.startswith(prefix))
    return [shown, ",".join(roles) or "<none>"]


def _event_cells(document: Document) -> list[object]:
    involved = document["involvedObject"]
    target = f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"
    seen = _since(document.get("lastTimestamp") or document.get("eventTime") or document.get("firstTimestamp"))
    return [seen, document.get("type", ""), document.get("reason", ""), target, document.get("message", "").strip()]


def _binding_cells(document: Document) -> list[object]:
    return [f"{document['roleRef']['kind']}/{document['roleRef']['name']}"]


def _workload_cells(document: Document) -> list[object]:
    status = document.get("status", {})
    ready = status.get("readyReplicas", status.get("numberReady", 0))
    wanted = document["spec"].get("replicas", status.get("desiredNumberScheduled", 0))
    return [f"{ready}/{wanted}"]


def _wide_pod_cells(document: Document) -> list[object]:
    address = document.get("status", {}).get("podIP") or "<none>"
    return [address, document["spec"].get("nodeName") or "<none>", "<none>", "<none>"]


def _wide_node_cells(document: Document) -> list[object]:
    status = document.get("status", {})
    addresses = {item["type"]: item["address"] for item in status.get("addresses") or []}
    info = status.get("nodeInfo", {})
    found = [addresses.get("InternalIP"), addresses.get("ExternalIP"), info.get("osImage"), info.get("kernelVersion")]
    runtime = info.get("containerRuntimeVersion") or "<unknown>"
    return [info.get("kubeletVersion", ""), *(value or "<none>" for value in found), runtime]


# Columns behind the age; all but a node's version are only shown by `kubectl get -o wide`.
_WIDE_COLUMNS: dict[str, tuple[tuple[str, ...], Callable[[Document], list[object]]]] = {
    "pods": (("IP", "Node", "Nominated Node", "Readiness Gates"), _wide_pod_cells),
    "nodes": (
        ("Version", "Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime"),
        _wide_node_cells,
    ),
}
_WIDE_ONLY = {name for columns, _ in _WIDE_COLUMNS.values() for name in columns} - {"Version"}
_COLUMNS: dict[str, tuple[tuple[str, ...], Callable[[Document], list[object]]]] = {
    "pods": (("Ready", "Status", "Restarts"), _pod_cells),
    "nodes": (("Status", "Roles"), _node_cells),
    "namespaces": (("Status",), lambda document: [document["status"]["phase"]]),
    "configmaps": (
        ("Data",),
        lambda document: [len(document.get("data") or {}) + len(document.get("binaryData") or {})],
    ),
    "serviceaccounts": (("Secrets",), lambda document: [len(document.get("secrets") or [])]),
    "events": (("Last Seen", "Type", "Reason", "Object", "Message"), _event_cells),
    "rolebindings": (("Role",), _binding_cells),
    "clusterrolebindings": (("Role",), _binding_cells),
    **dict.fromkeys(("daemonsets", "deployments", "replicasets", "statefulsets"), (("Ready",), _workload_cells)),
}
