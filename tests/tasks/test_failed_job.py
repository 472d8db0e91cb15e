"""Each known end of a job is told with its cause and what helps."""

import pytest

from tasks.failed_job import explain_failed
from tasks.job import JobResult


@pytest.mark.parametrize(
    ("ended", "cause", "fix"),
    [
        ({"status_reason": "Job attempt duration exceeded timeout"}, "attemptDurationSeconds", "raise the timeout"),
        (
            {
                "status_reason": "Canceled by JobStateTimeLimit action due to reason: "
                "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"
            },
            "at the head of its queue",
            "remove the cause that the reason names",
        ),
        ({"status_reason": "Dependent Job failed"}, "a job that it waits for failed", "submit both again"),
        ({"status_reason": "Array Child Job failed"}, "one of its children failed", "--array-job-id"),
        ({"status_reason": "enough", "was_stopped": True, "exit_code": 137}, "somebody ended it", "submit it again"),
        ({"exit_code": 137}, "more memory than its limit", "raise the memory"),
        ({"exit_code": 143}, "its node was taken away", "retryStrategy"),
        ({"exit_code": 139}, "SIGSEGV", "another architecture"),
        ({"exit_code": 126}, "cannot be executed", "make it executable"),
        ({"exit_code": 127}, "was not found in the image", "correct command and args"),
        ({"exit_code": 3, "log": "out of\ncheese"}, "its own process ended", "see its log"),
        ({"exit_code": 0}, "no known one", "see its log"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_end_of_a_job_is_explained(ended: dict[str, object], cause: str, fix: str) -> None:
    job = JobResult.model_validate(
        {"job_name": "job", "job_id": "id", "status": "FAILED", "console_url": "URL", **ended}
    )
    explained = explain_failed(job)
    assert cause in explained.cause
    assert fix in explained.next_step
    assert "URL" in explained.next_step
    assert f"exit code {job.exit_code}: {job.status_reason}" in explained.answer
    assert (job.log.splitlines() or ["no log could be read"])[-1] in explained.answer
