"""Properties: whatever the style of an aws-auth document, foreign bytes stay and the result parses as it should."""

import json
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from specs.aws_auth import AwsAuth, AwsAuthError
from specs.identity_mapping import RoleMapping, batch_role_mapping, node_role_mapping

MAPPINGS = (batch_role_mapping("123456789012"), node_role_mapping("arn:aws:iam::123456789012:role/p/EksBatchNodeRole"))

COMMENTS = ("# a comment", "# - rolearn: {no} [no], no", "# head", "# between", "# deep", "# tail", "# c", "# end")

words = st.from_regex(r"[A-Za-z][A-Za-z0-9/_.-]{0,12}", fullmatch=True).filter(
    lambda word: isinstance(yaml.safe_load(word), str)
)
anything = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs", "S"]), max_size=12)
entry = st.fixed_dictionaries(
    {"rolearn": words.map(lambda word: f"arn:aws:iam::123456789012:role/{word}")},
    optional={"username": words | anything, "groups": st.lists(words, max_size=3), "note": anything},
)
comments = st.sampled_from(["", "", "", "# a comment", "  # - rolearn: {no} [no], no"])


def quoted(draw: Any, value: str, *, flow: bool) -> str:
    plain = value.replace("_", "").replace("-", "").replace("/", "").replace(".", "").replace(":", "").isalnum()
    safe = plain and value.isascii() and yaml.safe_load(value) == value and not value.endswith(":")
    styles = ["double", *(["single"] if value.isprintable() else []), *(["plain"] if safe and not flow else [])]
    style: str = draw(st.sampled_from(styles))
    if style == "plain":
        return value
    return json.dumps(value) if style == "double" else "'" + value.replace("'", "''") + "'"


def flow_value(draw: Any, value: Any) -> str:
    if isinstance(value, str):
        return quoted(draw, value, flow=True)
    gap: str = draw(st.sampled_from(["", " ", "  "]))
    if isinstance(value, list):
        return f"[{gap}{f',{gap}'.join(flow_value(draw, one) for one in value)}{gap}]"
    pairs = f",{gap}".join(f"{quoted(draw, key, flow=True)}: {flow_value(draw, one)}" for key, one in value.items())
    return f"{{{gap}{pairs}{gap}}}"


def block_lines(draw: Any, mapping: dict[str, Any], indent: int) -> list[str]:
    lines = []
    for key, value in mapping.items():
        name = quoted(draw, key, flow=False)
        if isinstance(value, list) and value and draw(st.booleans()):
            inner = indent + draw(st.sampled_from([0, 1, 2, 4]))
            lines.append(f"{' ' * indent}{name}:")
            lines += [f"{' ' * inner}- {quoted(draw, one, flow=False)}" for one in value]
        else:
            text = flow_value(draw, value) if isinstance(value, list) else quoted(draw, value, flow=False)
            lines.append(f"{' ' * indent}{name}: {text}")
    return [line + (" " + comment if (comment := draw(comments)) else "") for line in lines]


@st.composite
def documents(draw: Any) -> str:
    """The text of a list of entries, in a style of its own."""
    wanted = [dict(draw(st.permutations(list(one.items())))) for one in draw(st.lists(entry, max_size=4))]
    newline: str = draw(st.sampled_from(["\n", "\r\n"]))
    if not wanted:
        return str(draw(st.sampled_from(["", "[]", "null", newline, f"# none{newline}", f"---{newline}", "[ ]"])))
    if draw(st.booleans()):
        gap = draw(st.sampled_from(["", newline, f"{newline}  ", f" # c{newline}    "]))
        comma = draw(st.sampled_from(["", ","]))
        inner = f",{gap}".join(flow_value(draw, one) for one in wanted)
        end: str = draw(st.sampled_from(["", newline, " # end"]))
        return f"[{gap}{inner}{comma}{gap}]{end}"
    dash = draw(st.integers(0, 3))
    lines: list[str] = draw(st.sampled_from([[], ["# head"], ["---"]]))[:]
    for one in wanted:
        if draw(st.booleans()) and draw(st.booleans()):
            lines.append(f"{' ' * dash}- {flow_value(draw, one)}")
            continue
        offset = dash + 1 + draw(st.integers(1, 3))
        inner_lines = block_lines(draw, one, offset)
        first = inner_lines[0]
        lines.append(" " * dash + "-" + first[dash + 1 :])
        lines += inner_lines[1:]
        if draw(st.booleans()):
            lines.append(draw(st.sampled_from(["", "# between", "      # deep"])))
    tail: str = draw(st.sampled_from(["", newline, newline * 2, f"{newline}# tail", f"{newline}  "]))
    return newline.join(lines) + tail


