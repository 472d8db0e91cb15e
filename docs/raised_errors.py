"""Every error that the code raises with its cause, read from its source: what is answered, why, what to do."""

import ast
from collections.abc import Iterator
from pathlib import Path

from docs.symptom import Symptom, prose, table

PROJECT = Path(__file__).resolve().parent.parent
_FOLDERS = ("blocks", "specs", "tasks", "flows")
# Their answers are in docs/troubleshooting.md, by what is seen of them.
_SHOWN_THERE = {"blocks/aws_errors.py", "blocks/kubernetes_errors.py", "tasks/failed_job.py"}
_FIELDS = ("answer", "cause", "next_step")
_ANY = "…"


def raised_errors() -> str:
    """A section for each module that raises errors, with a table of them."""
    sections = []
    for folder in _FOLDERS:
        for path in sorted((PROJECT / folder).rglob("*.py")):
            name = path.relative_to(PROJECT).as_posix()
            found = [] if name in _SHOWN_THERE else list(dict.fromkeys(_errors_of(path)))
            if found:
                what = prose((ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()[0])
                sections.append(
                    f"### {name}\n\n{what}\n\n{table(found, ('what the error says', 'cause', 'next step'))}"
                )
    return "\n".join(sections)


def _errors_of(path: Path) -> Iterator[Symptom]:
    """Errors whose cause is written out; others pass on what somebody else has found."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        given = _given(node)
        if given and _is_written(given["cause"]):
            yield Symptom(*(_text(given[name]).strip() for name in _FIELDS))


def _given(call: ast.Call) -> dict[str, ast.expr] | None:
    """Answer, cause and next step of a call that makes an error or a refusal; None for other calls."""
    given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    if isinstance(call.func, ast.Name) and call.func.id.endswith("Error"):
        given |= dict(zip(("resource", *_FIELDS), call.args, strict=False))
    if not set(_FIELDS) <= set(given):
        return None
    # The answer alone says little of whom it is about.
    if "resource" in given and _is_written(given["resource"]):
        given["answer"] = ast.JoinedStr([given["resource"], ast.Constant(": "), given["answer"]])
    return given


def _is_written(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in ast.walk(node)) and not (
        isinstance(node, ast.Subscript | ast.Call)
    )


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.FormattedValue):
        return _placeholder(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    if isinstance(node, ast.IfExp):
        return f"{_text(node.body)} / {_text(node.orelse)}"
    return _ANY


def _placeholder(node: ast.expr) -> str:
    """A value that has a name stands by it, as NAME; any other is left open."""
    if isinstance(node, ast.Attribute):
        return node.attr.strip("_").upper()
    return node.id.strip("_").upper() if isinstance(node, ast.Name) else _ANY
