"""What a person reads after jobs were submitted: a row for each, why those that failed or hang did."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from specs.array_table import first_row
from tasks.failed_job import explain_failed
from tasks.job import JobResult
from tasks.job_progress import JobProgress, counted, vcpu_hours_of
from tasks.job_submission import RefusedJob

_LOG_LINES = 20
_CHILDREN = 20
_ROWS = 1000
_LOGS = 20


class JobsReport(BaseModel):
    """The result of a submission.

    Attributes:
        jobs: One a job, in the order given.
    """

    model_config = ConfigDict(frozen=True)

    jobs: tuple[JobResult, ...]


class JobsFailedError(Exception):
    """Jobs failed, hang, or could not be submitted; the message says what is known of each.

    Attributes:
        jobs: How every submitted job stands, with each failed child of an array; the message names the first 20.
    """

    def __init__(self, message: str, jobs: Sequence[JobResult] = ()) -> None:
        super().__init__(message)
        self.jobs = tuple(jobs)


def report_jobs(
    results: Sequence[JobResult], refused: Sequence[RefusedJob], doubled: Sequence[str], *, progress: JobProgress
) -> JobsReport:
    """Show the ends of the jobs in the artifact of the run.

    Args:
        results: How each submitted job stands.
        refused: Those that were not submitted.
        doubled: Ids of jobs that had been submitted twice and were ended.
        progress: The artifact.

    Returns:
        The same as data.

    Raises:
        JobsFailedError: If a job failed, hangs or was refused.
    """
    reasons = [job.reason for job in refused]
    notes = [f"job {job_id} had been submitted twice and was ended" for job_id in doubled]
    progress.finish(_markdown(results, [*reasons, *notes]))
    failures = [_failure(result) for result in results if _is_troubled(result)]
    if failures or reasons:
        raise JobsFailedError("\n".join([_summary(results, reasons), *failures, *reasons]), results)
    return JobsReport(jobs=tuple(results))


def _summary(results: Sequence[JobResult], refused: Sequence[str]) -> str:
    states = [f"{count} {status}" for status, count in counted(results).items()]
    return ", ".join(states + ([f"{len(refused)} refused"] if refused else []))


def _markdown(results: Sequence[JobResult], remarks: Sequence[str]) -> str:
    lines = [
        "# Jobs",
        "",
        _summary(results, ()),
        "",
        vcpu_hours_of(results),
        "",
        *(f"- {remark}" for remark in remarks),
        "",
    ]
    lines += ["| job | id | status | exit code | seconds | pod | reason |", "|---|---|---|---|---|---|---|"]
    ordered = sorted(results, key=lambda result: not _is_troubled(result))
    lines += [_row(result) for result in ordered[:_ROWS]]
    if left_out := ordered[_ROWS:]:
        lines += ["", f"{len(left_out):,} more jobs have no row here: {_summary(left_out, ())}."]
    for result in results:
        if result.explanation:
            lines += ["", f"## Why {result.job_name} hangs", "", *_quoted(result.explanation)]
    for result in _logs_shown(results):
        lines += _log(result.job_name, result.log, result.log_lines, result.log_size, result.log_note)
        for child in result.failed_children:
            lines += _log(
                f"{result.job_name}:{child.index}", child.log, child.log_lines, child.log_size, child.log_note
            )
    return "\n".join(lines)


def _logs_shown(results: Sequence[JobResult]) -> list[JobResult]:
    with_logs = [result for result in results if result.log_note or result.failed_children]
    return sorted(with_logs, key=lambda result: result.status != "FAILED")[:_LOGS]


def _log(name: str, log: str, lines: int, size: int, note: str) -> list[str]:
    """The end of a log, how much of it is not shown, and where all of it is."""
    if not note:
        return []
    tail = log.splitlines()[-_LOG_LINES:]
    shown = "\n".join(tail)
    cut = f"{lines - len(tail):,} lines ({max(0, size - len(shown.encode())) / 1024:,.1f} KiB) more were cut. "
    fence = "```" if "```" not in shown else "~~~~~~"
    body = ["", fence, *tail, fence] if tail else []
    return ["", f"## Log of {name}", *body, "", (cut if lines > len(tail) else "") + note]


def _is_troubled(result: JobResult) -> bool:
    return result.status == "FAILED" or bool(result.explanation)


def _row(result: JobResult) -> str:
    code = "" if result.exit_code is None else str(result.exit_code)
    seconds = "" if result.seconds is None else f"{result.seconds:.1f}"
    reason = result.status_reason.replace("|", "\\|")
    link = f"[{result.job_name}]({result.console_url})"
    pod = f"[{result.pod_name}]({result.pod_url})" if result.pod_url else result.pod_name
    return f"| {link} | {result.job_id} | {result.status} | {code} | {seconds} | {pod} | {reason} |"


def _failure(result: JobResult) -> str:
    if result.explanation:
        return result.explanation
    if result.failed_children:
        return _failed_array(result)
    return str(explain_failed(result))


def _failed_array(result: JobResult) -> str:
    children = result.failed_children
    size = sum(result.children.values())
    first = first_row(result.job_name, size)
    rows = {child.index: "" if first is None else f"row {first + child.index}, " for child in children}
    shown = ", ".join(
        f"{child.index} ({rows[child.index]}exit code {child.exit_code})" for child in children[:_CHILDREN]
    )
    more = f", and {len(children) - _CHILDREN} more" if len(children) > _CHILDREN else ""
    return (
        f"job {result.job_name} ({result.job_id}): {len(children)} of {size} children FAILED: "
        f"{shown}{more}\n"
        f"  Next step: see {result.console_url}"
    )


def _quoted(text: str) -> list[str]:
    return [f"> {line}" for line in text.splitlines()]
