"""Which causes of a hang are final, so that a job may be ended for them, and which may heal."""

import pytest

from tasks.stuck_job import RUNNABLE_REASONS, _is_out_of_reach

PRIVATE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tools:1"
PUBLIC = "public.ecr.aws/amazonlinux/amazonlinux:2"


def test_reasons_that_batch_itself_would_cancel_a_job_for_are_final_but_for_capacity() -> None:
    assert {row.words for row in RUNNABLE_REASONS if row.is_final} == {
        "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
        "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
    }


@pytest.mark.parametrize(
    ("image", "trouble", "is_final"),
    [
        (PUBLIC, "failed to do request: Head: dial tcp: i/o timeout", True),
        (PUBLIC, "429 Too Many Requests", False),
        (PRIVATE, f"failed to resolve reference: {PRIVATE}: not found", True),
        (PRIVATE, "failed to do request: Head: dial tcp: i/o timeout", False),
        (PRIVATE, "unexpected status: 403 Forbidden", False),
    ],
)
def test_an_image_is_out_of_reach_for_good_if_it_is_not_in_the_private_registry(
    image: str, trouble: str, is_final: bool
) -> None:
    assert _is_out_of_reach(f'Failed to pull image "{image}": rpc error: {trouble}') is is_final
