"""Passwords and bearer tokens that a registry gives out, each valid for some hours."""

import secrets
import threading
from collections.abc import Callable
from typing import Literal


class Tokens:
    """Tokens by value, with their time of expiry."""

    def __init__(self, lifetime: float, clock: Callable[[], float]) -> None:
        self._lifetime = lifetime
        self._clock = clock
        self._expiry: dict[str, float] = {}
        self._lock = threading.Lock()

    def issue(self) -> tuple[str, float]:
        """A new token and when it expires, in seconds since the epoch."""
        token = secrets.token_urlsafe(48)
        expiry = self._clock() + self._lifetime
        with self._lock:
            self._expiry[token] = expiry
        return token, expiry

    def check(self, token: str) -> Literal["valid", "expired", "unknown"]:
        """What a token is worth now."""
        with self._lock:
            expiry = self._expiry.get(token)
        if expiry is None:
            return "unknown"
        return "valid" if self._clock() < expiry else "expired"
