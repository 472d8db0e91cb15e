"""JSON patch (RFC 6902) and JSON merge patch (RFC 7386)."""

import copy
from typing import Any


class PatchError(Exception):
    """The patch cannot be applied to this document."""


def apply_json_patch(document: dict[str, Any], operations: object) -> dict[str, Any]:
    """Apply a JSON patch to a copy of a document.

    Raises:
        PatchError: The patch is malformed, a path does not exist, or a `test` fails.
    """
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    holder: dict[str, Any] = {"": copy.deepcopy(document)}
    for operation in operations:
        if not isinstance(operation, dict) or "op" not in operation or "path" not in operation:
            raise PatchError("an operation of a JSON patch has `op` and `path`")
        _apply(holder, operation)
    patched: dict[str, Any] = holder[""]
    return patched


def apply_merge_patch(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch to a copy of a value; null deletes."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = apply_merge_patch(merged.get(key), value)
    return merged


def _apply(holder: dict[str, Any], operation: dict[str, Any]) -> None:
    kind, path = operation["op"], operation["path"]
    if kind in ("add", "replace", "test") and "value" not in operation:
        raise PatchError(f"operation {kind} needs a `value`")
    if kind == "test":
        if not _same(_get(holder, path), operation["value"]):
            raise PatchError(f"testing path {path} failed")
    elif kind == "add":
        _add(holder, path, copy.deepcopy(operation["value"]))
    elif kind == "replace":
        _get(holder, path)
        parent, token = _parent(holder, path)
        parent[_index(parent, token)] = copy.deepcopy(operation["value"])
    elif kind == "remove":
        _remove(holder, path)
    elif kind in ("move", "copy"):
        value = copy.deepcopy(_get(holder, operation.get("from", "")))
        if kind == "move":
            _remove(holder, operation["from"])
        _add(holder, path, value)
    else:
        raise PatchError(f"unexpected kind: {kind}")


def _same(left: Any, right: Any) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _get(holder: dict[str, Any], path: str) -> Any:
    parent, token = _parent(holder, path)
    try:
        return parent[_index(parent, token)]
    except (KeyError, IndexError) as error:
        raise PatchError(f"nonexistent path: {path}") from error


def _add(holder: dict[str, Any], path: str, value: Any) -> None:
    parent, token = _parent(holder, path)
    if not isinstance(parent, list):
        parent[token] = value
        return
    index = len(parent) if token in ("-",) else _index(parent, token)
    if index > len(parent):
        raise PatchError(f"index out of bounds: {path}")
    parent.insert(index, value)


def _remove(holder: dict[str, Any], path: str) -> None:
    _get(holder, path)
    parent, token = _parent(holder, path)
    del parent[_index(parent, token)]


def _parent(holder: dict[str, Any], path: str) -> tuple[Any, str]:
    """The container that a JSON pointer's last token is looked up in."""
    if path and not path.startswith("/"):
        raise PatchError(f"not a JSON pointer: {path}")
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in path.split("/")]
    current: Any = holder
    for token in tokens[:-1]:
        try:
            current = current[_index(current, token)]
        except (KeyError, IndexError) as error:
            raise PatchError(f"nonexistent path: {path}") from error
    if not isinstance(current, dict | list):
        raise PatchError(f"nonexistent path: {path}")
    return current, tokens[-1]


def _index(container: Any, token: str) -> Any:
    if isinstance(container, dict):
        return token
    if isinstance(container, list) and token.isdigit():
        return int(token)
    raise PatchError(f"nonexistent path token: {token}")
