"""What a step found and what it did about it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Action = Literal["unchanged", "created", "updated", "replaced", "deleted", "kept", "absent"]
# What a run left as it found it: as wanted already, or in a teardown not ours to delete, or gone already.
_LEFT_ALONE: tuple[Action, ...] = ("unchanged", "kept", "absent")

_NAMED = 8


class Change(BaseModel):
    """One field that differs between what is wanted and what was observed."""

    model_config = ConfigDict(frozen=True)

    field: str
    observed: Any = None
    wanted: Any = None

    def __str__(self) -> str:
        return f"{self.field}: {self.observed!r} -> {self.wanted!r}"


class Outcome(BaseModel):
    """What one step did, or with `planned` would do.

    Attributes:
        step: The tutorial step, such as `job queue`.
        name: Name of the thing.
        action: What was done.
        changes: Field by field, what differed.
        planned: Whether nothing was changed because a plan was asked for.
        identifier: The thing's own identifier: an ARN, or the UID of a Kubernetes object.
        console_url: Where a person can look at it; empty where nowhere, or where the console is not known.
        note: What else a person should know, such as tags that were left in place, or why a thing is kept.
    """

    model_config = ConfigDict(frozen=True)

    step: str
    name: str
    action: Action
    changes: tuple[Change, ...] = ()
    planned: bool = False
    identifier: str = ""
    console_url: str = ""
    note: str = ""

    @property
    def is_change(self) -> bool:
        """Whether something was changed, or would be."""
        return self.action not in _LEFT_ALONE

    @property
    def label(self) -> str:
        """The thing as people name it, such as `job queue My-Eks-JQ1`."""
        return f"{self.step} {self.name}"

    @property
    def sentence(self) -> str:
        """What was done, in a line; fields are named without their values, which may be secrets of jobs."""
        done = f"would be {self.action}" if self.planned and self.is_change else self.action
        fields = [] if self.action == "created" else [change.field for change in self.changes]
        if len(fields) > _NAMED:
            fields[_NAMED:] = [f"and {len(fields) - _NAMED} more"]
        details = "; ".join(filter(None, (", ".join(fields), self.note)))
        return f"{self.label}: {done}" + (f" ({details})" if details else "")


def differences(wanted: Any, observed: Any, field: str = "", unordered: frozenset[str] = frozenset()) -> list[Change]:
    """List where `wanted` is not contained in `observed`.

    AWS and Kubernetes fill in defaults, so fields that only the observed side has do not count. Lists must have
    the same length and agree item by item; those named in `unordered` are compared without regard to order.

    Args:
        wanted: A document.
        observed: What the service holds; None where it holds nothing.
        field: Path of the documents within the whole; empty at the top.
        unordered: Paths of lists whose order means nothing to the service.
    """
    if isinstance(wanted, Mapping):
        inside = observed if isinstance(observed, Mapping) else {}
        return [
            change
            for key, value in wanted.items()
            for change in differences(value, inside.get(key), f"{field}.{key}" if field else str(key), unordered)
        ]
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return _list_differences(wanted, observed, field, unordered)
    return [] if wanted == observed else [Change(field=field, observed=observed, wanted=wanted)]


def _list_differences(wanted: Sequence[Any], observed: Any, field: str, unordered: frozenset[str]) -> list[Change]:
    found = list(observed or [])
    whole = [Change(field=field, observed=observed, wanted=list(wanted))]
    if len(found) != len(wanted):
        return whole
    if field in unordered:
        return [] if sorted(map(repr, found)) == sorted(map(repr, wanted)) else whole
    return [
        change
        for index, (left, right) in enumerate(zip(wanted, found, strict=True))
        for change in differences(left, right, f"{field}[{index}]", unordered)
    ]
