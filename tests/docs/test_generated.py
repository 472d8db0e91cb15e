"""Parts of pages that repeat the code say what it says now."""

import pytest

from docs.catalogue import ENDS
from docs.generated import DOCS, PARTS, with_generated_parts
from tasks.failed_job import RULES
from tasks.job import JobResult


@pytest.mark.parametrize("page", PARTS)
def test_a_generated_part_is_as_the_code_has_it(page: str) -> None:
    assert (DOCS / page).read_text() == with_generated_parts(page), "run `make docs` and commit what it writes"


def test_every_known_end_of_a_job_is_documented() -> None:
    ends = [
        JobResult.model_validate({"job_name": "", "job_id": "", "status": "FAILED", **end}) for end in ENDS.values()
    ]
    documented = [next((rule for rule in RULES if rule.applies(end)), None) for end in ends]
    assert [rule for rule in RULES if rule not in documented] == []
