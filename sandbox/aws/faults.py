"""Faults that the AWS server answers with on demand."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from sandbox.aws.calls import Operation


@dataclass
class Fault:
    """One rule: which requests it meets, what happens to them, and how often.

    With neither `status` nor `reset` it only delays. With `after` the request takes effect before the fault
    is answered: the client cannot know whether it did.
    """

    service: str | None = None
    operation: str | None = None
    status: int | None = None
    code: str = "InternalFailure"
    message: str = "The request processing has failed because of an unknown error, exception or failure."
    reset: bool = False
    delay: float = 0.0
    after: bool = False
    times: int | None = None
    skip: int = 0
    """How many matching requests pass untouched first."""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Fault":
        """Read a rule as `POST /_sandbox/faults` takes it.

        Raises:
            ValueError: A key is unknown, or the rule does nothing.
        """
        known = {field.name for field in fields(cls)}
        if unknown := set(document) - known:
            raise ValueError(f"unknown keys {sorted(unknown)} in a fault; there are: {', '.join(sorted(known))}")
        fault = cls(**document)
        if fault.status is None and not fault.reset and not fault.delay:
            raise ValueError("a fault needs a status, a reset or a delay")
        return fault

    def meets(self, operation: Operation) -> bool:
        """Whether the rule is about this operation."""
        return self.service in (None, operation.service) and self.operation in (None, operation.name)


class FaultList:
    """The rules in force, used up from the first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Put a rule in force."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Lift all rules."""
        with self._lock:
            self._faults.clear()

    def take(self, operation: Operation) -> Fault | None:
        """The rule that this request runs into, counted down."""
        with self._lock:
            for fault in self._faults:
                if not fault.meets(operation):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None
