"""The bucket lets no more calls through than the quota allows, fewer after a refusal, and recovers."""

import pytest

from tasks import submission_rate
from tasks.submission_rate import BLOCK, QUOTA, SubmissionRate


class Clock:
    """Time that passes only by sleeping."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(submission_rate, "time", clock)
    return clock


def test_two_thousand_calls_take_the_quota_s_time(clock: Clock) -> None:
    rate = SubmissionRate()
    for _ in range(2000 // BLOCK):
        rate.take(BLOCK)
    assert clock.now == pytest.approx((2000 - BLOCK) / QUOTA)


def test_many_refusals_at_once_halve_the_rate_once_and_it_recovers(clock: Clock) -> None:
    rate = SubmissionRate()
    rate.take(BLOCK)
    clock.sleep(10)
    for _ in range(8):
        rate.slow_down()
    rate.take(BLOCK)
    began = clock.now
    rate.take(BLOCK)
    assert clock.now - began == pytest.approx(BLOCK / (QUOTA / 2))
    clock.sleep(60)
    rate.take(BLOCK)
    began = clock.now
    rate.take(BLOCK)
    assert clock.now - began == pytest.approx(BLOCK / QUOTA)
