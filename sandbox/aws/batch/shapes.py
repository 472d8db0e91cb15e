"""What botocore's service model alone says about a request: required members, types, enums, lengths."""

import functools
from collections.abc import Mapping
from typing import Any

import botocore.loaders
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from sandbox.aws.batch.refusals import execution_exception

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
}
_CASELESS_ENUMS = {"RetryAction"}
"""[B:EvaluateOnExit.action] "The values aren't case sensitive." """


@functools.cache
def model() -> ServiceModel:
    """Batch's service model as botocore has it."""
    return ServiceModel(botocore.loaders.Loader().load_service_model("batch", "service-2"), "batch")


@functools.cache
def operations() -> tuple[str, ...]:
    """Names of all operations that Batch has."""
    return tuple(model().operation_names)


@functools.cache
def _operation(name: str) -> OperationModel:
    return model().operation_model(name)


def check(operation: str, parameters: Mapping[str, Any]) -> None:
    """Refuse a request that does not have the shape of its operation.

    The stock clients check required members and types themselves, so mostly enums and lengths are met here.

    Raises:
        AwsError: A member is missing or has a wrong type, value or length (our wording).
    """
    shape = _operation(operation).input_shape
    if shape is not None:
        _check(shape, parameters, "")


def _check(shape: Shape, value: Any, path: str) -> None:
    if isinstance(shape, StructureShape):
        _expect(isinstance(value, Mapping), path, "must be an object")
        for name in shape.required_members:
            _expect(value.get(name) is not None, _join(path, name), "is required")
        for name, member in shape.members.items():
            if value.get(name) is not None:
                _check(member, value[name], _join(path, name))
    elif isinstance(shape, ListShape):
        _expect(isinstance(value, list), path, "must be a list")
        _check_length(shape, len(value), path)
        for index, item in enumerate(value):
            _check(shape.member, item, f"{path}[{index}]")
    elif isinstance(shape, MapShape):
        _expect(isinstance(value, Mapping), path, "must be an object")
        # Airflow's BatchOperator sends empty tags to AWS for everybody who gives none, against the least of the model.
        _check_length(shape, max(len(value), 1), path)
        for key, item in value.items():
            _check(shape.key, key, f"{path} key")
            _check(shape.value, item, _join(path, str(key)))
    else:
        _check_scalar(shape, value, path)


def _check_scalar(shape: Shape, value: Any, path: str) -> None:
    allowed = _TYPES.get(shape.type_name, (object,))
    wrong_bool = isinstance(value, bool) and bool not in allowed and object not in allowed
    _expect(isinstance(value, allowed) and not wrong_bool, path, f"must be of type {shape.type_name}")
    enum = getattr(shape, "enum", None)
    if enum:
        known = value.upper() if shape.name in _CASELESS_ENUMS else value
        _expect(known in enum, path, f"must be one of {', '.join(enum)}, got {value}")
    if shape.type_name == "string":
        _check_length(shape, len(value), path)
    elif shape.type_name in ("integer", "long"):
        _check_length(shape, value, path)


def _check_length(shape: Shape, size: int, path: str) -> None:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    _expect(least is None or size >= least, path, f"must be at least {least}")
    _expect(most is None or size <= most, path, f"must be at most {most}")


def _expect(condition: bool, path: str, rule: str) -> None:
    if not condition:
        raise execution_exception(f"{path} {rule}")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
