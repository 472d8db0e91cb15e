"""Patches as rules: RFC 6902, RFC 7386, strategic merge, quantities, field sets, policy rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.kubernetes.api_types import kind_type
from sandbox.kubernetes.field_sets import decode, encode, field_values
from sandbox.kubernetes.identity import Attributes
from sandbox.kubernetes.json_patch import PatchError, apply_json_patch, apply_merge_patch
from sandbox.kubernetes.policy_rules import allows, uncovered
from sandbox.kubernetes.quantity import canonical_quantity, quantity_value
from sandbox.kubernetes.strategic_merge import apply_strategic_merge

POD = kind_type("Pod")
NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=3)
RULES = st.lists(
    st.fixed_dictionaries(
        {
            "apiGroups": st.lists(st.sampled_from(["", "apps", "*"]), min_size=1, max_size=2),
            "resources": st.lists(st.sampled_from(["pods", "nodes", "pods/log", "*/log", "*"]), min_size=1, max_size=2),
            "verbs": st.lists(st.sampled_from(["get", "list", "*"]), min_size=1, max_size=2),
            "resourceNames": st.lists(st.sampled_from(["x", "y"]), max_size=1),
        }
    ),
    max_size=3,
)


# RFC 7386, appendix A.
@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(target, patch, merged):
    assert apply_merge_patch(target, patch) == merged


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_applied_twice_is_applied_once(target, patch):
    once = apply_merge_patch(target, patch)
    assert apply_merge_patch(once, patch) == once


# RFC 6902, appendix A, and its escapes.
@pytest.mark.parametrize(
    ("document", "operation", "patched"),
    [
        ({"a": 1}, {"op": "add", "path": "/b", "value": 2}, {"a": 1, "b": 2}),
        ({"a": [1, 3]}, {"op": "add", "path": "/a/1", "value": 2}, {"a": [1, 2, 3]}),
        ({"a": [1]}, {"op": "add", "path": "/a/-", "value": [2]}, {"a": [1, [2]]}),
        ({"a": 1, "b": 2}, {"op": "remove", "path": "/b"}, {"a": 1}),
        ({"a": 1}, {"op": "replace", "path": "/a", "value": None}, {"a": None}),
        ({"a": {"x": 1}, "b": {}}, {"op": "move", "from": "/a/x", "path": "/b/y"}, {"a": {}, "b": {"y": 1}}),
        ({"a": [1]}, {"op": "copy", "from": "/a", "path": "/b"}, {"a": [1], "b": [1]}),
        ({"a/b": 1, "m~n": 2}, {"op": "remove", "path": "/a~1b"}, {"m~n": 2}),
        ({"a/b": 1, "m~n": 2}, {"op": "test", "path": "/m~0n", "value": 2}, {"a/b": 1, "m~n": 2}),
    ],
)
def test_json_patch(document, operation, patched):
    before = repr(document)
    assert apply_json_patch(document, [operation]) == patched
    assert repr(document) == before


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": 2},
        {"op": "remove", "path": "/b"},
        {"op": "replace", "path": "/b", "value": 1},
        {"op": "add", "path": "/b/c", "value": 1},
        {"op": "add", "path": "/l/7", "value": 1},
        {"op": "add", "path": "a", "value": 1},
        {"op": "add", "path": "/a"},
        {"op": "unknown", "path": "/a", "value": 1},
        {"path": "/a"},
    ],
)
def test_a_json_patch_that_does_not_fit_is_refused(operation):
    with pytest.raises(PatchError):
        apply_json_patch({"a": 1, "l": []}, [operation])


def spec(*containers, **more):
    return {"spec": {"containers": [dict(container) for container in containers], **more}}


def test_containers_merge_by_name():
    live = spec({"name": "a", "image": "1"}, {"name": "b", "image": "1"})
    patched = apply_strategic_merge(live, spec({"name": "b", "image": "2"}), POD)
    assert patched == spec({"name": "a", "image": "1"}, {"name": "b", "image": "2"})
    gone = apply_strategic_merge(live, spec({"name": "a", "$patch": "delete"}), POD)
    assert gone == spec({"name": "b", "image": "1"})


def test_a_list_without_a_merge_key_is_replaced():
    live = spec({"name": "a", "args": ["1", "2"]})
    assert apply_strategic_merge(live, spec({"name": "a", "args": ["3"]}), POD) == spec({"name": "a", "args": ["3"]})


def test_the_patchs_order_is_kept():
    live = spec({"name": "a"}, {"name": "b"})
    patch = {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": [{"name": "b"}]}}
    assert apply_strategic_merge(live, patch, POD) == spec({"name": "b"}, {"name": "a"})


def test_a_volume_changes_its_kind():
    live = {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}
    patch = {"spec": {"volumes": [{"$retainKeys": ["name", "hostPath"], "name": "v", "hostPath": {"path": "/"}}]}}
    changed = apply_strategic_merge(live, patch, POD)
    assert changed == {"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}}


def test_an_element_without_its_key_is_refused():
    with pytest.raises(PatchError, match="does not contain declared merge key: name"):
        apply_strategic_merge(spec(), spec({"image": "x"}), POD)


@given(st.lists(st.tuples(NAMES, st.text(max_size=2)), unique_by=lambda item: item[0]), st.data())
def test_a_strategic_patch_applied_twice_is_applied_once(env, data):
    live = spec({"name": "c", "env": [{"name": name, "value": value} for name, value in env]})
    changes = data.draw(st.lists(st.tuples(NAMES, st.text(max_size=2)), unique_by=lambda item: item[0]))
    patch = spec({"name": "c", "env": [{"name": name, "value": value} for name, value in changes]})
    once = apply_strategic_merge(live, patch, POD)
    assert apply_strategic_merge(once, patch, POD) == once
    found = {variable["name"]: variable["value"] for variable in once["spec"]["containers"][0]["env"]}
    assert found == {**dict(env), **dict(changes)}


@pytest.mark.parametrize(
    ("given_text", "canonical"),
    [
        ("1024Mi", "1Gi"),
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1", "1"),
        ("100m", "100m"),
        ("1500Mi", "1500Mi"),
        ("2048", "2048"),
        ("1e3", "1e3"),
        ("1000", "1k"),
        ("0.5Gi", "512Mi"),
        ("0", "0"),
    ],
)
def test_quantities_have_one_form(given_text, canonical):
    assert canonical_quantity(given_text) == canonical


@given(st.integers(0, 10**6), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi"]))
def test_the_canonical_quantity_is_the_same_amount(number, suffix):
    text = f"{number}{suffix}"
    canonical = canonical_quantity(text)
    assert quantity_value(canonical) == quantity_value(text)
    assert canonical_quantity(canonical) == canonical


@pytest.mark.parametrize("text", ["x", "1.2.3", "1Zi", "Mi", "1 Mi"])
def test_what_is_no_quantity(text):
    with pytest.raises(ValueError, match=text.replace(".", r"\.")):
        quantity_value(text)


@given(OBJECTS)
def test_field_sets_survive_their_wire_form(document):
    fields = frozenset(field_values({"data": document}, kind_type("ConfigMap")))
    assert decode(encode(fields)) == fields


@given(RULES)
def test_rules_cover_themselves(rules):
    assert uncovered(rules, rules) == []


@given(
    RULES,
    RULES,
    st.sampled_from(["", "apps", "x"]),
    st.sampled_from(["pods", "nodes"]),
    st.sampled_from(["", "log"]),
    st.sampled_from(["get", "list", "x"]),
    st.sampled_from(["", "x", "z"]),
)
def test_what_is_covered_allows_no_more(owned, wanted, group, resource, subresource, verb, name):
    asked = Attributes(verb, group, resource, subresource, "", name)
    if not uncovered(owned, wanted) and any(allows(rule, asked) for rule in wanted):
        assert any(allows(rule, asked) for rule in owned)
