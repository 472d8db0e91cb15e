"""What Prefect's forms send, told from what somebody filled in."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator
from pydantic.alias_generators import to_camel

FROM_DOCUMENT = "specs: read from a document"
"""Validation context of ``from_document``: keep exactly what stands in the document."""

# The type of an input that was left empty; Prefect's server takes it out of runs, but not out of schedules
# (prefect.utilities.schema_tools.hydration, prefect.server.models.deployments).
_KIND = "__prefect_kind"


class FormModel(BaseModel):
    """A model that forms ask for: fields have the wire's names, and those that were left empty are as if not sent."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, extra="forbid"
    )

    @model_validator(mode="before")
    @classmethod
    def _take_what_was_filled_in(cls, data: Any, info: ValidationInfo) -> Any:
        return data if info.context == FROM_DOCUMENT else filled_in(data)


def filled_in(data: Any) -> Any:
    """Leave out what a form sends for inputs that were left empty: nulls, and inputs without a value.

    Args:
        data: A model's input by keyword or from a form.

    Returns:
        The same, without them, at any depth.
    """
    if isinstance(data, Mapping):
        return {key: filled_in(value) for key, value in data.items() if not _is_empty(value)}
    if isinstance(data, list):
        return [filled_in(value) for value in data if not _is_empty(value)]
    return data


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping) and set(value) == {_KIND})
