"""Check a wire document against service shapes and against our models' limits, all faults at once."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic.fields import FieldInfo

from specs.fault import Findings
from specs.limit import AtMost, Between, Matches, OneOf
from specs.part import Part, part_of
from specs.shape import Shapes

L = TypeVar("L")


def check_shape(
    shapes: Shapes, shape: str, document: Mapping[str, Any], model: type[Part] | None, found: Findings
) -> None:
    """Check names, types and limits of a document.

    Args:
        shapes: What the service knows.
        shape: The document's shape.
        document: The wire document.
        model: Our model of it; what it does not hold passes with a warning.
        found: Takes what is found.
    """
    _structure(_At(shapes, found, "", shape, None, "", model), document)


@dataclass(frozen=True)
class _At:
    """A place in the document: its shape, and what our model says about it."""

    shapes: Shapes
    found: Findings
    path: str
    shape: str
    field: FieldInfo | None
    source: str
    model: type[Part] | None

    def limits(self, kind: type[L]) -> Iterable[L]:
        return [limit for limit in (self.field.metadata if self.field else ()) if isinstance(limit, kind)]

    def fault(self, value: Any, rule: str, fix: str, source: str | None = None) -> None:
        self.found.fault(self.path, value, rule, fix, source or self.source)


def _value(at: _At, value: Any) -> None:
    shape = at.shapes[at.shape]
    if value is None and shape["type"] != "anything":
        at.fault(None, "null is not a value.", "Leave the field out.")
        return
    types, words, check = _KINDS[shape["type"]]
    if not isinstance(value, types) or (isinstance(value, bool) and shape["type"] in _NUMBERS):
        at.fault(value, f"It must be {words}.", f"Write {words}.")
        return
    check(at, value)


def _structure(at: _At, value: Mapping[str, Any]) -> None:
    shape = at.shapes[at.shape]
    members: Mapping[str, Any] = shape["members"]
    fields = {field.alias: field for field in at.model.model_fields.values()} if at.model else {}
    refused = at.model.refused if at.model else {}
    prefix = f"{at.path}." if at.path else ""
    for name in shape.get("required", ()):
        if name not in value:
            source = at.shapes.source(at.shape, name)
            at.found.fault(f"{prefix}{name}", None, "The field is required.", f"Set {name}.", source)
    for name, one in value.items():
        path = f"{prefix}{name}"
        if name in refused:
            no = refused[name]
            at.found.fault(path, one, no.rule, no.fix, no.source)
        elif name not in members and shape.get("open"):
            near = _nearest(name, members)
            sentence = "It is passed through unchecked: this project has no rules for it."
            sentence += f" Is {near} meant?" if near else ""
            at.found.warn(path, sentence, at.shapes.source(at.shape))
        elif name not in members:
            near = _nearest(name, members)
            fix = f"Did you mean {near}?" if near else f"Known here: {', '.join(members)}."
            at.found.fault(path, one, "There is no such field.", fix, at.shapes.source(at.shape))
        else:
            source = at.shapes.source(at.shape, name)
            field = fields.get(name)
            if field is None and at.model is not None:
                at.found.warn(path, "It is passed through unchecked: this project has no rules for it.", source)
            part = part_of(field.annotation) if field else None
            _value(replace(at, path=path, shape=members[name]["shape"], field=field, source=source, model=part), one)


def _list(at: _At, value: list[Any]) -> None:
    shape = at.shapes[at.shape]
    _size(at, shape, value, "elements")
    for limit in at.limits(AtMost):
        if len(value) > limit.count:
            rule = f"There can be at most {limit.count} elements, here are {len(value)}."
            at.fault(None, rule, f"Leave {len(value) - limit.count} out.", limit.source)
    for index, element in enumerate(value):
        inner = replace(at, path=f"{at.path}[{index}]", shape=shape["member"]["shape"], field=None)
        _value(inner, element)


def _map(at: _At, value: Mapping[str, Any]) -> None:
    shape = at.shapes[at.shape]
    _size(at, shape, value, "entries")
    for key, one in value.items():
        inner = replace(at, path=f'{at.path}["{key}"]', field=None, model=None)
        _value(replace(inner, shape=shape["key"]["shape"]), key)
        _value(replace(inner, shape=shape["value"]["shape"]), one)


def _string(at: _At, value: str) -> None:
    shape = at.shapes[at.shape]
    _size(at, shape, value, "characters")
    pattern = shape.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        at.fault(value, f"It must match {pattern}.", "Change the value.")
    for limit in at.limits(Matches):
        if not re.fullmatch(limit.pattern, value):
            at.fault(value, f"It must be {limit.words}.", "Change the value.", limit.source)
    ours = next(iter(at.limits(OneOf)), None)
    theirs = shape.get("enum", ())
    if ours is None and not theirs:
        return
    known = ours.values if ours else ()
    if value in known or (ours and ours.any_case and value.upper() in known):
        return
    if ours and ours.others and value in theirs:
        at.fault(value, ours.others, f"Write {' or '.join(known)}.", ours.source)
    elif value not in theirs:
        near = _nearest(value, [*known, *theirs])
        choices = ", ".join(repr(one) for one in dict.fromkeys([*known, *theirs]))
        fix = f"Did you mean {near}?" if near else "Choose one of them."
        at.fault(value, f"It must be one of {choices}.", fix, ours.source if ours else None)
    elif ours:
        sentence = f"{value!r} is passed through unchecked: this project has no rules for it."
        at.found.warn(at.path, sentence, at.source)


def _number(at: _At, value: float) -> None:
    shape = at.shapes[at.shape]
    bounds = [Between(shape.get("min", float("-inf")), shape.get("max"), at.source), *at.limits(Between)]
    for limit in bounds:
        if not limit.allows(value):
            at.fault(value, f"It must be {limit}.", "Change the value.", limit.source)


def _anything(at: _At, value: Any) -> None:
    """No limits."""


def _size(at: _At, shape: Mapping[str, Any], value: Any, unit: str) -> None:
    low, high = shape.get("min", 0), shape.get("max")
    if len(value) < low or (high is not None and len(value) > high):
        words = f"at least {low}" if high is None else f"between {low} and {high}"
        at.fault(value, f"It must have {words} {unit}, here are {len(value)}.", "Change the value.")


def _nearest(name: str, known: Iterable[str]) -> str | None:
    lower = {one.lower(): one for one in known}
    near = get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    return lower[near[0]] if near else None


_NUMBERS = ("integer", "long", "float", "double")
_KINDS: Mapping[str, tuple[tuple[type, ...], str, Callable[[_At, Any], None]]] = {
    "structure": ((Mapping,), "an object", _structure),
    "map": ((Mapping,), "an object", _map),
    "list": ((list, tuple), "a list", _list),
    "string": ((str,), "a string", _string),
    "integer": ((int,), "a whole number", _number),
    "long": ((int,), "a whole number", _number),
    "float": ((int, float), "a number", _number),
    "double": ((int, float), "a number", _number),
    "anything": ((object,), "a value", _anything),
    "boolean": ((bool,), "true or false", _anything),
}
