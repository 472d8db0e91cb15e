"""What a person reads of preflight: what is wrong, worst first, what is fine, what was added."""

from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact
from pydantic import BaseModel, ConfigDict

from specs.preflight.facts import Level
from specs.preflight.rule import LEVELS, Finding
from tasks.outcome import Outcome
from tasks.run_log import say


class PreflightReport(BaseModel):
    """The result of preflight.

    Attributes:
        findings: What is wrong, the worst first.
        passed: Names of the rules that were checked and find nothing, with what they demand.
        added: What was added, or would be.
        not_added: What could not be added, and why.
    """

    model_config = ConfigDict(frozen=True)

    findings: tuple[Finding, ...]
    passed: tuple[tuple[str, str], ...]
    added: tuple[Outcome, ...] = ()
    not_added: tuple[str, ...] = ()

    def of(self, level: Level) -> tuple[Finding, ...]:
        """The findings of a level."""
        return tuple(finding for finding in self.findings if finding.level == level)

    @property
    def summary(self) -> str:
        """One line: how many findings of each level, and how many rules are fine."""
        counts = [f"{len(self.of(level))} {level}" for level in LEVELS]
        return f"{', '.join(counts)}; {len(self.passed)} rules are fine"

    def markdown(self, title: str) -> str:
        """The same for a person.

        Args:
            title: Heading.
        """
        lines = [f"# {title}", "", self.summary]
        if self.findings:
            lines += ["", "| level | rule | observed | fix |", "|---|---|---|---|"]
            lines += [_row(finding) for finding in self.findings]
        if self.added:
            planned = any(outcome.planned for outcome in self.added)
            lines += ["", "## Would be added" if planned else "## Added", ""]
            lines += [_addition(outcome) for outcome in self.added]
        if self.not_added:
            lines += ["", "## Not added", "", *(f"- {reason}" for reason in self.not_added)]
        lines += ["", "## Fine", "", *(f"- ✅ {demand} (`{name}`)" for name, demand in self.passed)]
        return "\n".join(lines)

    def show(self, title: str) -> None:
        """Show it as the artifact preflight of the run, and what is wrong in its log.

        Args:
            title: Heading.
        """
        create_markdown_artifact(self.markdown(title), key="preflight", description=self.summary)
        for finding in self.findings:
            say("%s", finding)
        say("%s: %s; see the artifact preflight", title, self.summary)


class PreflightError(Exception):
    """Prerequisites are not met; the message holds all of them, each with its fix."""

    def __init__(self, errors: Sequence[Finding]) -> None:
        super().__init__("\n".join(f"{error}" for error in errors))
        self.errors = tuple(errors)


def _row(finding: Finding) -> str:
    rule = f"[{finding.rule}]({finding.source})" if finding.source.startswith("https:") else finding.rule
    return f"| {finding.level} | {rule} | {_cell(finding.evidence)} | {_cell(finding.fix)} |"


def _addition(outcome: Outcome) -> str:
    changes = "; ".join(str(change) for change in outcome.changes) if outcome.action == "updated" else ""
    return f"- {outcome.step} {outcome.name}: {outcome.action}" + (f" ({changes})" if changes else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
