"""Which requests a registry has answered."""

import threading
import time
from collections import deque
from dataclasses import dataclass

from aiohttp import web

from sandbox.registries.faults import Handler

_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class RegistryCall:
    """One answered request."""

    method: str
    path: str
    status: int
    at: float
    """Seconds since the epoch when it was answered."""

    @property
    def mutating(self) -> bool:
        """Whether it is part of a push or a deletion (OCI distribution specification: all but GET and HEAD)."""
        return self.method not in ("GET", "HEAD")


class CallRecord:
    """The registry's own requests, without those to the storage behind it."""

    def __init__(self) -> None:
        self._calls: deque[RegistryCall] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def all(self) -> list[RegistryCall]:
        """The calls, in the order of their answers."""
        with self._lock:
            return list(self._calls)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer, and note how."""
        try:
            response = await handler(request)
        except web.HTTPException as refusal:
            self._note(request, refusal.status)
            raise
        self._note(request, response.status)
        return response

    def _note(self, request: web.Request, status: int) -> None:
        if request.path.startswith("/v2/"):
            with self._lock:
                self._calls.append(RegistryCall(request.method, request.path, status, time.time()))
