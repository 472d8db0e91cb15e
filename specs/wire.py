"""Tolerant reading of wire documents: rules look at documents whose types may be wrong."""

from collections.abc import Iterator, Mapping
from typing import Any


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one; its type is the shape check's matter."""
    return value if isinstance(value, Mapping) else {}


def elements(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Path and value of each element if the value is a list, else nothing."""
    if isinstance(value, list | tuple):
        for index, element in enumerate(value):
            yield f"{path}[{index}]", element


def texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Path and value of each element that is a string."""
    for where, element in elements(value, path):
        if isinstance(element, str):
            yield where, element


def text(value: Any) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def number(value: Any) -> int | None:
    """The value if it is an integer, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
