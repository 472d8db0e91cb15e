"""A figure that is aimed at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

RunT = TypeVar("RunT")


@dataclass(frozen=True)
class Ratio(Generic[RunT]):
    """A figure of one scenario, and what it should be.

    Attributes:
        name: Its name in the JSON.
        scenario: The scenario whose runs it is taken from.
        meaning: What it says.
        take: Takes it from these runs; None where it cannot be taken.
        bound: What it should keep to; None where it is only measured.
        at_least: Whether that is a lower limit; else it is an upper one.
    """

    name: str
    scenario: str
    meaning: str
    take: Callable[[Sequence[RunT]], float | None]
    bound: float | None
    at_least: bool = False

    def is_met(self, value: float | None) -> bool:
        """Whether a value keeps to the bound; one that could not be taken does not."""
        if value is None or self.bound is None:
            return value is not None
        return value >= self.bound if self.at_least else value <= self.bound


def taken(ratios: Sequence[Ratio[Any]], runs: Sequence[Any]) -> dict[str, float | None]:
    """The ratios of the scenarios that were run."""
    found = {}
    for ratio in ratios:
        if chosen := [run for run in runs if run.scenario == ratio.scenario]:
            found[ratio.name] = ratio.take(chosen)
    return found


def ratio_table(ratios: Sequence[Ratio[Any]], found: dict[str, float | None]) -> list[str]:
    """A table for a reader, line by line."""
    lines = ["| ratio | what it says | wanted | found | |", "|---|---|---|---|---|"]
    for ratio in ratios:
        if ratio.name in found:
            value = found[ratio.name]
            wanted = "" if ratio.bound is None else f"at {'least' if ratio.at_least else 'most'} {ratio.bound:g}"
            verdict = "measured" if ratio.bound is None else "met" if ratio.is_met(value) else "**missed**"
            lines.append(
                f"| `{ratio.name}` | {ratio.meaning} | {wanted} | {'-' if value is None else value} | {verdict} |"
            )
    return lines
