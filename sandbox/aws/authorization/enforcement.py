"""Letting through what the caller's policies allow, and keeping what was asked."""

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.aws.authorization.policy import AuthorizationRequest, Decision, decide
from sandbox.aws.authorization.principals import policies_of
from sandbox.names import ACCOUNT_ID

_KEPT = 100_000
_caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="")


class Denied(Exception):  # noqa: N818 (an answer, not a failure)
    """Somebody may not do something; str() is what AWS says of it.

    Text: IAM User Guide, troubleshoot_access-denied.
    """

    def __init__(self, principal: str, request: AuthorizationRequest, decision: Decision) -> None:
        what = f"User: {principal} is not authorized to perform: {request.action} on resource: {request.resource}"
        why = (
            "with an explicit deny in an identity-based policy"
            if decision == "explicitDeny"
            else f"because no identity-based policy allows the {request.action} action"
        )
        super().__init__(f"{what} {why}")


@dataclass(frozen=True)
class Evaluation:
    """What somebody asked, and what was decided."""

    principal: str
    request: AuthorizationRequest
    decision: Decision

    def document(self) -> dict[str, Any]:
        """As `GET /_sandbox/authorizations` shows it."""
        return {
            "principal": self.principal,
            "action": self.request.action,
            "resource": self.request.resource,
            "context": {key: list(values) for key, values in self.request.context.items()},
            "decision": self.decision,
        }


class Enforcement:
    """Evaluates policies while it is wanted.

    Args:
        wanted: Whether it is now.
    """

    def __init__(self, wanted: Callable[[], bool]) -> None:
        self._wanted = wanted
        self._evaluations: deque[Evaluation] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    @property
    def wanted(self) -> bool:
        """Whether policies are evaluated now."""
        return self._wanted()

    def act_for(self, principal: str) -> None:
        """Say whose call is being answered in this thread, for services that act with their caller's rights."""
        _caller.set(principal)

    def require(self, requests: Iterable[AuthorizationRequest], principal: str = "") -> None:
        """Have all of some requests allowed.

        Args:
            requests: What is asked.
            principal: ARN of who asks; whose call is being answered, unless given.

        Raises:
            Denied: One is not.
        """
        principal = principal or _caller.get()
        if not self.wanted or not principal:
            return
        try:
            documents = policies_of(principal, ACCOUNT_ID)
        except LookupError:
            documents = []
        for request in requests:
            decision = decide(documents, request)
            with self._lock:
                self._evaluations.append(Evaluation(principal, request, decision))
            if decision != "allowed":
                raise Denied(principal, request, decision)

    def evaluations(self) -> list[Evaluation]:
        """What was asked and decided since the start or the last `clear`."""
        with self._lock:
            return list(self._evaluations)

    def clear(self) -> None:
        """Forget it."""
        with self._lock:
            self._evaluations.clear()
