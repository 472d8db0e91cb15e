"""The site builds strictly (every link, anchor and docstring is good), and needs nothing from elsewhere to be shown."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(directory)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return directory


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = {path: path.read_text() for path in site.rglob("*.html")}
    assert len(pages) > 20
    loaded = re.compile(r'<(?:script|img|iframe|link(?! rel="canonical"))\b[^>]*\b(?:src|href)="(?:https?:)?//[^"]*"')
    assert {path.name: found for path, text in pages.items() if (found := loaded.findall(text))} == {}
    styles = [path.read_text() for path in site.rglob("*.css")]
    assert not [text for text in styles if re.search(r"url\(['\"]?(?:https?:)?//", text)]


def test_no_code_is_published(site: Path) -> None:
    assert [path for path in site.rglob("*") if path.suffix in (".py", ".pyc")] == []


def test_the_reference_has_the_parameters_of_flows(site: Path) -> None:
    reference = (site / "reference" / "flows.html").read_text()
    assert "How long jobs on an environment that is replaced may take to end" in reference
