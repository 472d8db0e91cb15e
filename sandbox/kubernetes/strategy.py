"""What each kind does to objects before they are stored: which parts a request may change at all.

The rules are the `PrepareForCreate` and `PrepareForUpdate` of `k8s.io/kubernetes/pkg/registry/*/strategy.go`.
"""

from datetime import datetime
from typing import Any

from sandbox.kubernetes.defaults import qos_class
from sandbox.kubernetes.resources import Resource

Document = dict[str, Any]

_STATUS_COUNTS = {
    "DaemonSet": ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"),
    "ReplicaSet": ("replicas",),
    "StatefulSet": ("replicas",),
}
_KEPT_METADATA = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "generation",
)


def prepare_for_create(resource: Resource, document: Document) -> None:
    """Drop what a create may not set, in place."""
    metadata = document["metadata"]
    for name in (*_KEPT_METADATA, "resourceVersion"):
        metadata.pop(name, None)
    if resource.plural == "namespaces":
        spec = document.setdefault("spec", {})
        spec["finalizers"] = list(dict.fromkeys([*(spec.get("finalizers") or []), "kubernetes"]))
        document["status"] = {"phase": "Active"}
    elif resource.plural == "pods":
        document["status"] = {"phase": "Pending", "qosClass": qos_class(document["spec"])}
    elif resource.group == "apps":
        document["status"] = dict.fromkeys(_STATUS_COUNTS.get(resource.kind, ()), 0)
        metadata["generation"] = 1


def prepare_for_update(resource: Resource, before: Document, after: Document, subresource: str) -> None:
    """Keep what this kind of update may not change, in place."""
    old, new = before["metadata"], after["metadata"]
    for name in _KEPT_METADATA:
        if (name in old and (name not in ("uid", "creationTimestamp") or not new.get(name))) or (
            name == "creationTimestamp" and _same_instant(str(new.get(name)), str(old.get(name)))
        ):
            new[name] = old[name]
        elif name not in old:
            new.pop(name, None)
    if subresource == "status":
        _keep(before, after, "spec")
    elif subresource == "finalize" or any(name == "status" for name, _ in resource.subresources):
        _keep(before, after, "status")
    if resource.plural == "namespaces" and not subresource:
        _keep(before, after, "spec")
    if resource.group == "apps" and before.get("spec") != after.get("spec"):
        new["generation"] = old.get("generation", 1) + 1


def _same_instant(one: str, other: str) -> bool:
    """Go decodes both, so the official Python client's `+00:00` is as good as `Z`."""
    try:
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    except ValueError:
        return False


def graceful_period(resource: Resource, document: Document, asked: int | None) -> int:
    """How long a deleted object may live on: pods that run somewhere get their termination grace period."""
    if resource.plural != "pods":
        return 0
    if not document["spec"].get("nodeName") or document.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    if asked is not None:
        return asked
    period: int = document["spec"].get("terminationGracePeriodSeconds", 30)
    return period


def answers_deleted_object(resource: Resource) -> bool:
    """Whether a delete is answered with the object instead of a `Status`."""
    return resource.plural in ("pods", "serviceaccounts")


def _keep(before: Document, after: Document, part: str) -> None:
    if part in before:
        after[part] = before[part]
    else:
        after.pop(part, None)
