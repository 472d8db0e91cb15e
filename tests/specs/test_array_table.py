"""Tables cut into arrays: every row once and in order, in arrays that AWS Batch takes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.array_table import LARGEST_ARRAY, array_name, cut, first_row
from specs.fault import Findings
from specs.job_request import JobRequest
from specs.job_request_rules import LARGEST
from specs.job_table import JobTable
from specs.table_jobs import table_jobs
from specs.table_rows import TableRows

CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('$"\\,é'), max_size=12)
# Rows far apart in length; an array of two containers has room for three of the longest.
ROW = st.tuples(CELL, st.builds(lambda text, times: text * times, st.text("a$é", max_size=3), st.integers(1, 200)))
# What SubmitJob is given beside the request: the longest name, and the tags.
ADDED = {"jobName": "x" * 128, "tags": {"managed-by": "x" * 15, "flow-run" * 3: "x" * 36, "job-name" * 3: "x" * 128}}


def job(*containers: str) -> JobRequest:
    named = [{"name": name, "args": ["-c", "true"]} for name in containers]
    override = {"eksPropertiesOverride": {"podProperties": {"containers": named}}} if named else {}
    return JobRequest.from_document({"jobName": "T", "jobQueue": "Q", "jobDefinition": "D", **override})


@given(st.lists(ROW, min_size=2, max_size=60), st.sampled_from([(), ("main",), ("main", "side")]))
def test_arrays_hold_exactly_the_rows_of_the_table_in_order(
    rows: list[tuple[str, str]], names: tuple[str, ...]
) -> None:
    found = Findings()
    table = JobTable(job=job(*names), submit_as="array")
    jobs = table_jobs(table, TableRows("table.rows", ("day", "region"), rows), found)
    assert not found.faults
    read: list[tuple[str, ...]] = []
    for array in jobs:
        document = array.to_document()
        assert JobRequest.from_document(document) == array
        size = document["arrayProperties"]["size"]
        assert first_row(array.job_name, size) == len(read) + 1
        assert 2 <= size <= LARGEST_ARRAY
        assert len(json.dumps(document | ADDED)) <= LARGEST
        texts = [
            variable["value"]
            for container in document["eksPropertiesOverride"]["podProperties"]["containers"]
            for variable in container["env"]
        ]
        assert len(texts) == max(1, len(names))
        # As Kubernetes writes it into the pod: a doubled dollar is one.
        header, *lines = texts[0].replace("$$", "$").split("\n")[:-1]
        assert header == "day\tregion"
        assert len(lines) == size
        read += [tuple(line.split("\t")) for line in lines]
    assert read == rows


@given(st.lists(st.integers(1, 90), min_size=2, max_size=300), st.integers(1, 200))
def test_rows_are_refused_only_where_two_neighbours_are_too_large(sizes: list[int], most: int) -> None:
    arrays = cut(sizes, most)
    if arrays is None:
        assert any(sum(sizes[place : place + 3]) > most for place in range(len(sizes)))
    else:
        assert [place for array in arrays for place in array] == list(range(len(sizes)))
        assert all(len(array) >= 2 and sum(sizes[place] for place in array) <= most for array in arrays)


@pytest.mark.parametrize(("rows", "sizes"), [(10_000, [10_000]), (10_001, [5000, 5001]), (3, [3]), (2, [2])])
def test_no_row_is_left_over_for_an_array_of_one(rows: int, sizes: list[int]) -> None:
    assert [len(array) for array in cut([1] * rows, LARGEST) or ()] == sizes


def test_a_single_row_makes_no_array() -> None:
    assert cut([1], LARGEST) is None


def test_the_row_of_a_child_is_known_by_the_array_s_name() -> None:
    assert first_row(array_name("night-rows-1-2", range(40, 45)), 5) == 41
    assert first_row("night-rows-1-2", 5) is None
    assert first_row("night", 5) is None
