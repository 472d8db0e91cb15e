"""Lists of jobs: dependencies by name, all faults at once, an order in which they can be submitted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.fault import SpecError
from specs.job_list import check_job_list, submission_levels, with_job_ids
from specs.job_request import JobRequest

JOB_ID = "876da822-4198-45f2-a252-6cea32512ea8"


def job(name: str, *after: str | dict[str, str], **more: Any) -> JobRequest:
    depends_on = [{"jobId": one} if isinstance(one, str) else one for one in after]
    document = {"jobName": name, "jobQueue": "Q", "jobDefinition": "D", **more}
    return JobRequest.from_document(document | ({"dependsOn": depends_on} if depends_on else {}))


def test_jobs_come_after_those_that_they_wait_for() -> None:
    jobs = [job("c", "a", "b"), job("b", "a"), job("a"), job("d", JOB_ID)]
    check_job_list(jobs)
    assert submission_levels(jobs) == [[2, 3], [1], [0]]
    resolved = with_job_ids(jobs[0], {"a": "id-a", "b": "id-b"}).to_document()
    assert resolved["dependsOn"] == [{"jobId": "id-a"}, {"jobId": "id-b"}]


@given(st.permutations(range(12)))
def test_whatever_the_order_of_the_list_no_job_is_submitted_before_what_it_waits_for(order: list[int]) -> None:
    jobs = [
        job(f"j{number}", *(f"j{other}" for other in range(number) if number % (other + 2) == 0)) for number in order
    ]
    place = {index: level for level, group in enumerate(submission_levels(jobs)) for index in group}
    names = {one.job_name: index for index, one in enumerate(jobs)}
    for index, one in enumerate(jobs):
        assert all(place[names[dependency.job_id]] < place[index] for dependency in one.depends_on)


def test_all_faults_are_named_at_once() -> None:
    jobs = [
        job("twin"),
        job("twin"),
        job("one", "twin", "nobody"),
        job("array", {"jobId": "small", "type": "N_TO_N"}, arrayProperties={"size": 3}),
        job("small", arrayProperties={"size": 2}),
        job("x", "y"),
        job("y", "x"),
    ]
    with pytest.raises(SpecError) as refused:
        check_job_list(jobs)
    text = str(refused.value)
    for words in (
        "2 jobs of the list have this name",
        "jobs[2].dependsOn[1].jobId = 'nobody'",
        "these have 3 and 2",
        "These jobs wait for each other",
    ):
        assert words in text


def test_a_list_without_jobs_is_refused() -> None:
    with pytest.raises(SpecError, match="There must be a job to submit"):
        check_job_list([])
