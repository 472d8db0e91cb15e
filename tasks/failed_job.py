"""Why a job failed: what statusReason and exit code tell."""

from collections.abc import Callable
from dataclasses import dataclass

from blocks.operation_error import OperationError
from tasks.job import JobResult


@dataclass(frozen=True)
class FailureRule:
    """One known end of a job.

    Attributes:
        applies: Whether a job ended like this.
        cause: What that means.
        fix: What helps.
    """

    applies: Callable[[JobResult], bool]
    cause: str
    fix: str


def _says(words: str) -> Callable[[JobResult], bool]:
    return lambda job: words in job.status_reason


def _exited(wanted: int) -> Callable[[JobResult], bool]:
    return lambda job: job.exit_code == wanted


# Status reasons: AWS Batch User Guide, job_timeouts, job_dependencies, array_jobs, job_stuck_in_runnable. Exit codes
# are those of POSIX shells: 128 and the number of the signal.
RULES = (
    FailureRule(
        _says("Job attempt duration exceeded timeout"),
        "it ran longer than attemptDurationSeconds of its timeout",
        "raise the timeout, or make the job shorter",
    ),
    FailureRule(
        _says("Canceled by JobStateTimeLimit action"),
        "it stood at the head of its queue for longer than jobStateTimeLimitActions of the queue allows",
        "remove the cause that the reason names, then submit it again",
    ),
    FailureRule(
        _says("Dependent Job failed"),
        "a job that it waits for failed",
        "see why that one failed; submit both again",
    ),
    FailureRule(
        _says("Array Child Job failed"),
        "at least one of its children failed",
        "see its failed children: `aws batch list-jobs --array-job-id ID --job-status FAILED`",
    ),
    FailureRule(
        lambda job: job.was_stopped,
        "somebody ended it",
        "submit it again if that was not meant",
    ),
    FailureRule(
        _exited(137),
        "its process was killed (SIGKILL): most often by the kernel, for more memory than its limit",
        "raise the memory in requests and limits, which must be equal, or have the job take less",
    ),
    FailureRule(
        _exited(143),
        "its process was asked to end (SIGTERM): its node was taken away, as Spot instances are, or its pod deleted",
        "give the job a retryStrategy, or use On-Demand instances",
    ),
    FailureRule(
        _exited(139),
        "its process crashed (SIGSEGV)",
        "see the log; an image for another architecture or a defect of a native library are usual",
    ),
    FailureRule(
        _exited(126),
        "its command was found and cannot be executed",
        "make it executable in the image, and check the image's architecture",
    ),
    FailureRule(
        _exited(127),
        "its command was not found in the image",
        "correct command and args, which replace the image's entry point and arguments",
    ),
)


def explain_failed(job: JobResult) -> OperationError:
    """Say why a job failed.

    Args:
        job: The job; FAILED.
    """
    last = job.log.splitlines()[-1:] or ["no log could be read"]
    rule = next((rule for rule in RULES if rule.applies(job)), None)
    cause = "its own process ended with this exit code" if job.exit_code else "no known one"
    return OperationError(
        f"job {job.job_name} ({job.job_id})",
        f"FAILED, exit code {job.exit_code}: {job.status_reason}\n  Last line of its log: {last[0]}",
        rule.cause if rule else cause,
        f"{rule.fix}; see {job.console_url}" if rule else f"see its log, and {job.console_url}",
    )
