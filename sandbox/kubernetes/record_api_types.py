"""Record the fields of the served kinds in `api_types.json`.

    python -m sandbox.kubernetes.record_api_types SWAGGER_FILE

Field names and types come from the models of the installed `kubernetes` client; how lists and maps merge comes from
the OpenAPI v2 document of a real kube-apiserver (`kubectl get --raw /openapi/v2`).
"""

import json
import sys
import types
import typing
from pathlib import Path
from typing import Any

from kubernetes.client import models
from pydantic import BaseModel

from sandbox.kubernetes.api_types import TYPES_FILE
from sandbox.kubernetes.resources import RESOURCES

_MERGING = ("x-kubernetes-patch-merge-key", "x-kubernetes-patch-strategy", "x-kubernetes-list-type")
_EXTRA_KINDS = ("DeleteOptions",)


def main() -> None:
    """Write `api_types.json`."""
    definitions = json.loads(Path(sys.argv[1]).read_text())["definitions"]
    merging = {
        (name.split(".")[-1], field): _merging(schema)
        for name, definition in definitions.items()
        if "kube-aggregator" not in name and "v1beta1" not in name
        for field, schema in definition.get("properties", {}).items()
    }
    merging |= {
        (name.split(".")[-1], ""): {}
        for name, definition in definitions.items()
        if definition.get("x-kubernetes-map-type") == "atomic"
    }
    recorded: dict[str, Any] = {}
    for kind in sorted({resource.kind for resource in RESOURCES} | set(_EXTRA_KINDS)):
        _record(_model(kind), recorded, merging)
    TYPES_FILE.write_text(json.dumps(recorded, sort_keys=True, separators=(",", ":")).replace('},"', '},\n"') + "\n")


def _model(kind: str) -> type[BaseModel]:
    for name in (f"V1{kind}", f"CoreV1{kind}"):
        if hasattr(models, name):
            model: type[BaseModel] = getattr(models, name)
            return model
    raise LookupError(kind)


def _merging(schema: dict[str, Any]) -> dict[str, Any]:
    found = {key.removeprefix("x-kubernetes-"): schema[key] for key in _MERGING if key in schema}
    if "x-kubernetes-list-map-keys" in schema:
        found["list-map-keys"] = schema["x-kubernetes-list-map-keys"]
    return found


def _name(model: type[BaseModel]) -> str:
    name = model.__name__
    for prefix in ("CoreV1", "RbacV1", "V1"):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def _record(model: type[BaseModel], recorded: dict[str, Any], merging: dict[tuple[str, str], Any]) -> None:
    name = _name(model)
    if name in recorded:
        return
    recorded[name] = {}
    for python_name, field in model.model_fields.items():
        wire_name = field.serialization_alias or python_name
        described = _described(field.annotation, recorded, merging)
        recorded[name][wire_name] = {"type": described, **merging.get((name, wire_name), {})}
        if (described, "") in merging:
            recorded[name][wire_name]["map-type"] = "atomic"


def _described(annotation: Any, recorded: dict[str, Any], merging: dict[tuple[str, str], Any]) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        given = [argument for argument in arguments if argument is not type(None)]
        return _described(given[0], recorded, merging) if len(given) == 1 else "any"
    if origin is typing.Annotated:
        return _described(arguments[0], recorded, merging)
    if origin is list:
        return "[]" + _described(arguments[0], recorded, merging)
    if origin is dict:
        return "{}" + _described(arguments[1], recorded, merging)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        _record(annotation, recorded, merging)
        return _name(annotation)
    return {str: "string", int: "integer", bool: "boolean", float: "number"}.get(annotation, "any")


if __name__ == "__main__":
    main()
