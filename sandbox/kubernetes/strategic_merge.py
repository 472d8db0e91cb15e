"""Strategic merge patches: merge patches that know which lists are merged, and by which key.

The rules are those of `k8s.io/apimachinery/pkg/util/strategicpatch`; the merge keys come from the API types.
"""

import copy
from typing import Any

from sandbox.kubernetes.api_types import FieldType, field_of
from sandbox.kubernetes.json_patch import PatchError

_DIRECTIVES = ("$patch", "$retainKeys", "$setElementOrder/", "$deleteFromPrimitiveList/")


def apply_strategic_merge(target: dict[str, Any], patch: dict[str, Any], field: FieldType) -> dict[str, Any]:
    """Apply a strategic merge patch to a copy of an object.

    Args:
        target: The object as it is.
        patch: The patch, with `$patch`, `$retainKeys`, `$setElementOrder/...` and `$deleteFromPrimitiveList/...`.
        field: The object's type.

    Raises:
        PatchError: A directive is not known, or a list element has no merge key.
    """
    return _merge_map(target, patch, field)


def _merge_map(target: Any, patch: dict[str, Any], field: FieldType) -> dict[str, Any]:
    directive = patch.get("$patch")
    plain = {key: value for key, value in patch.items() if not key.startswith(_DIRECTIVES)}
    if directive == "replace":
        replaced: dict[str, Any] = _clean(plain)
        return replaced
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise PatchError(f"unknown patch type: {directive}")
    merged = copy.deepcopy(target) if isinstance(target, dict) else {}
    if "$retainKeys" in patch:
        merged = {key: value for key, value in merged.items() if key in patch["$retainKeys"]}
    for key, removed in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.split("/", 1)[1]
            merged[name] = [value for value in merged.get(name) or [] if value not in removed]
    for key, value in plain.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge_value(merged.get(key), value, field_of(field, key))
    for key, order in patch.items():
        if key.startswith("$setElementOrder/"):
            name = key.split("/", 1)[1]
            if isinstance(merged.get(name), list):
                server = (target or {}).get(name) or []
                merged[name] = _ordered(merged[name], order, server, field_of(field, name))
    return merged


def _merge_value(target: Any, value: Any, field: FieldType) -> Any:
    if isinstance(value, dict):
        return _merge_map(target, value, field)
    if isinstance(value, list):
        if "merge" not in field.strategies:
            return copy.deepcopy(value)
        existing = target if isinstance(target, list) else []
        if not field.merge_key:
            added = [item for position, item in enumerate(value) if item not in existing + value[:position]]
            return _ordered(existing + added, value, existing, field)
        return _ordered(_merge_list(existing, value, field), value, existing, field)
    return value


def _merge_list(existing: list[Any], patch: list[Any], field: FieldType) -> list[Any]:
    key = field.merge_key
    if any(element == {"$patch": "replace"} for element in patch):
        return [_clean(element) for element in patch if "$patch" not in element]
    merged = copy.deepcopy(existing)
    for element in patch:
        if not isinstance(element, dict) or key not in element:
            raise PatchError(f"map: {_go_map(element)} does not contain declared merge key: {key}")
        position = next((index for index, old in enumerate(merged) if old.get(key) == element[key]), None)
        if element.get("$patch") == "delete":
            if position is not None:
                del merged[position]
        elif position is None:
            merged.append(_clean({name: value for name, value in element.items() if name != "$patch"}))
        else:
            merged[position] = _merge_map(merged[position], element, field.element)
    return merged


def _ordered(merged: list[Any], order: list[Any], server: list[Any], field: FieldType) -> list[Any]:
    """Put a merged list in the patch's order (`normalizeElementOrder`).

    Elements that only the server has keep their place relative to those that both have; new ones come before them.
    """

    def identity(value: Any) -> Any:
        return value.get(field.merge_key) if isinstance(value, dict) else value

    wanted, places = [identity(value) for value in order], [identity(value) for value in server]
    patched = sorted(
        (value for value in merged if identity(value) in wanted), key=lambda value: wanted.index(identity(value))
    )
    others = [value for value in merged if identity(value) not in wanted]
    result: list[Any] = []
    while patched and others:
        left, right = identity(patched[0]), identity(others[0])
        behind = left in places and right in places and places.index(left) > places.index(right)
        result.append(others.pop(0) if behind else patched.pop(0))
    return result + patched + others


def _go_map(element: Any) -> str:
    """A patch's element as Go prints it."""
    if not isinstance(element, dict):
        return str(element)
    return "map[" + " ".join(f"{key}:{element[key]}" for key in sorted(element)) + "]"


def _clean(value: Any) -> Any:
    """A patch's value without directives and nulls, for where nothing exists yet."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if item is not None and not key.startswith(_DIRECTIVES)}
        return {key: _clean(item) for key, item in kept.items()}
    if isinstance(value, list):
        alive = [item for item in value if not (isinstance(item, dict) and item.get("$patch") == "delete")]
        return [_clean(item) for item in alive]
    return value
