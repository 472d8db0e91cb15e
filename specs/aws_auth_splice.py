"""How a change of one entry of mapRoles is spliced into the text, in the style that stands there."""

import json
import re
from dataclasses import dataclass

import yaml

from specs.identity_mapping import RoleMapping
from specs.yaml_tree import YamlNode, YamlTree

_BLANKS, _NEWLINE = re.compile(r"[ \t]*"), re.compile(r"\r\n|\n|\r|")
_LINE_END = re.compile(r"(\r\n|\n|\r)\Z")


@dataclass(frozen=True)
class Splice:
    """Text that takes the place of some of the document.

    Attributes:
        start: Index of the first character that goes.
        end: Index after the last character that goes; the same as start to insert.
        text: What comes.
    """

    start: int
    end: int
    text: str


def applied(text: str, splices: list[Splice]) -> str:
    """The text with the splices, which do not overlap."""
    for splice in sorted(splices, key=lambda one: one.start, reverse=True):
        text = text[: splice.start] + splice.text + text[splice.end :]
    return text


def additions(text: str, tree: YamlTree, mapping: RoleMapping) -> list[list[Splice]]:
    """Ways to add an entry, best first; whether one is right shows when its result is parsed.

    Args:
        text: The document.
        tree: Where everything stands in it.
        mapping: The entry.
    """
    root = tree.root
    flow = _flow_entry(mapping)
    if root is not None and root.kind == "sequence" and root.flow:
        return [[_into_flow(text, root, [flow])]]
    if root is not None and root.kind == "scalar" and root.end > root.start:
        return [[Splice(root.start, root.end, f"[{flow}]")]]
    dash = _first_dash(text)
    column = 0 if dash is None else _column(text, dash)
    lines = _block_entry(mapping)
    newline = _newline(text)
    at_end = [_at_end(text, tree.end, [" " * column + line for line in lines], newline)]
    if dash is None:
        return [at_end]
    before = (newline + " " * column).join([*lines, ""])
    return [at_end, [Splice(dash, dash, before)]]


def corrections(
    text: str, entry: YamlNode | None, *, username: str | None, missing: list[str], groups: list[str]
) -> list[Splice]:
    """How to put an entry right; whether it is right shows when the result is parsed.

    Args:
        text: The document.
        entry: Where the entry stands.
        username: The right user name, None if it is there.
        missing: The groups to add.
        groups: All groups that the entry should have.
    """
    splices: list[Splice] = []
    if entry is None or entry.kind != "mapping" or not entry.children:
        return splices
    if username is not None:
        pair = entry.pair("username")
        value = json.dumps(username) if entry.flow else _plain(username)
        splices.append(_replaced(text, pair[1], value) if pair else _new_key(text, entry, "username", value))
    if missing:
        pair = entry.pair("groups")
        if pair is None:
            splices.append(_new_key(text, entry, "groups", json.dumps(groups)))
        elif pair[1].kind != "sequence":
            splices.append(_replaced(text, pair[1], json.dumps(groups)))
        elif pair[1].flow:
            splices.append(_into_flow(text, pair[1], [json.dumps(group) for group in missing]))
        else:
            start = pair[1].start
            separator = _newline(text) + " " * _column(text, start)
            splices.append(Splice(start, start, separator.join([*(f"- {_plain(one)}" for one in missing), ""])))
    return splices


def removals(text: str, tree: YamlTree, index: int) -> list[list[Splice]]:
    """Ways to take an entry out, best first; whether one is right shows when its result is parsed.

    What stands beside the entry stays, a comment on its last line too; what stands inside of it goes with it.

    Args:
        text: The document.
        tree: Where everything stands in it.
        index: Which entry it is.
    """
    root = tree.root
    if root is None or not index < len(root.children):
        return []
    if root.flow:
        return [_out_of_flow(text, root, index)]
    entry = root.children[index]
    dash = _last_dash(text, entry.start)
    line = dash - _column(text, dash)
    begin = line if not text[line:dash].strip() else dash
    end = _after(_BLANKS, text, entry.end)
    if not text[: entry.end].endswith(("\n", "\r")):
        if text[end : end + 1] not in ("\r", "\n", ""):  # a comment follows, and takes the entry's place
            return [[Splice(dash, end, "")]]
        end = _after(_NEWLINE, text, end)
    else:  # a block scalar's text ends with its line
        end = entry.end
    if text[:end].endswith(("\n", "\r")):
        return [[Splice(begin, end, "")]]
    # The last line has no end: nor had the line before it when the entry was added.
    before = _LINE_END.search(text, 0, begin)
    whole = [Splice(begin, end, "")]
    return [[Splice(before.start(), end, "")], whole] if before else [whole]


