"""Specs are quick to import: no Prefect, no AWS client, no service model until it is needed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_importing_specs_loads_nothing_heavy() -> None:
    modules = sorted(path.stem for path in (ROOT / "specs").glob("*.py") if path.stem not in ("__init__", "platform"))
    code = f"""
import importlib, sys
for name in {modules!r}:
    importlib.import_module("specs." + name)
print([name for name in ("prefect", "boto3", "botocore", "kubernetes", "sandbox") if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
