"""What a person reads after jobs were submitted: a row for each, why those that failed or hang did."""

from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact
from pydantic import BaseModel, ConfigDict

from tasks.job import JobResult

_LOG_LINES = 20


class JobsReport(BaseModel):
    """The result of a submission.

    Attributes:
        jobs: One a job, in the order given.
        refused: The jobs that were not submitted, with the reason.
    """

    model_config = ConfigDict(frozen=True)

    jobs: tuple[JobResult, ...]
    refused: tuple[str, ...] = ()


class JobsFailedError(Exception):
    """Jobs failed, hang, or could not be submitted; the message says what is known of each."""


def report_jobs(results: Sequence[JobResult], refused: Sequence[str] = ()) -> JobsReport:
    """Show the jobs as the artifact `submit-jobs`.

    Args:
        results: How each submitted job stands.
        refused: The reasons of those that were not submitted.

    Returns:
        The same as data.

    Raises:
        JobsFailedError: If a job failed, hangs or was refused.
    """
    create_markdown_artifact(_markdown(results, refused), key="submit-jobs", description=_summary(results, refused))
    failures = [_failure(result) for result in results if result.status == "FAILED" or result.explanation]
    if failures or refused:
        raise JobsFailedError("\n".join([_summary(results, refused), *failures, *refused]))
    return JobsReport(jobs=tuple(results), refused=tuple(refused))


def _summary(results: Sequence[JobResult], refused: Sequence[str]) -> str:
    counts: dict[str, int] = {}
    for result in results:
        counts[result.status] = counts.get(result.status, 0) + 1
    states = [f"{count} {status}" for status, count in counts.items()]
    return ", ".join(states + ([f"{len(refused)} refused"] if refused else []))


def _markdown(results: Sequence[JobResult], refused: Sequence[str]) -> str:
    lines = ["# Jobs", "", _summary(results, refused), ""]
    lines += ["| job | status | exit code | seconds | pod | reason |", "|---|---|---|---|---|---|"]
    lines += [_row(result) for result in results]
    for result in results:
        if result.explanation:
            lines += ["", f"## Why {result.job_name} hangs", "", *_quoted(result.explanation)]
        if result.log:
            tail = result.log.splitlines()[-_LOG_LINES:]
            lines += ["", f"## Log of {result.job_name}", "", "```", *tail, "```"]
    return "\n".join([*lines, "", *(f"- {reason}" for reason in refused)])


def _row(result: JobResult) -> str:
    code = "" if result.exit_code is None else str(result.exit_code)
    seconds = "" if result.seconds is None else f"{result.seconds:.1f}"
    reason = result.status_reason.replace("|", "\\|")
    link = f"[{result.job_name}]({result.console_url})"
    return f"| {link} | {result.status} | {code} | {seconds} | {result.pod_name} | {reason} |"


def _failure(result: JobResult) -> str:
    if result.explanation:
        return result.explanation
    last = result.log.splitlines()[-1:] or ["no log could be read"]
    return (
        f"job {result.job_name} ({result.job_id}): FAILED, exit code {result.exit_code}: {result.status_reason}\n"
        f"  Last line of its log: {last[0]}\n"
        f"  Next step: see {result.console_url}"
    )


def _quoted(text: str) -> list[str]:
    return [f"> {line}" for line in text.splitlines()]
