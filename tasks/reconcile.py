"""Observe, compare, change, confirm: the one rhythm of every `ensure_*` task."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from blocks.operation_error import OperationError
from tasks.outcome import Action, Change, Outcome, differences

CONFIRM_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 5.0, 10.0, 10.0)


class Resource(ABC):
    """One thing that should exist: what it is now, what it should be, how to make it so.

    Attributes:
        step: The tutorial step it belongs to.
        name: Its name.
        unordered: Paths of lists whose order means nothing to the service.
    """

    step: str
    unordered: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def observe(self) -> dict[str, Any] | None:
        """What exists, as a wire document; None where nothing does."""

    @abstractmethod
    def wanted(self, *, marked: bool) -> dict[str, Any]:
        """What should exist, as a wire document; `marked` adds our labels or tags."""

    @abstractmethod
    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether it carries our mark."""

    @abstractmethod
    def create(self) -> None:
        """Make it."""

    @abstractmethod
    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Bring it in line and say whether that was an update or a replacement."""

    def rehearse(self, observed: Mapping[str, Any] | None, changes: list[Change]) -> Action:
        """Try the change without making it, where the service can; raises what it would raise.

        Returns:
            What the change would be.
        """
        del changes  # nothing can be tried where a service has no dry run
        return "created" if observed is None else "updated"

    def leftovers(self, observed: Mapping[str, Any]) -> list[Change]:
        """What an earlier spec of ours set and this one leaves out: containment alone does not see it."""
        del observed
        return []

    def note(self, observed: Mapping[str, Any], changes: list[Change]) -> str:
        """What else a person should know of a change of it."""
        del observed, changes
        return ""

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """The thing's own identifier, once it exists."""
        return str(observed.get("metadata", {}).get("uid", ""))

    def console_url(self) -> str:
        """Where a person can look at it; empty where nowhere."""
        return ""


def reconcile(resource: Resource, *, plan: bool, adopt: bool = False) -> Outcome:
    """Make a resource what it should be, touching it only if it is not.

    Args:
        resource: The thing.
        plan: Stop after comparing: report what would change and change nothing.
        adopt: Bring a thing that is not marked as ours in line, and mark it, instead of refusing to touch it.

    Returns:
        What was, or would be, done.

    Raises:
        OperationError: If it differs but is not ours, or is not what was asked for after the change.
    """
    observed = resource.observe()
    changes = _changes(resource, observed, adopt)
    note = resource.note(observed, changes) if changes and observed is not None else ""
    action: Action = "unchanged"
    if changes and plan:
        action = resource.rehearse(observed, changes)
    elif changes and observed is None:
        resource.create()
        action, observed = "created", _confirm(resource)
    elif changes and observed is not None:
        action = resource.update(observed, changes)
        observed = _confirm(resource)
    return Outcome(
        step=resource.step,
        name=resource.name,
        action=action,
        changes=tuple(changes),
        planned=plan,
        identifier=resource.identifier(observed) if observed else "",
        console_url=resource.console_url(),
        note=note,
    )


def _changes(resource: Resource, observed: dict[str, Any] | None, adopt: bool) -> list[Change]:
    if observed is None or adopt or resource.is_ours(observed):
        changes = differences(resource.wanted(marked=True), observed, unordered=resource.unordered)
        return changes + (resource.leftovers(observed) if observed is not None else [])
    changes = differences(resource.wanted(marked=False), observed, unordered=resource.unordered)
    if changes:
        raise OperationError(
            f"{resource.step} {resource.name}",
            "it exists, was not made by these flows, and differs: " + "; ".join(map(str, changes)),
            "it was made by hand or by another tool, and nothing is overwritten that is not ours",
            "bring it in line by hand, choose another name, or run again with `adopt` to hand it over to these flows",
        )
    return []


def _confirm(resource: Resource) -> dict[str, Any]:
    """Read until the change is seen: services answer with what was, or with CREATING, for a while."""
    for seconds in CONFIRM_SECONDS:
        observed = _settled(resource)
        if observed is not None and not differences(
            resource.wanted(marked=True), observed, unordered=resource.unordered
        ):
            return observed
        time.sleep(seconds)
    raise OperationError(
        f"{resource.step} {resource.name}",
        "the change was accepted but cannot be seen",
        "the service is slow to show it, or somebody changed it back",
        "run again: the step reads it anew",
        can_heal=True,
    )


def _settled(resource: Resource) -> dict[str, Any] | None:
    try:
        return resource.observe()
    except OperationError as error:
        if error.can_heal:
            return None
        raise
