"""What a person sees, what it means, and what helps: a row of the tables that are made from the code."""

import re
from collections.abc import Iterable
from typing import NamedTuple


class Symptom(NamedTuple):
    """One row.

    Attributes:
        words: What is seen: words of a service's answer, or of an error.
        cause: What that means.
        fix: What helps.
    """

    words: str
    cause: str
    fix: str


def table(symptoms: Iterable[Symptom], heads: tuple[str, str, str] = ("you see", "cause", "what helps")) -> str:
    """The rows as a Markdown table.

    Args:
        symptoms: The rows.
        heads: The heads of the columns.
    """
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|"]
    lines += [f"| {_code(row.words)} | {prose(row.cause)} | {prose(row.fix)} |" for row in symptoms]
    return "\n".join(lines) + "\n"


def prose(text: str) -> str:
    """A text of the code as Markdown in a cell: what stands in backticks stays code, anything else is no markup."""
    flat = " ".join(text.split()).replace("|", "\\|")
    pieces = flat.split("`")
    if len(pieces) % 2 == 0:
        return _escaped(flat.replace("`", "'"))
    return "".join(f"`{piece}`" if index % 2 else _escaped(piece) for index, piece in enumerate(pieces))


def _escaped(text: str) -> str:
    """Names with underscores become code, since these would begin emphasis, and addresses become links."""
    pieces = re.split(r"((?<![\w/.-])[A-Za-z]\w*_[\w*]*|https://[^\s,;)]+)", text)
    return "".join(_name_or_link(piece) if index % 2 else _plain(piece) for index, piece in enumerate(pieces))


def _name_or_link(text: str) -> str:
    return f"<{text}>" if text.startswith("https://") else f"`{text}`"


def _plain(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;").replace("*", "\\*")


def _code(text: str) -> str:
    flat = " ".join(text.split()).replace("|", "\\|").replace("`", "'")
    return f"`{flat}`"
