import pytest

from registry.errors import DeniedError, UnavailableError
from registry.retry import Retry


class Failing:
    """Fails some times, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def broken(retry_after: float | None = None) -> UnavailableError:
    return UnavailableError("a", "503", retry_after=retry_after)


def test_waits_grow_and_stay_under_their_bounds() -> None:
    slept: list[float] = []
    action = Failing(*(broken() for _ in range(4)))
    assert Retry(attempts=5, base=1.0, longest=3.0, sleep=slept.append).call(action) == "done"
    assert [0 <= wait <= bound for wait, bound in zip(slept, (1, 2, 3, 3), strict=True)] == [True] * 4


def test_the_wait_that_is_asked_for_is_waited() -> None:
    slept: list[float] = []
    assert Retry(sleep=slept.append).call(Failing(broken(7.0), broken(0.0))) == "done"
    assert slept == [7.0, 0.0]


def test_a_wait_beyond_patience_fails_at_once() -> None:
    action = Failing(broken(3600.0))
    with pytest.raises(UnavailableError, match="repeat it later"):
        Retry(sleep=lambda _: None).call(action)
    assert action.calls == 1


def test_attempts_end() -> None:
    action = Failing(*(broken() for _ in range(9)))
    with pytest.raises(UnavailableError, match="tried 3 times"):
        Retry(attempts=3, sleep=lambda _: None).call(action)
    assert action.calls == 3


def test_what_cannot_heal_is_not_tried_again() -> None:
    action = Failing(DeniedError("a", "403"))
    with pytest.raises(DeniedError):
        Retry(sleep=lambda _: None).call(action)
    assert action.calls == 1
