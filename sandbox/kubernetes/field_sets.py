"""Which fields of an object somebody owns: the sets behind `managedFields`.

The form is that of `fieldsV1` (`sigs.k8s.io/structured-merge-diff`): `f:NAME` for a field, `k:{...}` for an element of
a list with keys, `v:VALUE` for an element of a set, `.` for the thing itself. Here a set is a frozenset of paths, each
a tuple of such steps.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.kubernetes.api_types import FieldType, field_of

Path = tuple[str, ...]
FieldSet = frozenset[Path]

_INTERIOR = object()


class FieldValues(dict[Path, Any]):
    """Every path of a document: leaves with their value, and what holds others (`leaf` tells them apart)."""

    def leaf(self, path: Path) -> bool:
        """Whether nothing below the path can be owned separately."""
        return self[path] is not _INTERIOR

    def applied(self) -> FieldSet:
        """What an applier of this document owns: its leaves, and the list elements it names."""
        return frozenset(path for path in self if self.leaf(path) or path[-1].startswith("k:"))


def field_values(document: Any, field: FieldType) -> FieldValues:
    """Take a document apart; an atomic list, an empty map and a scalar are leaves."""
    return FieldValues(_walk(document, field, ()))


def encode(fields: FieldSet) -> dict[str, Any]:
    """A set as `fieldsV1`."""
    tree: dict[str, Any] = {}
    for path in sorted(fields):
        node = tree
        for step in path:
            node = node.setdefault(step, {})
    _mark(tree, fields, ())
    return tree


def decode(tree: dict[str, Any], prefix: Path = ()) -> FieldSet:
    """A set from `fieldsV1`."""
    found: set[Path] = set()
    for step, below in tree.items():
        if step == ".":
            found.add(prefix)
        elif below:
            found |= decode(below, (*prefix, step))
        else:
            found.add((*prefix, step))
    return frozenset(found)


def remove_fields(document: Any, paths: Iterable[Path]) -> None:
    """Take fields out of a document, in place; deepest first, and what becomes empty by it too."""
    for path in sorted(paths, key=len, reverse=True):
        _remove(document, path)


def dotted(path: Path) -> str:
    """A path as conflict messages name it: `.spec.containers[name="c"].image`."""
    text = ""
    for step in path:
        if step.startswith("f:"):
            text += f".{step[2:]}"
        elif step.startswith("k:"):
            keys = json.loads(step[2:])
            text += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in keys.items()) + "]"
        else:
            text += f"[={step[2:]}]"
    return text


def _mark(tree: dict[str, Any], fields: FieldSet, prefix: Path) -> None:
    """Add `.` where a set holds something and fields below it."""
    for step, below in list(tree.items()):
        path = (*prefix, step)
        _mark(below, fields, path)
        if below and path in fields:
            tree[step] = {".": {}, **below}


def _walk(value: Any, field: FieldType, path: Path) -> Iterator[tuple[Path, Any]]:
    children = _children(value, field)
    if children is None:
        yield path, value
        return
    if path:
        yield path, _INTERIOR
    for step, item, below in children:
        yield from _walk(item, below, (*path, step))


def _children(value: Any, field: FieldType) -> list[tuple[str, Any, FieldType]] | None:
    """What can be owned separately below a value, None for a leaf."""
    if isinstance(value, dict) and value and not field.atomic:
        return [(f"f:{name}", item, field_of(field, name)) for name, item in value.items()]
    if isinstance(value, list) and value and field.list_type == "map":
        return [(_key(item, field.list_keys), item, field.element) for item in value]
    if isinstance(value, list) and value and field.list_type == "set":
        return [(f"v:{json.dumps(item)}", item, field.element) for item in value]
    return None


def _key(item: Any, keys: tuple[str, ...]) -> str:
    defaults = {"protocol": "TCP"}
    found = {key: item.get(key, defaults.get(key)) for key in sorted(keys) if key in item or key in defaults}
    return "k:" + json.dumps(found, separators=(",", ":"))


def _remove(document: Any, path: Path) -> None:
    node = document
    for step in path[:-1]:
        node = _step(node, step)
        if node is None:
            return
    last = path[-1]
    if last.startswith("f:"):
        if isinstance(node, dict):
            node.pop(last[2:], None)
    elif isinstance(node, list):
        found = _step(node, last)
        node[:] = [item for item in node if item is not found and item != found]


def _step(node: Any, step: str) -> Any:
    if step.startswith("f:"):
        return node.get(step[2:]) if isinstance(node, dict) else None
    if not isinstance(node, list):
        return None
    wanted = json.loads(step[2:])
    if step.startswith("v:"):
        return wanted if wanted in node else None
    return next((item for item in node if _key(item, tuple(wanted)) == step), None)
