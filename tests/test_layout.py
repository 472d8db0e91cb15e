"""The house: every top-level name resolves here, and imports run down the table only (docs/architecture.md)."""

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "deployments": {"flows", "tasks", "blocks", "specs", "registry"},
    "flows": {"tasks", "blocks", "specs", "registry"},
    "tasks": {"blocks", "specs", "registry"},
    "blocks": {"specs"},
    "specs": set(),
    "registry": set(),
    "sandbox": set(),
}
OURS = {*MAY_IMPORT, "demo", "benchmarks", "docs"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_top_level_name_is_the_one_of_this_checkout(name: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin) == ROOT / name / "__init__.py"


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_imports_run_down_only(folder: str) -> None:
    allowed = MAY_IMPORT[folder] | {folder}
    upward = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in (imported(path) & OURS) - allowed
    }
    assert not upward


@pytest.mark.parametrize(
    ("folder", "forbidden"), [("registry", {"prefect", "boto3", "botocore"}), ("specs", {"boto3", "prefect"})]
)
def test_what_is_usable_alone_needs_no_prefect(folder: str, forbidden: set[str]) -> None:
    assert not {path for path in (ROOT / folder).rglob("*.py") if imported(path) & forbidden}