def _out_of_flow(text: str, sequence: YamlNode, index: int) -> list[Splice]:
    """Take an element with the comma behind it, or of the last one with the comma before it."""
    entry = sequence.children[index]
    previous = sequence.children[index - 1].end if index else sequence.start
    following = sequence.children[index + 1].start if index + 1 < len(sequence.children) else sequence.end
    commas = [
        (token.start_mark.index, token.end_mark.index)
        for token in yaml.scan(text, Loader=yaml.SafeLoader)
        if isinstance(token, yaml.FlowEntryToken)
    ]
    after = next((comma for comma in commas if entry.end <= comma[0] < following), None)
    before = next((comma for comma in commas if previous <= comma[0] < entry.start), None)
    if after:
        end = _after(_BLANKS, text, after[1]) if index + 1 < len(sequence.children) else after[1]
        return _joined(text, (entry.start, entry.end), (after[0], end))
    if before:
        return _joined(text, before, (entry.start, entry.end))
    return [Splice(entry.start, entry.end, "")]


def _joined(text: str, first: tuple[int, int], second: tuple[int, int]) -> list[Splice]:
    """Two removals, as one where only blanks stand between them."""
    if not text[first[1] : second[0]].strip():
        return [Splice(first[0], second[1], "")]
    return [Splice(*first, ""), Splice(*second, "")]


def _at_end(text: str, end: int, lines: list[str], newline: str) -> Splice:
    before = text[:end]
    begin = newline if before and not before.endswith(("\n", "\r")) else ""
    finish = newline if end < len(text) or not begin else ""
    return Splice(end, end, begin + newline.join(lines) + finish)


def _into_flow(text: str, sequence: YamlNode, elements: list[str]) -> Splice:
    if not sequence.children:
        return Splice(sequence.end - 1, sequence.end - 1, ", ".join(elements))
    last = sequence.children[-1]
    column = _column(text, last.start)
    margin = text[last.start - column : last.start]
    gap = _newline(text) + margin if not margin.strip() and column < last.start else " "
    comma = next(
        (
            token.end_mark.index
            for token in yaml.scan(text, Loader=yaml.SafeLoader)
            if isinstance(token, yaml.FlowEntryToken) and last.end <= token.start_mark.index < sequence.end
        ),
        None,
    )
    added = f",{gap}".join(elements)
    if comma is not None:
        return Splice(comma, comma, gap + added)
    return Splice(last.end, last.end, f",{gap}{added}")


def _replaced(text: str, value: YamlNode, new: str) -> Splice:
    if value.start == value.end:
        return Splice(value.start, value.end, f" {new}")
    # A block scalar's text ends with its line.
    ended = re.search(r"(\r\n|\n|\r)\Z", text[value.start : value.end])
    return Splice(value.start, value.end, new + (ended[0] if ended else ""))


def _new_key(text: str, entry: YamlNode, key: str, value: str) -> Splice:
    first = entry.children[0].start
    if entry.flow:
        return Splice(first, first, f"{json.dumps(key)}: {value}, ")
    return Splice(first, first, f"{key}: {value}{_newline(text)}{' ' * _column(text, first)}")


def _block_entry(mapping: RoleMapping) -> list[str]:
    lines = [f"- rolearn: {_plain(mapping.rolearn)}", f"  username: {_plain(mapping.username)}"]
    if mapping.groups:
        lines += ["  groups:", *(f"  - {_plain(group)}" for group in mapping.groups)]
    return lines


def _flow_entry(mapping: RoleMapping) -> str:
    entry: dict[str, object] = {"rolearn": mapping.rolearn, "username": mapping.username}
    return json.dumps(entry | ({"groups": list(mapping.groups)} if mapping.groups else {}))


def _plain(value: str) -> str:
    """The value as it stands in block style: unquoted where that means the same."""
    safe = re.fullmatch(r"[A-Za-z][\w:/.{}@+=,-]*[\w}]", value) and yaml.safe_load(value) == value
    return value if safe else json.dumps(value)


def _newline(text: str) -> str:
    found = re.search(r"\r\n|\n|\r", text)
    return found[0] if found else "\n"


def _first_dash(text: str) -> int | None:
    tokens = yaml.scan(text, Loader=yaml.SafeLoader)
    return next((token.start_mark.index for token in tokens if isinstance(token, yaml.BlockEntryToken)), None)


def _after(pattern: re.Pattern[str], text: str, index: int) -> int:
    found = pattern.match(text, index)
    return found.end() if found else index


def _last_dash(text: str, before: int) -> int:
    tokens = yaml.scan(text, Loader=yaml.SafeLoader)
    dashes = [token.start_mark.index for token in tokens if isinstance(token, yaml.BlockEntryToken)]
    return int(max(dash for dash in dashes if dash < before))


def _column(text: str, index: int) -> int:
    start = max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1
    # A byte order mark takes no column.
    return index - start - text.count("\ufeff", start, index)
