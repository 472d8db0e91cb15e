"""What a person reads after a run: a table of outcomes, and what failed."""

import threading
from collections.abc import Sequence
from typing import Any

from prefect.artifacts import create_markdown_artifact
from prefect.futures import PrefectFuture, wait
from pydantic import BaseModel, ConfigDict

from tasks.outcome import Outcome
from tasks.run_log import say

_SHOWN_CHANGES = 8
KEPT = "\nRun again afterwards: what is done is kept."


class Report(BaseModel):
    """The result of a flow that sets things up or takes them down.

    Attributes:
        outcomes: What every step did, or would do, in the order of the tutorial.
    """

    model_config = ConfigDict(frozen=True)

    outcomes: tuple[Outcome, ...]

    @property
    def changed(self) -> tuple[Outcome, ...]:
        """The outcomes that changed something, or would."""
        return tuple(outcome for outcome in self.outcomes if outcome.is_change)

    @property
    def summary(self) -> str:
        """One line: how many steps were left alone and how many changed something."""
        verb = "would change" if any(outcome.planned for outcome in self.outcomes) else "changed"
        unchanged = len(self.outcomes) - len(self.changed)
        return f"{len(self.outcomes)} steps: {unchanged} unchanged, {len(self.changed)} {verb}"


class StepsFailedError(Exception):
    """Steps failed; the message holds cause and next step of each. What succeeded stays, and is found next time."""


def report_outcomes(title: str, futures: Sequence[PrefectFuture[Any]], *, key: str) -> Report:
    """Wait for all steps and show their outcomes as a markdown artifact of the run.

    Args:
        title: Heading.
        futures: The steps; those whose result is no Outcome are waited for only.
        key: Key of the artifact: lower-case letters, digits and dashes.

    Returns:
        The outcomes.

    Raises:
        StepsFailedError: If steps failed. Steps that only waited for them are counted, not repeated.
    """
    _wait_in_turns(futures)
    tried = [future for future in futures if future.state.is_final()]
    results = [future.result(raise_on_failure=False) for future in tried]
    report = Report(outcomes=tuple(result for result in results if isinstance(result, Outcome)))
    failures = [str(result) for result in results if isinstance(result, BaseException)]
    skipped = len(futures) - len(tried)
    show_report(title, report, key=key, failures=failures)
    if failures:
        waiting = f"\n{skipped} steps that depend on them were not tried." if skipped else ""
        raise StepsFailedError("\n".join(failures) + waiting + KEPT)
    return report


def show_report(title: str, report: Report, *, key: str, failures: Sequence[str] = ()) -> None:
    """Show outcomes as a markdown artifact of the run, and say so in its log.

    Args:
        title: Heading.
        report: The outcomes.
        key: Key of the artifact: lower-case letters, digits and dashes.
        failures: What failed, with cause and next step.
    """
    create_markdown_artifact(_markdown(title, report, failures), key=key, description=report.summary)
    failed = f", {len(failures)} failed" if failures else ""
    say("%s: %s%s; see the artifact %s", title, report.summary, failed, key)


def _wait_in_turns(futures: Sequence[PrefectFuture[Any]]) -> None:
    """Wait for all, awake once a second: the loss of the cluster's limit is not raised in a thread that is blocked."""
    for future in futures:
        finished = threading.Event()
        future.add_done_callback(lambda _, finished=finished: finished.set())  # type: ignore[misc]
        while not finished.wait(1):
            pass
    wait(list(futures))


def _markdown(title: str, report: Report, failures: Sequence[str]) -> str:
    lines = [f"# {title}", "", report.summary, ""]
    lines += ["| step | name | action | changes |", "|---|---|---|---|"]
    lines += [_row(outcome) for outcome in report.outcomes]
    # Not in the table, where long ARNs would push everything else out of sight.
    lines += ["", "## Identifiers", ""]
    lines += [f"- {outcome.label}: `{outcome.identifier}`" for outcome in report.outcomes if outcome.identifier]
    notes = [outcome.note for outcome in report.outcomes if outcome.note]
    if notes:
        lines += ["", "## Notes", "", *(f"- {note}" for note in notes)]
    if failures:
        lines += ["", "## Failed", "", *(f"```\n{failure}\n```" for failure in failures)]
    return "\n".join(lines)


def _row(outcome: Outcome) -> str:
    name = f"[{outcome.name}]({outcome.console_url})" if outcome.console_url else outcome.name
    # Of what is new, every field differs from nothing.
    changes = [] if outcome.action == "created" else [_cell(str(change)) for change in outcome.changes]
    if len(changes) > _SHOWN_CHANGES:
        changes[_SHOWN_CHANGES:] = [f"and {len(changes) - _SHOWN_CHANGES} more"]
    if outcome.action == "kept":
        changes = [_cell(outcome.note)]
    action = f"would be {outcome.action}" if outcome.planned and outcome.is_change else outcome.action
    return f"| {outcome.step} | {name} | {action} | {'<br>'.join(changes)} |"


def _cell(text: str, limit: int = 160) -> str:
    shortened = text if len(text) <= limit else text[: limit - 1] + "…"
    return shortened.replace("|", "\\|").replace("\n", " ")
