"""Faults on demand: answers of a kind that a real control plane gives on a bad day."""

import re
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.status_error import StatusError, bad_request

_REASONS = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


@dataclass
class Fault:
    """What happens to the next matching requests of users other than the sandbox itself.

    Attributes:
        method: HTTP method, empty for any.
        path: Regular expression searched in the path.
        times: How many requests it happens to.
        status: HTTP status to answer, 0 for the true answer.
        message: Message of that answer.
        reset: Whether the connection is cut instead.
        delay: Seconds to wait first.
        after: Whether the request takes effect before.
    """

    method: str
    path: re.Pattern[str]
    times: int
    status: int
    message: str
    reset: bool
    delay: float
    after: bool

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Fault":
        """Read one: `{"match": {"method", "path"}, "status" | "reset" | "delay", "times", "after"}`."""
        known = {"match", "status", "message", "reset", "delay", "times", "after"}
        if unknown := set(document) - known:
            raise bad_request(f"a fault has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(known))}")
        match = document.get("match") or {}
        return cls(
            str(match.get("method", "")).upper(),
            re.compile(str(match.get("path", ""))),
            int(document.get("times", 1)),
            int(document.get("status", 0)),
            str(document.get("message", "a fault was asked for")),
            bool(document.get("reset", False)),
            float(document.get("delay", 0)),
            bool(document.get("after", False)),
        )

    def error(self) -> StatusError:
        """The refusal to answer."""
        details = {"retryAfterSeconds": 1} if self.status in (429, 503, 504) else None
        return StatusError(self.status, _REASONS.get(self.status, ""), self.message, details)


class Faults:
    """The faults that are waiting for requests."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, document: dict[str, Any]) -> None:
        """Add one."""
        self._faults.append(Fault.of(document))

    def clear(self) -> None:
        """Forget all."""
        self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that happens to a request."""
        for fault in self._faults:
            if fault.method in ("", method) and fault.path.search(path):
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None
