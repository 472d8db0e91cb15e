"""Names of submitted jobs: AWS takes them, they can be read back, and what differs has another name."""

import re
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from specs.submitted_name import SubmittedName, run_digits

GIVEN = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", fullmatch=True)
RUNS = st.uuids()


@given(RUNS, st.integers(0, 99_999), GIVEN, st.integers(0, 3))
def test_it_is_a_job_name_in_lower_case_that_can_be_read_back(run: UUID, index: int, given: str, failed: int) -> None:
    name = SubmittedName.of(str(run), index, {"jobName": given})
    for _ in range(failed):
        name = name.next
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,127}", str(name))
    read = SubmittedName.parse(str(name))
    assert read is not None
    assert (read.run, read.index, read.digest, read.attempt) == (run_digits(str(run)), index, name.digest, failed + 1)
    assert given.lower().startswith(read.given)


@given(RUNS, GIVEN)
def test_another_document_has_another_name(run: UUID, given: str) -> None:
    names = {
        str(SubmittedName.of(str(run), 0, {"jobName": given, "parameters": {"day": str(day)}})) for day in range(20)
    }
    assert len(names) == 20


def test_a_name_that_somebody_else_gave_is_none_of_ours() -> None:
    for name in ("My-Eks-Job1", "0123456789ab-0-0123abcd", "0123456789ab-x-0123abcd-r1", ""):
        assert SubmittedName.parse(name) is None
