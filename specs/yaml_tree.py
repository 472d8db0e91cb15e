"""Where everything stands in a YAML text, aliases included, so that it can be changed by splicing.

PyYAML's composed nodes put an alias where its anchor is and let block collections end at the next token; here
each node has the place and the end of its own text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import yaml


@dataclass(frozen=True)
class YamlNode:
    """A node of a YAML text.

    Attributes:
        kind: What it is.
        start: Index of its first character, anchors and tags included.
        end: Index after its last character; that of the last descendant for block collections.
        flow: Whether it is written in flow style, with brackets.
        value: A scalar's text.
        children: A sequence's elements; a mapping's keys and values in turn.
    """

    kind: Literal["scalar", "sequence", "mapping", "alias"]
    start: int
    end: int
    flow: bool = False
    value: str = ""
    children: tuple["YamlNode", ...] = ()

    def pair(self, key: str) -> tuple["YamlNode", "YamlNode"] | None:
        """A mapping's key and value; upper and lower case are the same, as in Go's JSON."""
        pairs = zip(self.children[::2], self.children[1::2], strict=True)
        return next((pair for pair in pairs if pair[0].value.lower() == key), None)


@dataclass(frozen=True)
class YamlTree:
    """The one document of a YAML text.

    Attributes:
        root: Its root, None for a text without any document.
        end: Where its content may grow: before an explicit end marker, else at the end of the text.
    """

    root: YamlNode | None
    end: int


def read_tree(text: str) -> YamlTree:
    """Find out where everything stands in a text.

    Args:
        text: A YAML text with at most one document.

    Raises:
        yaml.YAMLError: The text is not YAML.
    """
    events = iter(yaml.parse(text, Loader=yaml.SafeLoader))
    root, end = None, len(text)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            root = _node(next(events), events)
            end = _start(next(events))
    return YamlTree(root, end)


def _node(event: yaml.Event, events: Iterator[yaml.Event]) -> YamlNode:
    start, end = _start(event), _end(event)
    if isinstance(event, yaml.AliasEvent):
        return YamlNode("alias", start, end)
    if isinstance(event, yaml.ScalarEvent):
        return YamlNode("scalar", start, end, value=event.value)
    flow = isinstance(event, yaml.CollectionStartEvent) and bool(event.flow_style)
    children: list[YamlNode] = []
    for inner in events:
        if isinstance(inner, yaml.CollectionEndEvent):
            last = _end(inner)
            # A pair without braces in a flow sequence ends where the next token begins.
            brackets = flow and _start(inner) != last
            end = last if brackets or not children else children[-1].end
            break
        children.append(_node(inner, events))
    kind: Literal["sequence", "mapping"] = "sequence" if isinstance(event, yaml.SequenceStartEvent) else "mapping"
    return YamlNode(kind, start, end, flow, children=tuple(children))


def _start(event: yaml.Event) -> int:
    return event.start_mark.index if event.start_mark else 0


def _end(event: yaml.Event) -> int:
    return event.end_mark.index if event.end_mark else 0
