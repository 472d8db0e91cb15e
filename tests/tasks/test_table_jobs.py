"""A table with faults is refused before any call, with all of them."""

from pathlib import Path
from typing import Any

import pytest

from specs.fault import SpecError
from specs.job_request import ArrayProperties, JobRequest
from specs.job_table import JobTable
from tasks.table_jobs import read_table_jobs


def refused(**options: Any) -> str:
    with pytest.raises(SpecError) as error:
        read_table_jobs.fn(JobTable(**options))
    return str(error.value)


def test_all_faults_of_a_table_are_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text('day,day,,1st,AWS_BATCH_X\n1,2,3,4,5\n1\n"a\tb",2,3,4,5\n')
    job = JobRequest(job_name="n" * 120, array_properties=ArrayProperties(size=5))
    said = refused(job=job, path=str(file), rows=[{"a": "b"}], submit_as="array")
    for words in (
        "Give one of path, pasted and rows",
        "table.job.arrayProperties",
        "row 2 (line 3)",
        "column[1].name = 'day': Each column has a name of its own",
        "column[2].name = ''",
        "column[3].name = '1st'",
        "Variables cannot start with AWS_BATCH",
        "A job's name has at most 128 characters",
        "row 3, day = 'a\\tb': In an array a row is a line",
    ):
        assert words in said, words


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"submit_as": "jobs"}, "Give one of path, pasted and rows"),
        ({"rows": [{}]}, "A table has columns"),
        ({"rows": [{"a": "1", "b": "2"}, {"a": "1", "c": "2"}]}, r"table.rows[1] = 'b, c': All rows have the columns"),
        ({"rows": [{"a": "1"}], "submit_as": "array"}, "An array has 2 to 10000 children, the table has 1"),
        ({"rows": [{"a": "1"}, {"a": "x" * 15_000}]}, "row 2: A submission has at most 30720 bytes"),
        ({"rows": [{"a": "1"}, {"a": "é" * 5_000}], "submit_as": "array"}, "row 2: An array has"),
        ({"rows": [{"a": "1\0"}]}, "cannot hold the character NUL"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_faulty_table_is_refused(options: dict[str, Any], words: str) -> None:
    assert words in refused(**options)


def test_a_hundred_faults_are_read_and_more_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "semicolons.csv"
    file.write_text("day,region\n" + "2026-01-01;north\n" * 10_000)
    said = refused(path=str(file))
    assert "10000 faults" in said
    assert said.endswith("- and 9900 more")
    assert said.count("\n") == 101


@pytest.mark.parametrize(("text", "words"), [("", "A table has columns"), ("day\n", "A table has rows")])
def test_a_file_without_rows_is_refused(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "empty.csv"
    file.write_text(text)
    assert words in refused(path=str(file))
