"""The figures of the benchmark jobs, and what is checked before they count."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.jobs import AIRFLOW, JOBS_SCENARIOS, OURS, PREFECT_AWS, JobsRun
from benchmarks.jobs_order import JobsOrder
from benchmarks.jobs_ratios import JOBS_RATIOS, jobs_ratios_of
from benchmarks.jobs_report import jobs_document, jobs_markdown
from benchmarks.jobs_verification import verify_jobs


def run(scenario: str, tool: str = OURS, jobs: int = 2000, wall_s: float = 41.0, **more: Any) -> JobsRun:
    return JobsRun(scenario, tool, jobs, wall_s, cpu_s=10.0, peak_mib=150.0, **more)


def test_every_ratio_is_of_a_scenario_that_is_run() -> None:
    assert {ratio.scenario for ratio in JOBS_RATIOS} == {scenario.name for scenario in JOBS_SCENARIOS}


def test_time_is_compared_with_the_least_that_the_quota_allows() -> None:
    found = jobs_ratios_of([run("separate", wall_s=45.1, calls=2100, rows=300)])
    assert found == {
        "calls_per_job": 1.05,
        "unhealed_throttles": 0,
        "wall_vs_quota_floor": pytest.approx(1.1),
        "server_rows_per_1000_jobs": 150,
    }


def test_the_worst_look_counts() -> None:
    told = {"calls_a_look": [10, 6, 1], "hundreds_a_look": [10, 5, 1], "mib": 50.0}
    found = jobs_ratios_of([run("tracked", jobs=100_000, told=told)])
    assert found == {"tracked_calls_vs_hundreds": 1.2, "tracked_mib_per_1000": 0.5}


def test_a_client_that_was_left_out_makes_no_figure() -> None:
    runs = [run("compare", calls=200), run("compare", PREFECT_AWS, wall_s=82.0, calls=800)]
    found = jobs_ratios_of(runs)
    assert (found["wall_vs_prefect_aws"], found["calls_vs_prefect_aws"]) == (0.5, 0.25)
    assert (found["wall_vs_airflow"], found["calls_vs_airflow"]) == (None, None)


def test_a_reader_sees_each_client() -> None:
    runs = [run("compare"), run("compare", AIRFLOW, calls=900, throttled=7)]
    scenarios = [scenario for scenario in JOBS_SCENARIOS if scenario.name == "compare"]
    text = jobs_markdown(jobs_document(runs, {"prefect": "3"}, load=0.1), scenarios)
    assert "| `Airflow BatchOperator` | 2000 | 41.0 | 10.0 | 150 | 900 | 7 | 0 |" in text
    assert text.endswith("Versions: prefect 3.\n")


class Batch:
    """As much of AWS Batch as the check asks for."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def get_paginator(self, _: str) -> "Batch":
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"jobSummaryList": [{"jobId": job_id, "jobName": name} for job_id, name in self._names.items()]}]

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        return {"jobs": [{"jobId": job_id, "status": "SUCCEEDED", "eksAttempts": [{}]} for job_id in jobs]}


@pytest.mark.parametrize(
    ("ran", "names"),
    [
        ("a", {"a": "run-0", "b": "run-1"}),
        ("a b b", {"a": "run-0", "b": "run-1"}),
        ("a b c", {"a": "run-0", "b": "run-1", "c": "run-1"}),
    ],
    ids=["one is missing", "one ran twice", "one was submitted twice"],
)
def test_jobs_that_did_not_each_run_once_end_the_benchmark(ran: str, names: dict[str, str], tmp_path: Path) -> None:
    order = JobsOrder("run", 2, "true", 0, "")
    (tmp_path / "good").write_text("a b")
    verify_jobs(Batch({"a": "run-0", "b": "run-1", "other": "x"}), order, tmp_path / "good")
    (tmp_path / "ran").write_text(ran)
    with pytest.raises(BenchmarkError, match="2 jobs were to run once"):
        verify_jobs(Batch(names), order, tmp_path / "ran")


def test_a_child_that_should_have_failed_ends_the_benchmark(tmp_path: Path) -> None:
    order = JobsOrder("run", 1, "true", 100, "")
    (tmp_path / "ran").write_text(" ".join(f"a:{index}" for index in range(100)))
    with pytest.raises(BenchmarkError, match="job a:99 is SUCCEEDED"):
        verify_jobs(Batch({"a": "run-0"}), order, tmp_path / "ran")
