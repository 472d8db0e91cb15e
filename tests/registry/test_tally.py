"""Progress, added up."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from registry.progress import Progress
from registry.tally import Tally


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_is_there_already_leaves_the_total() -> None:
    tally = Tally()
    for digest, size in (("a", 100), ("b", 50), ("c", 7)):
        tally.add(Progress("planned", digest, size, 0))
    tally.add(Progress("skipped", "b", 50, 0))
    tally.add(Progress("mounted", "c", 7, 0))
    tally.add(Progress("advanced", "a", 100, 40))
    assert (tally.size, tally.done, tally.blobs, tally.blobs_done, tally.blobs_skipped) == (100, 40, 1, 0, 2)
    tally.add(Progress("copied", "a", 100, 100))
    assert (tally.size, tally.done, tally.blobs, tally.blobs_done) == (100, 100, 1, 1)


def test_a_blob_that_is_begun_again_gives_its_bytes_back() -> None:
    tally = Tally()
    tally.add(Progress("planned", "a", 100, 0))
    tally.add(Progress("advanced", "a", 100, 80))
    tally.add(Progress("started", "a", 100, 0))
    assert tally.done == 0


def test_a_blob_that_is_planned_again_keeps_what_was_sent() -> None:
    tally = Tally()
    for state in ("planned", "copied", "planned", "skipped"):
        tally.add(Progress(state, "a", 100, 0))
    assert (tally.size, tally.done, tally.blobs, tally.blobs_done, tally.blobs_skipped) == (100, 100, 1, 1, 1)


def test_a_manifest_is_no_blob() -> None:
    tally = Tally()
    tally.add(Progress("skipped", "m", 500, 0))
    tally.add(Progress("pushed", "m", 500, 500))
    assert (tally.size, tally.done, tally.blobs, tally.blobs_skipped) == (0, 0, 0, 0)


def test_the_rate_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    tally = Tally(clock)
    tally.add(Progress("planned", "a", 10_000, 0))
    assert tally.rate == 0
    for second in range(1, 21):
        clock.now = second
        tally.add(Progress("advanced", "a", 10_000, 100 * second))
    assert tally.rate == 100
    assert tally.seconds_left == 80
    clock.now += 60
    assert tally.rate == 0
    assert tally.seconds_left is None


steps = st.builds(
    lambda state, digest, done: Progress(state, digest, 10, done),
    st.sampled_from(["planned", "started", "advanced", "copied", "mounted", "skipped", "pushed"]),
    st.sampled_from("abc"),
    st.integers(0, 10),
)


@given(st.lists(steps, max_size=30))
def test_no_order_of_steps_counts_more_than_there_is(told: list[Progress]) -> None:
    tally = Tally()
    for digest in "abc":
        tally.add(Progress("planned", digest, 10, 0))
    for step in told:
        if step.state != "planned":
            tally.add(step)
    assert 0 <= tally.done <= tally.size <= 30
    assert tally.blobs_done <= tally.blobs == 3 - tally.blobs_skipped


def test_steps_may_come_from_several_threads() -> None:
    tally = Tally()

    def copy(digest: str) -> None:
        tally.add(Progress("planned", digest, 1000, 0))
        for done in range(1000):
            tally.add(Progress("advanced", digest, 1000, done))
        tally.add(Progress("copied", digest, 1000, 1000))

    threads = [threading.Thread(target=copy, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tally.size, tally.done, tally.blobs, tally.blobs_done) == (8000, 8000, 8, 8)
