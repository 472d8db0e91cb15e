"""A rule of preflight, and what it finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from specs.preflight.facts import Level, PreflightFacts

LEVELS: tuple[Level, ...] = ("ERROR", "WARNING", "INFO")


class Finding(BaseModel):
    """One thing that is not as it must be.

    Attributes:
        level: ERROR where setup or jobs fail, WARNING where they may, INFO where somebody might want to know.
        evidence: What was observed.
        fix: What to do.
        rule: Name of the rule.
        source: Where the rule is written down.
    """

    model_config = ConfigDict(frozen=True)

    level: Level
    evidence: str
    fix: str
    rule: str = ""
    source: str = ""

    def __str__(self) -> str:
        return f"{self.level} {self.rule}: {self.evidence}. Fix: {self.fix}"


Check = Callable[[PreflightFacts], Iterable[Finding]]


@dataclass(frozen=True)
class Rule:
    """One fact that must hold.

    Attributes:
        name: Its name.
        demand: What must be so, in half a sentence.
        needs: Parts of the picture that it judges; where one was not looked at, neither is the rule.
        source: Where it is written down.
        check: Gives what is wrong, without name and source.
    """

    name: str
    demand: str
    needs: tuple[str, ...]
    source: str
    check: Check

    def applies(self, facts: PreflightFacts) -> bool:
        """Whether everything that it needs was looked at."""
        return all(getattr(facts, part) is not None for part in self.needs)

    def findings(self, facts: PreflightFacts) -> list[Finding]:
        """What is wrong; nothing where it could not be looked at."""
        if not self.applies(facts):
            return []
        named = {"rule": self.name, "source": self.source}
        return [finding.model_copy(update=named) for finding in self.check(facts)]


def rule_of(part: str, name: str, demand: str, source: str, check: Callable[[Any], Iterable[Finding]]) -> Rule:
    """A rule that judges a single part of the picture.

    Args:
        part: The part, which the check is called with.
        name: Name of the rule.
        demand: What must be so.
        source: Where it is written down.
        check: Gives what is wrong.
    """
    return Rule(name, demand, (part,), source, lambda facts: check(getattr(facts, part)))


def error(evidence: str, fix: str) -> Finding:
    """A finding with which setup or jobs fail."""
    return Finding(level="ERROR", evidence=evidence, fix=fix)


def warning(evidence: str, fix: str) -> Finding:
    """A finding with which they may fail, or do later."""
    return Finding(level="WARNING", evidence=evidence, fix=fix)


def info(evidence: str, fix: str) -> Finding:
    """A finding that somebody might want to know."""
    return Finding(level="INFO", evidence=evidence, fix=fix)
