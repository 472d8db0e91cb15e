"""Look, see whose it is, delete, wait until it is gone: the one rhythm of everything that teardown deletes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from blocks.operation_error import OperationError
from tasks.cluster_users import removed
from tasks.outcome import Action, Outcome
from tasks.pauses import pauses
from tasks.step import step

FOREIGN = "these flows did not make it"


class Removable(ABC):
    """One thing that should not exist any more, whatever state an earlier run left it in.

    Attributes:
        step: The tutorial step it belongs to.
        name: Its name.
        seconds: How long AWS or Kubernetes may take over it.
        action: What its going is called in the report.
        again: The flow to run again where it takes too long.
        hangs: Why it may take too long.
    """

    step: str
    seconds: float = 1800
    action: Action = "deleted"
    again: str = "teardown"
    hangs: str = "its deletion takes longer than ever seen, or hangs"

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def observe(self) -> dict[str, Any] | None:
        """What exists, in whatever state; None where nothing does."""

    @abstractmethod
    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether it carries our mark."""

    @abstractmethod
    def advance(self, observed: Mapping[str, Any]) -> None:
        """Bring it one call nearer to being gone, or do nothing where it only takes time."""

    def reason_to_keep(self, observed: Mapping[str, Any], after: Sequence[Outcome]) -> str:
        """Why it has to stay although it is ours, such as others who use it; empty where it may go.

        Args:
            observed: The thing.
            after: Outcomes of what is removed before; in a plan it is still there.
        """
        del observed, after
        return ""

    def rehearse(self, observed: Mapping[str, Any]) -> None:
        """Refuse in a plan what `advance` would refuse."""
        del observed

    def note(self) -> str:
        """What else a person should know once it is gone."""
        return ""

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """The thing's own identifier."""
        return str(observed.get("metadata", {}).get("uid", ""))

    def console_url(self) -> str:
        """Where a person can look at it; empty where nowhere."""
        return ""

    @property
    def label(self) -> str:
        """The thing as people name it, such as `job queue My-Eks-JQ1`."""
        return f"{self.step} {self.name}"


@step("removal of {thing.step} {thing.name}")
def remove(thing: Removable, after: Sequence[Any] = (), *, plan: bool = False) -> Outcome:
    """Delete a thing if it is ours and nobody needs it, and wait until it is gone.

    Args:
        thing: The thing.
        after: Outcomes of what is removed before, or the futures that give them.
        plan: Report only.

    Raises:
        OperationError: If AWS or Kubernetes refuses, or it is still there when its time is up.
    """
    observed = thing.observe()
    if observed is None:
        return _outcome(thing, {}, "absent", "", plan)
    reason = thing.reason_to_keep(observed, after) if thing.is_ours(observed) else FOREIGN
    if reason:
        return _outcome(thing, observed, "kept", reason, plan)
    if plan:
        thing.rehearse(observed)
    else:
        _remove(thing)
    return _outcome(thing, observed, thing.action, thing.note(), plan)


def _remove(thing: Removable) -> None:
    observed = None
    for _ in pauses(thing.seconds, f"{thing.label} to be gone"):
        observed = thing.observe()
        # Somebody else's of the same name, made meanwhile, is none of ours.
        if observed is None or not thing.is_ours(observed):
            return
        thing.advance(observed)
    status = (observed or {}).get("status", "there")
    raise OperationError(
        thing.label,
        f"still {status if isinstance(status, str) else 'there'} after {thing.seconds:.0f} s: "
        f"{(observed or {}).get('statusReason', '')}",
        thing.hangs,
        f"look at it in the console or with kubectl, then run {thing.again} again: it goes on where this run stopped",
    )


def _outcome(thing: Removable, observed: Mapping[str, Any], action: Action, note: str, plan: bool) -> Outcome:
    return Outcome(
        step=thing.step,
        name=thing.name,
        action=action,
        planned=plan,
        identifier=thing.identifier(observed) if observed else "",
        # A page of what is gone helps nobody.
        console_url=thing.console_url() if action == "kept" else "",
        note=note,
    )


def names_removed(after: Sequence[Outcome], step: str) -> set[str]:
    """Names of the things of one step that are gone, or in a plan would be."""
    return {name.removeprefix(f"{step} ") for name in removed(after) if name.startswith(f"{step} ")}
