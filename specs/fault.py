"""What is wrong with a document, said so that a person can put it right."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_SHOWN = 120
_LISTED = 100


@dataclass(frozen=True)
class Fault:
    """One broken rule.

    Attributes:
        path: The field in wire names, for example ``computeResources.subnets[0]``.
        value: What stands there; None when the field is missing.
        rule: The rule that is broken, in a sentence.
        fix: What to do about it, in a sentence.
        source: Where the rule is written down.
    """

    path: str
    value: Any
    rule: str
    fix: str
    source: str

    def __str__(self) -> str:
        """The fault on one line: where, what, why, what to do, source."""
        shown = "" if self.value is None else f" = {_shorten(self.value)}"
        return f"{self.path}{shown}: {self.rule} {self.fix} [{self.source}]"


class SpecError(ValueError):
    """A document breaks rules; ``faults`` holds all of them.

    When a spec is built by keyword or from a Prefect form, pydantic wraps this error in its
    ``ValidationError``; ``from_document`` raises it as it is.
    """

    def __init__(self, subject: str, faults: Iterable[Fault]) -> None:
        """Make the error.

        Args:
            subject: What was being read, for example ``ComputeEnvironmentSpec``.
            faults: All faults found.
        """
        self.subject = subject
        self.faults = tuple(faults)
        lines = "\n".join(f"- {fault}" for fault in self.faults[:_LISTED])
        # Every row of a large table may have its own.
        if len(self.faults) > _LISTED:
            lines += f"\n- and {len(self.faults) - _LISTED} more"
        count = f"{len(self.faults)} fault" + ("s" if len(self.faults) != 1 else "")
        super().__init__(f"{subject}: {count}\n{lines}")


@dataclass
class Findings:
    """Collects what the rules find in one document.

    Attributes:
        faults: Broken rules.
        warnings: What is allowed, yet probably not meant.
    """

    faults: list[Fault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def fault(self, path: str, value: Any, rule: str, fix: str, source: str) -> None:
        """Note a broken rule."""
        self.faults.append(Fault(path, value, rule, fix, source))

    def warn(self, path: str, sentence: str, source: str) -> None:
        """Note something that is allowed, yet probably not meant."""
        self.warnings.append(f"{path}: {sentence} [{source}]")


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
