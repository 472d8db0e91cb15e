"""Limits of a field: read by the shape check, and shown in the form's JSON schema.

They are annotations, not pydantic constraints, so that they are checked with all other rules at once and
never stop the check at the first fault.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


@dataclass(frozen=True)
class OneOf:
    """The values that this project knows for a field.

    A value that the installed botocore lists and we do not passes with a warning, unless ``others`` says why
    it does not.

    Attributes:
        values: The known values, in the order in which the form shows them.
        source: Where they are written down.
        any_case: Whether upper and lower case mean the same.
        or_empty: Whether a form may leave the field empty, so that it is not sent.
        others: Why no other value is allowed here even if botocore lists it, in a sentence.
    """

    values: tuple[str, ...]
    source: str
    any_case: bool = False
    or_empty: bool = False
    others: str = ""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Show the values as a choice."""
        return handler(schema) | {"enum": [*([""] if self.or_empty else []), *self.values]}


@dataclass(frozen=True)
class Between:
    """A number's range.

    Attributes:
        low: The smallest allowed value.
        high: The largest allowed value, None for no bound.
        source: Where the range is written down.
        also: A value outside of the range that has a meaning of its own.
    """

    low: float
    high: float | None
    source: str
    also: int | None = None

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Show the bounds."""
        low = self.low if self.also is None else min(self.low, self.also)
        bounds: dict[str, Any] = {"minimum": low}
        if self.high is not None:
            bounds["maximum"] = self.high
        return handler(schema) | bounds

    def allows(self, value: float) -> bool:
        """Whether the value is in range."""
        return value == self.also or (self.low <= value and (self.high is None or value <= self.high))

    def __str__(self) -> str:
        """The range in words."""
        words = f"at least {self.low}" if self.high is None else f"between {self.low} and {self.high}"
        return words if self.also is None else f"{words}, or {self.also}"


@dataclass(frozen=True)
class AtMost:
    """The largest number of elements of a list.

    Attributes:
        count: The largest allowed number.
        source: Where the limit is written down.
    """

    count: int
    source: str

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Show the limit."""
        return handler(schema) | {"maxItems": self.count}


@dataclass(frozen=True)
class Matches:
    """A pattern that the whole text has to match.

    Attributes:
        pattern: A regular expression without anchors.
        words: The pattern in words, as the rest of a sentence that begins with "It must be".
        source: Where the rule is written down.
        or_empty: Whether a form may leave the field empty, so that it is not sent.
    """

    pattern: str
    words: str
    source: str
    or_empty: bool = False

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Show the pattern."""
        return handler(schema) | {"pattern": f"^(?:{self.pattern}){'?' if self.or_empty else ''}$"}
