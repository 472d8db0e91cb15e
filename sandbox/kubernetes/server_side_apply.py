"""Server-side apply: a manager's intent merged into an object, with conflicts told.

The rules are those of `sigs.k8s.io/structured-merge-diff/merge`, compared with kube-apiserver 1.20.
"""

import copy
import json
from typing import Any

from sandbox.kubernetes.api_types import FieldType, field_of, kind_type
from sandbox.kubernetes.field_sets import FieldSet, dotted, remove_fields
from sandbox.kubernetes.managed_fields import (
    Document,
    Manager,
    Ownership,
    owned_values,
    read_managers,
    without_fields,
    write_managers,
)
from sandbox.kubernetes.status_error import StatusError

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def apply_intent(live: Document, intent: Document, manager: str, now: str, *, force: bool) -> Document:
    """Merge what a manager wants into a copy of the live object.

    Fields that the manager applied before and does not any more are removed, unless somebody else owns them too.

    Args:
        live: The object as it is; an object of only its identity when it does not exist yet.
        intent: The applied configuration.
        manager: Field manager.
        now: Time of this request.
        force: Take fields over from other managers instead of refusing.

    Raises:
        StatusError: 409, another manager owns a field with another value.
    """
    managers = read_managers(live)
    this = Manager(manager, "Apply", intent["apiVersion"])
    others = {other: kept for other, kept in managers.items() if other != this}
    wanted, found = owned_values(intent), owned_values(live)
    applied = wanted.applied()
    changed = frozenset(path for path in applied if wanted.leaf(path) and wanted[path] != found.get(path))
    clashes = {other: kept.fields & changed for other, kept in others.items() if kept.fields & changed}
    if clashes and not force and not _upgrades(live, manager, clashes):
        raise _conflicts(clashes)
    merged: Document = _merge(live, intent, kind_type(intent["kind"]))
    before = managers[this].fields if this in managers else frozenset()
    elsewhere = frozenset().union(*(kept.fields for kept in others.values()))
    remove_fields(merged, before - applied - elsewhere)
    _update_last_applied(live, merged, intent, manager)
    kept_others = without_fields(others, changed)
    time = managers[this].time if this in managers and before == applied else now
    merged["metadata"].pop("managedFields", None)
    write_managers(merged, {**kept_others, this: Ownership(applied, time)})
    return merged


def _upgrades(live: Document, manager: str, clashes: dict[Manager, FieldSet]) -> bool:
    """Whether `kubectl apply --server-side` takes over what `kubectl apply` has set before, which is no conflict.

    That is so for fields that the annotation with the last applied configuration names.
    """
    text = (live["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    if manager != "kubectl" or not text:
        return False
    last = owned_values(json.loads(text))
    return all(paths <= last.applied() for paths in clashes.values())


def _update_last_applied(live: Document, merged: Document, intent: Document, manager: str) -> None:
    """Keep the annotation of `kubectl apply` true, for when it is used again."""
    if manager == "kubectl" and _LAST_APPLIED in (live["metadata"].get("annotations") or {}):
        text = json.dumps(intent, separators=(",", ":"), sort_keys=True) + "\n"
        annotations = merged["metadata"].get("annotations") or {}
        merged["metadata"]["annotations"] = {**annotations, _LAST_APPLIED: text}


def _conflicts(clashes: dict[Manager, FieldSet]) -> StatusError:
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {_shown(manager)}", "field": dotted(path)}
        for manager, paths in clashes.items()
        for path in sorted(paths)
    ]
    count = f"{len(causes)} conflict{'s' if len(causes) > 1 else ''}"
    lines: list[str] = []
    for manager, paths in sorted(clashes.items(), key=lambda item: item[0].name):
        if len(causes) == 1:
            lines.append(f"conflict with {_shown(manager)}: {dotted(next(iter(paths)))}")
        else:
            lines.append(
                f"conflicts with {_shown(manager)}:" + "".join(f"\n- {dotted(path)}" for path in sorted(paths))
            )
    message = f"Apply failed with {count}: " + "\n".join(lines)
    return StatusError(409, "Conflict", message, {"causes": causes})


def _shown(manager: Manager) -> str:
    using = f" using {manager.api_version}" if manager.operation == "Update" else ""
    return f'"{manager.name}"{using}'


def _merge(live: Any, wanted: Any, field: FieldType) -> Any:
    if isinstance(wanted, dict) and isinstance(live, dict):
        merged = dict(live)
        for name, value in wanted.items():
            merged[name] = _merge(live.get(name), value, field_of(field, name))
        return merged
    if isinstance(wanted, list) and isinstance(live, list) and field.list_type in ("map", "set"):
        return _merge_list(live, wanted, field)
    return copy.deepcopy(wanted)


def _merge_list(live: list[Any], wanted: list[Any], field: FieldType) -> list[Any]:
    def same(left: Any, right: Any) -> bool:
        if field.list_type == "set":
            return bool(left == right)
        return all(left.get(key) == right.get(key) for key in field.list_keys)

    merged = [next((_merge(old, new, field.element) for new in wanted if same(old, new)), old) for old in live]
    return merged + [copy.deepcopy(new) for new in wanted if not any(same(old, new) for old in live)]
