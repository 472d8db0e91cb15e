"""`python -m benchmarks jobs`, whole, with few jobs."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.jobs_ratios import JOBS_RATIOS


@pytest.mark.campaign
@pytest.mark.timeout(600)
def test_every_figure_is_taken(tmp_path: Path) -> None:
    assert main(["jobs", "--quick", "--json", str(tmp_path / "found.json")]) == 0
    found = json.loads((tmp_path / "found.json").read_text())
    assert list(found) == ["ratios", "rows", "machine", "versions"]
    assert list(found["ratios"]) == [ratio.name for ratio in JOBS_RATIOS]
    assert [name for name, value in found["ratios"].items() if value is None] == ["wall_vs_airflow", "calls_vs_airflow"]
    exact = {"unhealed_throttles": 0, "tracked_calls_vs_hundreds": 1, "lost": 0, "doubled": 0}
    assert {name: found["ratios"][name] for name in exact} == exact
    assert found["ratios"]["calls_per_job"] <= 1.2


def test_an_interpreter_without_airflow_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "--json", str(tmp_path / "found.json"), "--airflow-python", sys.executable]) == 1
    assert "has no apache-airflow-providers-amazon" in capsys.readouterr().err