@settings(max_examples=100, deadline=None)
@given(documents(), st.sampled_from(MAPPINGS), st.sampled_from(MAPPINGS))
def test_adding(text: str, first: Any, second: Any) -> None:
    before = yaml.safe_load(text) or []
    once = AwsAuth.parse(text).with_role(first)
    twice = AwsAuth.parse(once).with_role(second)
    assert AwsAuth.parse(twice).with_role(first) == AwsAuth.parse(twice).with_role(second) == twice
    after = yaml.safe_load(twice)
    ours = [one for one in after if one["rolearn"] in (first.rolearn, second.rolearn)]
    assert [one for one in after if one not in ours] == before
    assert len(ours) == len({first.rolearn, second.rolearn})
    if text.strip() not in ("null",):
        added = len(once) - len(text)
        assert any(once[:n] == text[:n] and once[n + added :] == text[n:] for n in range(len(text) + 1))


@settings(max_examples=60, deadline=None)
@given(documents(), st.sampled_from(MAPPINGS), st.sampled_from(MAPPINGS))
def test_taking_out(text: str, first: Any, second: Any) -> None:
    before = yaml.safe_load(text) or []
    twice = AwsAuth.parse(AwsAuth.parse(text).with_role(first)).with_role(second)
    one_left = AwsAuth.parse(twice).without_role(first)
    none_left = AwsAuth.parse(one_left).without_role(second)
    assert (yaml.safe_load(none_left) or []) == before
    assert all(none_left.count(comment) == text.count(comment) for comment in COMMENTS)
    # A comma after the last element of a list in brackets may be gone, a `null` has become an empty list.
    commas_gone = text.count(",") - none_left.count(",")
    same = none_left.replace(",", "") == text.replace(",", "") and commas_gone in (0, 1)
    assert same or text.strip() == "null"


@settings(max_examples=60, deadline=None)
@given(documents(), st.data(), st.sampled_from(MAPPINGS))
def test_taking_out_an_entry_anywhere(text: str, data: Any, mapping: Any) -> None:
    """An entry in the midst of others, in their style, is exchanged for ours; whatever is left was there before."""
    before = yaml.safe_load(text) or []
    if not before:
        return
    index = data.draw(st.integers(0, len(before) - 1))
    theirs = before[index]["rolearn"]
    if sum(json.dumps(one).count(theirs) for one in before) != 1:
        return
    text = text.replace(theirs, mapping.rolearn)
    entry = next(one for one in yaml.safe_load(text) if one["rolearn"] == mapping.rolearn)
    if set(entry) - {"rolearn", "username", "groups"}:
        return
    ours = RoleMapping(
        rolearn=mapping.rolearn, username=entry.get("username", ""), groups=tuple(entry.get("groups", ()))
    )
    result = AwsAuth.parse(text).without_role(ours)
    if "username" not in entry:
        assert result == text
        return
    assert (yaml.safe_load(result) or []) == before[:index] + before[index + 1 :]
    rest = iter(text)
    assert all(character in rest for character in result), "nothing was added or moved"


@settings(max_examples=100, deadline=None)
@given(documents(), st.data(), st.sampled_from(MAPPINGS))
def test_putting_right(text: str, data: Any, mapping: Any) -> None:
    before = yaml.safe_load(text) or []
    if not before:
        return
    index = data.draw(st.integers(0, len(before) - 1))
    # One of the entries becomes ours: same length or not, its ARN is exchanged in the text.
    theirs = before[index]["rolearn"]
    if sum(json.dumps(one).count(theirs) for one in before) != 1:
        return
    text = text.replace(theirs, mapping.rolearn)
    before = yaml.safe_load(text)
    corrected = AwsAuth.parse(text).with_role(mapping)
    assert all(corrected.count(comment) == text.count(comment) for comment in COMMENTS)
    after = yaml.safe_load(corrected)
    assert after[:index] + after[index + 1 :] == before[:index] + before[index + 1 :]
    assert after[index]["username"] == mapping.username
    assert set(after[index].get("groups", [])) == {*before[index].get("groups", []), *mapping.groups}
    assert after[index].get("note") == before[index].get("note")


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("-[]{}:, \n\t\"'#&*!|>abrolen"), max_size=40))
def test_anything_else_is_refused_or_done_right(text: str) -> None:
    try:
        result = AwsAuth.parse(text).with_role(MAPPINGS[0])
    except AwsAuthError:
        return
    added = {"rolearn": MAPPINGS[0].rolearn, "username": MAPPINGS[0].username}
    before = yaml.safe_load(text) or []
    assert yaml.safe_load(result) in ([*before, added], [added, *before])
