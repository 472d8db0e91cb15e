import string

from hypothesis import given
from hypothesis import strategies as st

from tasks.outcome import differences

keys = st.text(string.ascii_lowercase, min_size=1, max_size=4)
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
documents = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))


@given(documents)
def test_a_document_does_not_differ_from_itself(document: object) -> None:
    assert differences(document, document) == []


@given(st.dictionaries(keys, documents, max_size=4), st.dictionaries(keys, documents, max_size=4))
def test_defaults_that_a_service_fills_in_are_no_difference(
    wanted: dict[str, object], filled: dict[str, object]
) -> None:
    assert differences(wanted, filled | wanted) == []


@given(st.dictionaries(keys, scalars, min_size=1, max_size=4))
def test_every_field_is_different_from_nothing_unless_nothing_is_wanted(wanted: dict[str, object]) -> None:
    changed = {change.field for change in differences(wanted, None)}
    assert changed == {key for key, value in wanted.items() if value is not None}


def test_a_change_names_the_field_by_its_path() -> None:
    wanted = {"containers": [{"name": "a", "image": "new"}], "state": "ENABLED"}
    observed = {"containers": [{"name": "a", "image": "old", "pullPolicy": "Always"}], "state": "ENABLED"}
    (change,) = differences(wanted, observed)
    assert (change.field, change.observed, change.wanted) == ("containers[0].image", "old", "new")


def test_an_item_more_in_a_list_is_a_change_of_the_whole_list() -> None:
    (change,) = differences({"verbs": ["get"]}, {"verbs": ["get", "list"]})
    assert (change.field, change.observed, change.wanted) == ("verbs", ["get", "list"], ["get"])


def test_order_counts_only_where_it_means_something() -> None:
    wanted, observed = {"subnets": ["a", "b"]}, {"subnets": ["b", "a"]}
    assert differences(wanted, observed, unordered=frozenset({"subnets"})) == []
    assert len(differences(wanted, observed)) == 2
