"""`python -m benchmarks mirror`, whole, with small images."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.ratios import RATIOS

TOOLS = ("registry copy", "skopeo copy --all", "crane copy", "oras cp -r")


def mirror(tmp_path: Path, *arguments: str) -> int:
    return main(["mirror", "--json", str(tmp_path / "found.json"), "--cache", str(tmp_path / "cache"), *arguments])


def test_every_figure_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if missing := [tool for tool in ("docker-registry", "skopeo", "crane", "oras") if shutil.which(tool) is None]:
        pytest.skip(f"{', '.join(missing)} is not installed")
    assert mirror(tmp_path, "--quick") == 0
    found = json.loads((tmp_path / "found.json").read_text())
    assert list(found) == ["ratios", "rows", "machine", "versions"]
    assert list(found["ratios"]) == [ratio.name for ratio in RATIOS]
    assert {(row["scenario"], row["tool"]) for row in found["rows"]} == {
        (scenario, tool) for scenario in ("cold", "warm", "limited_big", "limited_small", "reset") for tool in TOOLS
    }
    # The others need not survive a link that resets.
    assert all(row["completed"] for row in found["rows"] if row["scenario"] != "reset" or row["tool"] == TOOLS[0])
    assert all(row["requests"] > 0 and row["wall_s"] > 0 for row in found["rows"])
    # What goes over the link is the image, and what was under way when a tool turned to parallel ranges.
    limited = [row["upstream_ratio"] for row in found["rows"] if row["scenario"] == "limited_big"]
    assert all(1 <= ratio < 1.5 for ratio in limited)
    assert found["ratios"]["warm_requests"] <= 2
    assert list(found["versions"]) == ["skopeo", "crane", "oras", "docker-registry", "python"]
    printed = capsys.readouterr().out
    assert all(f"`{name}`" in printed for name in (*found["ratios"], *TOOLS))


def test_what_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "crane"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert mirror(tmp_path) == 1
    assert "error: not on the PATH: skopeo, oras, docker-registry." in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("--quick", "--markdown", "README.md"), ("--rounds", "0"), ("--only", "x")])
def test_wrong_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit, match="2"):
        mirror(tmp_path, *arguments)
