"""The fields of the served kinds: their types, and how their lists and maps merge.

`api_types.json` is recorded by `record_api_types` and holds the fields that a Kubernetes 1.33 or newer knows, with the
merge strategies that kube-apiserver 1.20 publishes.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

TYPES_FILE = Path(__file__).with_name("api_types.json")


@dataclass(frozen=True)
class FieldType:
    """What a field holds.

    Attributes:
        name: Name of an object type, or `string`, `integer`, `number`, `boolean`, `any`.
        container: `list` or `map` of that, or neither.
        merge_key: Key that strategic merge patches merge a list of objects by.
        strategies: Patch strategies (`merge`, `retainKeys`, `replace`).
        list_type: How server-side apply owns a list: `map` and `set` by element, `atomic` as a whole.
        list_keys: Keys of the elements of a `map` list.
        atomic: Whether server-side apply owns an object as a whole.
    """

    name: str
    container: Literal["list", "map", ""] = ""
    merge_key: str = ""
    strategies: tuple[str, ...] = ()
    list_type: Literal["map", "set", "atomic", ""] = ""
    list_keys: tuple[str, ...] = ()
    atomic: bool = False

    def fields(self) -> "dict[str, FieldType] | None":
        """The fields of the object type, None when any may be there."""
        return api_types().get(self.name)

    @property
    def element(self) -> "FieldType":
        """The type of a list's or map's values."""
        return FieldType(self.name)


ANY = FieldType("any")


def field_of(parent: FieldType | None, name: str) -> FieldType:
    """The type of a field of an object, or of a value of a map."""
    if parent is None:
        return ANY
    if parent.container == "map":
        return parent.element
    return (parent.fields() or {}).get(name, ANY)


def kind_type(kind: str) -> FieldType:
    """The type of a kind's objects."""
    return FieldType(kind)


@cache
def api_types() -> dict[str, dict[str, FieldType]]:
    """All object types by name."""
    recorded: dict[str, dict[str, dict[str, object]]] = json.loads(TYPES_FILE.read_text())
    return {
        name: {field: _field(described) for field, described in fields.items()} for name, fields in recorded.items()
    }


def _field(described: dict[str, object]) -> FieldType:
    text = str(described["type"])
    container: Literal["list", "map", ""] = ""
    if text.startswith("[]"):
        container, text = "list", text[2:]
    elif text.startswith("{}"):
        container, text = "map", text[2:]
    merge_key = str(described.get("patch-merge-key", ""))
    strategies = tuple(str(described.get("patch-strategy", "")).split(",")) if "patch-strategy" in described else ()
    keys = described.get("list-map-keys")
    list_keys = tuple(str(key) for key in keys) if isinstance(keys, list) else ()
    if container != "list":
        return FieldType(text, container, merge_key, strategies, atomic=described.get("map-type") == "atomic")
    published = described.get("list-type")
    list_type: Literal["map", "set", "atomic"] = "atomic"
    if published in ("map", "set"):
        list_type = "map" if published == "map" else "set"
    elif "merge" in strategies:
        list_type, list_keys = ("map", (merge_key,)) if merge_key else ("set", ())
    return FieldType(text, container, merge_key, strategies, list_type, list_keys)
