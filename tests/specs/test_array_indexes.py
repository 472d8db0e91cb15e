"""Children that run again see their old index, whichever they are and however often."""

import os
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.array_indexes import INDEX, MOST_CHARACTERS, SIZE, check_children, index_ranges, run_children, split_indexes
from specs.fault import Findings
from specs.rerun_request import RerunRequest

INDEXES = st.sets(st.integers(0, 9999), min_size=1, max_size=300).map(sorted)


def request(**container: Any) -> RerunRequest:
    described = {"name": "Default", "image": "i", "resources": {}, **container}
    pod = {"eksProperties": {"podProperties": {"containers": [described]}}}
    return RerunRequest({"jobQueue": "Q", "jobDefinition": "D:1", **pod}, pod)


def seen(override: dict[str, Any], index: int | None) -> str:
    """What the process of a child sees."""
    (container,) = override["eksPropertiesOverride"]["podProperties"]["containers"]
    own = {} if index is None else {INDEX: str(index), SIZE: "2"}
    argv = [*container["command"], *container["args"]]
    return subprocess.run(argv, env={"PATH": os.defpath, **own}, stdout=subprocess.PIPE, text=True, check=True).stdout


@given(INDEXES)
def test_ranges_and_groups_hold_each_index_once_and_in_order(indexes: list[int]) -> None:
    groups = split_indexes(indexes)
    assert [index for group in groups for index in group] == indexes
    written = [part.partition("-")[::2] for group in groups for part in index_ranges(group)]
    assert [i for first, last in written for i in range(int(first), int(last or first) + 1)] == indexes


def test_ten_thousand_children_fit_however_they_lie() -> None:
    assert split_indexes(range(10000)) == [tuple(range(10000))]
    every_other = split_indexes(range(0, 10000, 2))
    assert 1 < len(every_other) < 10
    assert all(len(" ".join(index_ranges(group))) <= MOST_CHARACTERS for group in every_other)


@pytest.mark.parametrize(("indexes", "old"), [((3, 17, 18, 19, 42), ("3", "17", "18", "19", "42")), ((7,), ("7",))])
def test_each_child_sees_its_old_index_and_size_and_its_own_arguments(
    indexes: tuple[int, ...], old: tuple[str, ...]
) -> None:
    rerun = request(command=["/bin/sh", "-c"], args=['echo "$1" $AWS_BATCH_JOB_ARRAY_INDEX', "x", "a  b"])
    run_children(rerun, indexes, 50)
    document = rerun.document()
    assert document.get("arrayProperties") == ({"size": len(indexes)} if len(indexes) > 1 else None)
    places = range(len(indexes)) if len(indexes) > 1 else [None]
    assert [seen(document, place) for place in places] == [f"a  b {index}\n" for index in old]


def test_the_rerun_of_a_rerun_looks_both_indexes_up() -> None:
    rerun = request(command=["/bin/sh", "-c", f"echo ${INDEX} of ${SIZE}"])
    run_children(rerun, (3, 17, 42), 50)
    run_children(rerun, (1, 2), 3)
    assert [seen(rerun.document(), place) for place in (0, 1)] == ["17 of 50\n", "42 of 50\n"]


def test_what_runs_the_image_s_own_entry_point_is_refused() -> None:
    found = Findings()
    check_children(request(args=["--all"]), "job x", found)
    assert ["entry point of its image" in fault.rule for fault in found.faults] == [True]
