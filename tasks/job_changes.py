"""Waiting for jobs to change: asking again and again, the simplest way to learn of it."""

import time
from collections.abc import Collection, Mapping
from typing import Protocol

from tasks.job import JobResult

FIRST_PAUSE = 0.5


class Changes(Protocol):
    """A way to learn that jobs may have changed."""

    def wait(self, jobs: Mapping[str, JobResult]) -> Collection[str]:
        """Wait until jobs should be looked at again.

        Args:
            jobs: What is known of those that are waited for, by their ids.

        Returns:
            The ids of those to look at.
        """


class Polling:
    """All are looked at again after a pause, first a short one and then longer and longer ones.

    Args:
        longest: Seconds of the longest pause.
    """

    def __init__(self, longest: float) -> None:
        self._pause, self._longest = FIRST_PAUSE, longest

    def wait(self, jobs: Mapping[str, JobResult]) -> Collection[str]:
        """Wait for the pause; see Changes."""
        time.sleep(self._pause)
        self._pause = min(self._pause * 1.2, self._longest)
        return jobs.keys()
