"""Retries and timeouts, of job definitions and of single jobs."""

import re
from typing import Annotated, Any

from pydantic import Field

from specs.fault import Findings
from specs.limit import AtMost, Between, OneOf
from specs.part import Part
from specs.source import guide, member
from specs.wire import elements, mapping, text

_PATTERNS = {
    "onStatusReason": (r"[A-Za-z0-9.:\s]*\*?", "letters, digits, periods, colons and white space"),
    "onReason": (r"[A-Za-z0-9.:\s]*\*?", "letters, digits, periods, colons and white space"),
    "onExitCode": (r"[0-9]*\*?", "digits"),
}


class EvaluateOnExit(Part):
    """When to retry and when to give up; all conditions that are given must match."""

    on_status_reason: str = Field(
        default="",
        title="On status reason",
        description="A pattern for the job's status reason; an asterisk is allowed at the end.",
        examples=["Host EC2*"],
    )
    on_reason: str = Field(
        default="",
        title="On reason",
        description="A pattern for the container's reason; an asterisk is allowed at the end.",
        examples=["*"],
    )
    on_exit_code: str = Field(
        default="",
        title="On exit code",
        description="A pattern for the exit code; an asterisk is allowed at the end.",
        examples=["137"],
    )
    action: Annotated[str, OneOf(("RETRY", "EXIT"), member("EvaluateOnExit", "action"), any_case=True)] = Field(
        title="Action",
        description="RETRY or EXIT.",
        examples=["EXIT"],
    )


class RetryStrategy(Part):
    """How often a failed job is started again."""

    attempts: Annotated[int, Between(1, 10, member("RetryStrategy", "attempts"))] = Field(
        default=1,
        title="Attempts",
        description="How many times the job is started at most, 1 to 10.",
        examples=[3],
    )
    evaluate_on_exit: Annotated[list[EvaluateOnExit], AtMost(5, member("RetryStrategy", "evaluateOnExit"))] = Field(
        default=[],
        title="Evaluate on exit",
        description="Up to five rules; when none matches the job is retried, so end with one that exits.",
        examples=[[{"onExitCode": "137", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}]],
    )


class JobTimeout(Part):
    """When a running attempt is stopped."""

    attempt_duration_seconds: Annotated[int, Between(60, None, member("JobTimeout", "attemptDurationSeconds"))] = Field(
        default=3600,
        title="Seconds",
        description="The time an attempt may run, at least 60; waiting for its image does not count.",
        examples=[3600],
    )


def check_retry(strategy: Any, path: str, found: Findings) -> None:
    """Check a retry strategy.

    Args:
        strategy: The wire document of it, of any type.
        path: Where it stands.
        found: Takes what is found.
    """
    document = mapping(strategy)
    conditions = document.get("evaluateOnExit")
    source = member("RetryStrategy", "evaluateOnExit")
    if conditions and "attempts" not in document:
        rule = "With evaluateOnExit, attempts must be given too."
        found.fault(f"{path}.attempts", None, rule, "Set attempts, 1 to 10.", source)
    last: Any = None
    for where, condition in elements(conditions, f"{path}.evaluateOnExit"):
        last = mapping(condition)
        if last and not any(name in last for name in _PATTERNS):
            rule = "At least one of onStatusReason, onReason and onExitCode must be given."
            found.fault(where, condition, rule, "Add a condition.", member("EvaluateOnExit", "action"))
        for name, (pattern, words) in _PATTERNS.items():
            value = last.get(name)
            if isinstance(value, str) and (len(value) > 512 or not re.fullmatch(pattern, value)):
                rule = f"It has at most 512 characters: {words}, and an asterisk only at the end."
                fix = "Change the pattern."
                found.fault(f"{where}.{name}", value, rule, fix, member("EvaluateOnExit", name))
    if last is not None and not _catches_all(last):
        sentence = (
            "When none of the conditions matches, the job is retried; end with "
            '{"onReason": "*", "action": "EXIT"} to retry only what matches.'
        )
        found.warn(f"{path}.evaluateOnExit", sentence, guide("job_retries"))


def _catches_all(condition: Any) -> bool:
    given = [text(condition.get(name)) for name in _PATTERNS if name in condition]
    return bool(given) and all(pattern == "*" for pattern in given)
