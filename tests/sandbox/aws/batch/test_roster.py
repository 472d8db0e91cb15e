"""The ordered collection against a plain sorted dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from sandbox.aws.batch.roster import Roster

KEYS = st.integers(0, 60)


@given(st.lists(st.tuples(st.sampled_from(["add", "remove", "take"]), KEYS), max_size=200), KEYS, KEYS)
def test_it_is_a_sorted_dictionary(steps: list[tuple[str, int]], before: int, after: int) -> None:
    roster: Roster[int, str] = Roster()
    plain: dict[int, str] = {}
    for step, key in steps:
        if step == "add":
            roster.add(key, f"item {key}")
            plain[key] = f"item {key}"
        elif step == "remove":
            roster.remove(key)
            plain.pop(key, None)
        elif plain:
            front = min(plain)
            assert roster.first() == plain.pop(front)
            roster.remove(front)
    ordered = sorted(plain.items())
    assert len(roster) == len(ordered)
    assert list(roster.ascending()) == ordered
    assert list(roster.descending()) == ordered[::-1]
    assert list(roster.ascending(after)) == [pair for pair in ordered if pair[0] > after]
    assert list(roster.descending(before)) == [pair for pair in ordered if pair[0] < before][::-1]
    assert list(roster.starting_at(after)) == [pair for pair in ordered if pair[0] >= after]
    assert roster.first() == (ordered[0][1] if ordered else None)


def test_the_front_gives_its_memory_back() -> None:
    roster: Roster[int, int] = Roster()
    for number in range(10_000):
        roster.add(number, number)
    for number in range(9_999):
        assert roster.first() == number
        roster.remove(number)
    assert [*roster.ascending()] == [(9_999, 9_999)]
    assert len(roster._keys) < 2_000
