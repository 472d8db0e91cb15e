"""What is written for programs and for readers."""

from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.mirror import Run
from benchmarks.report import document, markdown, put_between_markers
from benchmarks.scenario import SCENARIOS

TOOLS = ("registry copy", "skopeo copy --all", "crane copy", "oras cp -r")
README = Path(__file__).resolve().parent.parent.parent / "benchmarks" / "README.md"


def runs() -> list[Run]:
    return [
        Run("reset", tool, tool == "registry copy", wall_s, 0.5, 30.04, 12, 0.25, 1.0512)
        for tool in TOOLS
        for wall_s in (1.0, 3.0, 1.5)
    ]


def test_a_row_holds_the_medians_and_each_run_behind_them() -> None:
    found = document(runs(), {"oras": "1.3"}, load=0.5)
    assert found["ratios"] == {"reset_bytes_ratio": 1.051}
    row = found["rows"][0]
    assert (row["tool"], row["completed"], row["wall_s"]) == ("registry copy", True, 1.5)
    assert [run["wall_s"] for run in row["runs"]] == [1.0, 3.0, 1.5]
    assert found["machine"]["load_before"] == 0.5
    assert found["versions"] == {"oras": "1.3"}


def test_a_reader_sees_what_was_met_and_who_failed() -> None:
    lines = markdown(document(runs(), {"oras": "1.3"}, load=0.5), SCENARIOS).splitlines()
    assert sum(line.startswith("| `reset_bytes_ratio`") and line.endswith("| met |") for line in lines) == 1
    tools = [line for line in lines if line.startswith(("| `registry copy`", "| `crane copy`"))]
    assert tools[0].startswith("| `registry copy` | 1.50 |")
    assert tools[1].startswith("| `crane copy` | failed after 1.50 |")
    assert lines[-1] == "Versions: oras 1.3."


def test_figures_go_between_the_markers_of_the_readme(tmp_path: Path) -> None:
    copy = tmp_path / "README.md"
    before = README.read_text()
    copy.write_text(before)
    for figures in ("of 2025\n", "of 2026\n"):
        put_between_markers(copy, figures)
    written = copy.read_text()
    assert "of 2026\n" in written
    assert "of 2025\n" not in written
    assert written.startswith(before.partition("<!-- figures: begin")[0])


def test_a_file_without_markers_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.md"
    other.write_text("text\n")
    with pytest.raises(BenchmarkError, match=r"other\.md lacks the lines"):
        put_between_markers(other, "figures\n")
    assert other.read_text() == "text\n"
