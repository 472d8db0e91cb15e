"""Parts of wire documents: which fields are sent, and under which names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

from pydantic import ConfigDict
from pydantic.fields import FieldInfo

from specs.form_model import FROM_DOCUMENT, FormModel


@dataclass(frozen=True)
class Refusal:
    """Why a field must not be used here, although AWS or Kubernetes knows it elsewhere.

    Attributes:
        rule: The rule, in a sentence.
        fix: What to do instead, in a sentence.
        source: Where the rule is written down.
    """

    rule: str
    fix: str
    source: str


class Part(FormModel):
    """A part of a wire document; its rules are checked with the document that it belongs to.

    A field whose default is empty (None, "", [], {} or False) and that is given that value is not sent:
    forms submit every field. A document read with ``from_document`` keeps exactly what stands in it.
    """

    model_config = ConfigDict(extra="allow")

    refused: ClassVar[Mapping[str, Refusal]] = {}
    """Wire names that must not be used, with the reason."""

    def model_post_init(self, context: Any, /) -> None:
        """Decide which fields are sent."""
        if context == FROM_DOCUMENT:
            return
        sent = self.model_fields_set
        for name, field in type(self).model_fields.items():
            if is_absent(getattr(self, name), field):
                sent.discard(name)
            else:
                sent.add(name)

    def to_document(self) -> dict[str, Any]:
        """Render the wire document: only what was set, with the wire's field names."""
        return self.model_dump(by_alias=True, exclude_unset=True)


def is_absent(value: Any, field: FieldInfo) -> bool:
    """Whether a value given by keyword or by a form means that the field is not sent."""
    if value is None:
        return True
    if field.is_required():
        return False
    empty = value is False or (isinstance(value, str | list | dict) and not value)
    return empty and bool(default_of(field, {}) == value)


def default_of(field: FieldInfo, data: dict[str, Any]) -> Any:
    """The default of a field, which may depend on the fields before it."""
    return field.get_default(call_default_factory=True, validated_data=data)


def wire(model: type[Part], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Translate input by keyword or from a form to the wire document, defaults filled in.

    Args:
        model: The part that the input is meant for.
        fields: Python or wire names to values; types may be wrong.

    Returns:
        The document, unknown names kept.
    """
    rest = dict(fields)
    document: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        alias = field.alias or name
        key = alias if alias in rest else name
        if key in rest:
            value = _wire_value(field, rest.pop(key))
        elif field.is_required():
            continue
        else:
            value = _wire_value(field, default_of(field, document))
        if not is_absent(value, field):
            document[alias] = value
    return document | rest


def _wire_value(field: FieldInfo, value: Any) -> Any:
    if isinstance(value, Part):
        return value.to_document()
    if isinstance(value, Mapping):
        model = part_of(field.annotation)
        return wire(model, value) if model else dict(value)
    if isinstance(value, list | tuple):
        return [_wire_value(field, element) for element in value]
    return value


def part_of(annotation: Any) -> type[Part] | None:
    """The part that a field holds, through ``list`` and ``| None``."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    return next((found for one in get_args(annotation) if (found := part_of(one))), None)
