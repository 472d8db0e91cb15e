"""`metadata.managedFields`: who set which field last, kept up at every write.

The rules are those of `k8s.io/apimachinery/pkg/util/managedfields`, compared with kube-apiserver 1.20: an update owns
the fields that it adds or changes and takes them from everybody else.
"""

from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.api_types import kind_type
from sandbox.kubernetes.field_sets import FieldSet, FieldValues, Path, decode, encode, field_values

Document = dict[str, Any]

_MAX_UPDATERS = 10

# Never owned by anybody (`stripSet`).
_UNOWNED = {("f:apiVersion",), ("f:kind",), ("f:metadata",)} | {
    ("f:metadata", f"f:{name}")
    for name in (
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    )
}

# What an empty Go object already has: creating it does not add these, only what is below them.
_ALWAYS_THERE = {
    ("f:spec",),
    ("f:status",),
    ("f:roleRef",),
    ("f:involvedObject",),
    ("f:source",),
    ("f:spec", "f:containers"),
    ("f:spec", "f:selector"),
    ("f:spec", "f:strategy"),
    ("f:spec", "f:updateStrategy"),
    ("f:spec", "f:template"),
    ("f:spec", "f:template", "f:metadata"),
    ("f:spec", "f:template", "f:spec"),
    ("f:spec", "f:template", "f:spec", "f:containers"),
    ("f:status", "f:daemonEndpoints"),
    ("f:status", "f:daemonEndpoints", "f:kubeletEndpoint"),
    ("f:status", "f:nodeInfo"),
}


@dataclass(frozen=True)
class Manager:
    """One entry of `managedFields`."""

    name: str
    operation: str
    api_version: str


@dataclass(frozen=True)
class Ownership:
    """What a manager owns, and since when."""

    fields: FieldSet
    time: str


Managers = dict[Manager, Ownership]


def read_managers(document: Document) -> Managers:
    """The managers that an object's `managedFields` lists."""
    return {
        Manager(entry["manager"], entry["operation"], entry["apiVersion"]): Ownership(
            decode(entry.get("fieldsV1") or {}), entry.get("time", "")
        )
        for entry in document["metadata"].get("managedFields") or []
    }


def write_managers(document: Document, managers: Managers) -> None:
    """Set an object's `managedFields`; entries that own nothing are left out."""
    entries = [
        {
            "apiVersion": manager.api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": encode(ownership.fields),
            "manager": manager.name,
            "operation": manager.operation,
            "time": ownership.time,
        }
        for manager, ownership in managers.items()
        if ownership.fields
    ]
    entries.sort(key=lambda entry: (entry["operation"], entry["time"], entry["manager"]))
    if entries:
        document["metadata"]["managedFields"] = entries
    else:
        document["metadata"].pop("managedFields", None)


def owned_values(document: Document | None) -> FieldValues:
    """An object's fields, without those that nobody owns."""
    if document is None:
        return FieldValues()
    found = field_values(document, kind_type(document["kind"]))
    ignored = ("f:metadata", "f:managedFields")
    return FieldValues({path: value for path, value in found.items() if path not in _UNOWNED and path[:2] != ignored})


def record_update(before: Document | None, after: Document, manager: str, now: str) -> None:
    """Note in `after` that a manager made it out of `before` by a create, replace or patch."""
    managers = read_managers(after if after["metadata"].get("managedFields") or before is None else before)
    if after["metadata"].get("managedFields") == []:
        # A client may ask for the managers to be forgotten by sending an empty list.
        managers = {}
    old, new = owned_values(before), owned_values(after)
    changed = frozenset(path for path in new if _changed(path, old, new))
    managers = without_fields(managers, changed | gone(old, new))
    this = Manager(manager, "Update", after["apiVersion"])
    if changed:
        fields = managers[this].fields | changed if this in managers else changed
        managers[this] = Ownership(fields, now)
        managers = _capped(managers)
    write_managers(after, managers)


def gone(old: FieldValues, new: FieldValues) -> FieldSet:
    """The fields that were there and are not any more."""
    return frozenset(path for path in old if path not in new)


def without_fields(managers: Managers, fields: FieldSet) -> Managers:
    """The managers with some fields taken from all of them."""
    return {manager: Ownership(kept.fields - fields, kept.time) for manager, kept in managers.items()}


def _changed(path: Path, old: FieldValues, new: FieldValues) -> bool:
    if path in old:
        return new.leaf(path) and (not old.leaf(path) or old[path] != new[path])
    if path in _ALWAYS_THERE:
        return new.leaf(path) and new[path] != {}
    in_empty_object = not path[:-1] or path[:-1] in _ALWAYS_THERE
    return not (in_empty_object and new.leaf(path) and new[path] in (None, "", 0))


def _capped(managers: Managers) -> Managers:
    """Merge the oldest updaters into one entry when there are more than ten."""
    updaters = sorted(
        (kept.time, manager.name, manager) for manager, kept in managers.items() if manager.operation == "Update"
    )
    surplus = (
        [manager for _, _, manager in updaters[: len(updaters) - _MAX_UPDATERS + 1]]
        if len(updaters) > _MAX_UPDATERS
        else []
    )
    if not surplus:
        return managers
    merged = frozenset().union(*(managers[manager].fields for manager in surplus))
    ancient = Manager("ancient-changes", "Update", surplus[-1].api_version)
    rest = {manager: kept for manager, kept in managers.items() if manager not in surplus}
    return {ancient: Ownership(merged, managers[surplus[-1]].time), **rest}
