"""SubmitJob at the account's quota, not over it: 50 a second (AWS Batch User Guide, service quotas)."""

import threading
import time

from prefect.concurrency.sync import rate_limit

QUOTA = 50.0
BLOCK = 25
_SLOWEST = 1.0
_RECOVERY = 2.0  # calls a second more, each second without a refusal


class SubmissionRate:
    """A token bucket that slows down when AWS says so, and recovers.

    Args:
        shared_limit: Name of a Prefect global concurrency limit with slot decay that several workers share, such as
            one of 50 slots that decay at 50 a second; empty for a bucket of this process alone.
    """

    def __init__(self, shared_limit: str = "") -> None:
        self._shared_limit = shared_limit
        self._lock = threading.Lock()
        self._rate = QUOTA
        self._tokens = float(BLOCK)
        self._filled = self._slowed = time.monotonic()

    def take(self, calls: int) -> None:
        """Wait until so many calls may be made, at most 25: a shared limit is asked once for all of them.

        Raises:
            prefect.concurrency.sync.ConcurrencySlotAcquisitionError: If the shared limit does not exist.
        """
        if self._shared_limit:
            rate_limit(self._shared_limit, occupy=calls, strict=True)
        time.sleep(self._wait_for(calls))

    def slow_down(self) -> None:
        """Halve the rate, since AWS refused a call for being one too many; once a second, however many were."""
        with self._lock:
            now = self._fill()
            if now - self._slowed >= 1:
                self._rate, self._slowed = max(self._rate / 2, _SLOWEST), now

    def _wait_for(self, calls: int) -> float:
        with self._lock:
            self._fill()
            self._tokens -= calls
            return max(-self._tokens / self._rate, 0.0)

    def _fill(self) -> float:
        now = time.monotonic()
        passed, self._filled = now - self._filled, now
        self._tokens = min(self._tokens + passed * self._rate, float(BLOCK))
        self._rate = min(self._rate + passed * _RECOVERY, QUOTA)
        return now
