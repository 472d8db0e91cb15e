"""Jobs of a table's rows: cells become variables and parameters, and nothing else of the job changes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.fault import Findings
from specs.job_request import JobRequest
from specs.job_table import JobTable
from specs.table_jobs import MOST_JOBS, table_jobs
from specs.table_rows import TableRows, typed_rows

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def made(job: dict[str, Any], *cells: str, **options: Any) -> list[JobRequest]:
    found = Findings()
    table = JobTable(
        job=JobRequest.from_document({"jobName": "T", "jobQueue": "Q", "jobDefinition": "D"} | job), **options
    )
    jobs = table_jobs(table, TableRows("table.rows", ("day",), [(cell,) for cell in cells]), found)
    assert not found.faults
    return jobs


@given(st.lists(CELL, min_size=1, max_size=5))
def test_each_row_is_a_valid_job_that_finds_its_cells(cells: list[str]) -> None:
    for number, (job, cell) in enumerate(zip(made({}, *cells), cells, strict=True), 1):
        document = job.to_document()
        assert JobRequest.from_document(document) == job
        (container,) = document["eksPropertiesOverride"]["podProperties"]["containers"]
        (variable,) = container["env"]
        assert (document["jobName"], variable["name"]) == (f"T-{number}", "day")
        # As Kubernetes writes it into the pod: a doubled dollar is one, so that `$(NAME)` in a cell is no reference.
        assert variable["value"].replace("$$", "$") == cell
        assert document["parameters"] == {"day": variable["value"]}


def test_a_row_is_added_to_what_the_job_has() -> None:
    stage, day = {"name": "STAGE", "value": "test"}, {"name": "day", "value": "never"}
    containers: list[dict[str, Any]] = [{"name": "main", "args": ["-c", "true"], "env": [stage, day]}, {"name": "side"}]
    pod: dict[str, Any] = {
        "containers": containers,
        "initContainers": [{"name": "fetch", "args": ["x"]}],
        "metadata": {"labels": {}},
    }
    more = {"parameters": {"day": "never", "to": "x"}, "timeout": {"attemptDurationSeconds": 60}, "tags": {"team": "a"}}
    (job,) = made({"eksPropertiesOverride": {"podProperties": pod}, **more}, "1")
    today = {"name": "day", "value": "1"}
    assert job.to_document() == {
        "jobName": "T-1",
        "jobQueue": "Q",
        "jobDefinition": "D",
        "eksPropertiesOverride": {
            "podProperties": pod
            | {"containers": [containers[0] | {"env": [stage, today]}, {"name": "side", "env": [today]}]}
        },
        **more,
        "parameters": {"day": "1", "to": "x"},
    }


@pytest.mark.parametrize(
    ("submit_as", "rows", "jobs"),
    [
        ("auto", MOST_JOBS, MOST_JOBS),
        ("auto", MOST_JOBS + 1, 1),
        ("jobs", MOST_JOBS + 1, MOST_JOBS + 1),
        ("array", 2, 1),
    ],
)
def test_large_tables_become_arrays_unless_the_user_chose(submit_as: str, rows: int, jobs: int) -> None:
    assert len(made({}, *map(str, range(rows)), submit_as=submit_as)) == jobs


def test_typed_rows_make_the_same_jobs_in_whatever_order_their_columns_were_kept() -> None:
    found = Findings()
    rows = typed_rows([{"b": "1", "a": "2"}, {"a": "4", "b": "3"}], found)
    (job,) = table_jobs(JobTable(submit_as="array"), rows, found)
    assert not found.faults
    (container,) = job.to_document()["eksPropertiesOverride"]["podProperties"]["containers"]
    assert container["env"] == [{"name": "JOB_TABLE", "value": "a\tb\n2\t1\n4\t3\n"}]
