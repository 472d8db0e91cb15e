"""Trying again what can heal: throttling, server errors, dropped connections, bodies cut off. Nothing else."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from registry.errors import UnavailableError

Result = TypeVar("Result")


@dataclass(frozen=True)
class Retry:
    """How often and how soon.

    Waits are random up to an exponentially growing bound ("full jitter"), or what Retry-After says.

    Attributes:
        attempts: Tries in all.
        base: Bound of the first wait, in seconds.
        longest: Largest bound, in seconds.
        patience: Longest Retry-After that is waited for.
        sleep: Waits.
    """

    attempts: int = 5
    base: float = 0.5
    longest: float = 20.0
    patience: float = 120.0
    sleep: Callable[[float], None] = time.sleep

    def call(self, action: Callable[[], Result]) -> Result:
        """Do something, again if it fails with UnavailableError.

        Raises:
            UnavailableError: The last failure, once the attempts are used up or the wait asked for is too long.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return action()
            except UnavailableError as error:
                self.wait(error, attempt)

    def wait(self, error: UnavailableError, attempt: int) -> None:
        """Wait before the next attempt.

        Args:
            error: How this one failed.
            attempt: Its number, from 1.

        Raises:
            UnavailableError: The same error, if there is no next attempt.
        """
        asked = error.retry_after
        if error.exhausted or attempt >= self.attempts or (asked or 0) > self.patience:
            error.exhausted = True
            error.cause = error.cause or f"tried {attempt} {'time' if attempt == 1 else 'times'}"
            error.next_step = error.next_step or "repeat it later: what was copied is not copied again"
            raise error
        bound = min(self.base * 2 ** (attempt - 1), self.longest)
        self.sleep(asked if asked is not None else random.uniform(0, bound))
