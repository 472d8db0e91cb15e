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
        self._owners: dict[str, str] = {}
        self._lock = threading.Lock()

    def issue(self, owner: str = "") -> tuple[str, float]:
        """A new token and when it expires, in seconds since the epoch.

        Args:
            owner: Who acts by it.
        """
        token = secrets.token_urlsafe(48)
        expiry = self._clock() + self._lifetime
        with self._lock:
            self._expiry[token] = expiry
            self._owners[token] = owner
        return token, expiry

    def owner(self, token: str) -> str:
        """Who a token was given to."""
        with self._lock:
            return self._owners.get(token, "")

    def check(self, token: str) -> Literal["valid", "expired", "unknown"]:
        """What a token is worth now."""
        with self._lock:
            expiry = self._expiry.get(token)
        if expiry is None:
            return "unknown"
        return "valid" if self._clock() < expiry else "expired"
