"""Checking that a document has the shape of its kind: types of fields, unknown fields.

Wrong types are refused as `cannot be handled as a KIND`. What happens to unknown fields is told by `fieldValidation`
(Kubernetes 1.25 and newer; kube-apiserver 1.20 ignores them).
"""

import re
from collections.abc import Iterator
from typing import Any

from sandbox.kubernetes.api_types import FieldType, api_types, field_of, kind_type
from sandbox.kubernetes.quantity import canonical_quantity
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.status_error import StatusError, bad_request

_SUBSCRIPT = re.compile(r"\[.*?\]")
_WORDS = {"string": (str, "string"), "boolean": (bool, "bool"), "integer": (int, "int32"), "number": (float, "float64")}

# Maps of quantities, which may be given as numbers too, and are stored in their canonical form.
_QUANTITIES = {("ResourceRequirements", "limits"), ("ResourceRequirements", "requests")} | {
    ("PodSpec", "overhead"),
    ("NodeStatus", "capacity"),
    ("NodeStatus", "allocatable"),
}


def check_shape(resource: Resource, document: dict[str, Any]) -> list[str]:
    """Check the types of all fields; unknown ones are removed from the document.

    Returns:
        The unknown fields, as `fieldValidation` names them.

    Raises:
        StatusError: 400, a field has the wrong type.
    """
    unknown: list[str] = []
    kind = resource.kind
    try:
        for path in _check(document, kind_type(kind), "", kind):
            unknown.append(f'unknown field "{path}"')
    except TypeError as error:
        message = f'{kind} in version "{resource.version}" cannot be handled as a {kind}: {error}'
        raise bad_request(message) from error
    return unknown


def strict_decoding_failure(unknown: list[str]) -> StatusError:
    """What `fieldValidation=Strict` answers to unknown fields."""
    return bad_request(f"strict decoding error: {', '.join(unknown)}")


def _check(value: Any, field: FieldType, path: str, owner: str) -> Iterator[str]:
    if value is None or field.name == "any":
        return
    if field.container == "list":
        if not isinstance(value, list):
            raise _mismatch(value, f"[]{field.name}", path, owner)
        for index, item in enumerate(value):
            yield from _check(item, field.element, f"{path}[{index}]", owner)
    elif field.container == "map":
        if not isinstance(value, dict):
            raise _mismatch(value, f"map[string]{field.name}", path, owner)
        for key, item in value.items():
            yield from _check(item, field.element, f"{path}[{key}]", owner)
    elif field.name in _WORDS:
        expected, word = _WORDS[field.name]
        numeric = expected is float and isinstance(value, int)
        if not (isinstance(value, expected) or numeric) or (isinstance(value, bool) and expected is not bool):
            raise _mismatch(value, word, path, owner)
    else:
        yield from _check_object(value, field, path, owner)


def _check_object(value: Any, field: FieldType, path: str, owner: str) -> Iterator[str]:
    if not isinstance(value, dict):
        raise _mismatch(value, f"v1.{field.name}", path, owner)
    if field.name == "FieldsV1" or not api_types().get(field.name):
        return
    fields = api_types()[field.name]
    for name in list(value):
        below = f"{path}.{name}" if path else name
        if name not in fields:
            yield below
            del value[name]
        elif _unset(value[name], fields[name]):
            del value[name]
        elif (field.name, name) in _QUANTITIES and isinstance(value[name], dict):
            value[name] = {key: _quantity(item, below, field.name) for key, item in value[name].items()}
        else:
            yield from _check(value[name], field_of(field, name), below, field.name)


def _unset(value: Any, field: FieldType) -> bool:
    """Whether Go's `omitempty` leaves a value out: null, and empty lists and maps (not empty objects)."""
    if value is None:
        return True
    # An empty list of managers is a client's way to have them forgotten.
    if field.name == "ManagedFieldsEntry":
        return False
    return (field.container == "list" and value == []) or (field.container == "map" and value == {})


def _quantity(value: Any, path: str, owner: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _mismatch(value, "resource.Quantity", path, owner)
    try:
        return canonical_quantity(str(value))
    except ValueError as error:
        pattern = "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        raise TypeError(f"{path}: quantities must match the regular expression {pattern}") from error


def _mismatch(value: Any, wanted: str, path: str, owner: str) -> TypeError:
    """As Go's `json.UnmarshalTypeError`: the struct's name, then the fields from the root on."""
    names = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}
    field = owner + "." + _SUBSCRIPT.sub("", path)
    return TypeError(f"json: cannot unmarshal {names[type(value)]} into Go struct field {field} of type {wanted}")
