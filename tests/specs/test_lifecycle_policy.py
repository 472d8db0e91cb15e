"""Every rule of ECR's lifecycle policies, and which rule an image falls to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.lifecycle_policy import LifecyclePolicySpec
from specs.mirror import permanent_tag

EXAMPLE = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "Keep ten development images",
            "selection": {
                "tagStatus": "tagged",
                "tagPatternList": ["dev-*"],
                "countType": "imageCountMoreThan",
                "countNumber": 10,
            },
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 5,
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 7,
            },
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 9,
            "selection": {
                "tagStatus": "any",
                "countType": "sinceImagePulled",
                "countUnit": "days",
                "countNumber": 400,
            },
            "action": {"type": "transition", "targetStorageClass": "archive"},
        },
    ]
}
SELECTION = "rules[0].selection"


def test_round_trip() -> None:
    assert LifecyclePolicySpec.from_document(EXAMPLE).to_document() == EXAMPLE


@pytest.mark.parametrize(
    ("path", "value", "where", "words"),
    [
        ("rules", [], "rules", "at least 1"),
        ("rules[0].rulePriority", 0, "rules[0].rulePriority", "at least 1"),
        ("rules[0].rulePriority", 5, "rules[0].rulePriority", "priority of its own"),
        ("rules[2].rulePriority", 2, "rules[2].rulePriority", "highest priority number"),
        ("rules[2].selection.tagStatus", "untagged", "rules[2].selection.tagStatus", "Only one rule"),
        (f"{SELECTION}.tagStatus", "none", f"{SELECTION}.tagStatus", "must be one of"),
        (f"{SELECTION}.tagPrefixList", ["a"], f"{SELECTION}.tagPatternList", "either tagPatternList or tagPrefixList"),
        (f"{SELECTION}.tagPatternList[0]", "*a*b*c*d*", f"{SELECTION}.tagPatternList[0]", "at most 4 asterisks"),
        (f"{SELECTION}.countUnit", "days", f"{SELECTION}.countUnit", "has no unit"),
        (f"{SELECTION}.countNumber", 0, f"{SELECTION}.countNumber", "at least 1"),
        (f"{SELECTION}.tagPaternList", ["a"], f"{SELECTION}.tagPaternList", "no such field"),
        ("rules[1].selection.tagPatternList", ["a"], "rules[1].selection.tagPatternList", "Only a rule for tagged"),
        ("rules[1].selection.countUnit", "", "rules[1].selection.countUnit", "An age needs its unit"),
        ("rules[1].selection.countType", "sinceImageTransitioned", "rules[1].selection.storageClass", "archived"),
        ("rules[1].action.type", "transition", "rules[1].action.targetStorageClass", "needs its target"),
        ("rules[2].action.type", "expire", "rules[2].action.targetStorageClass", "Only a transition"),
    ],
)
def test_rule(path: str, value: Any, where: str, words: str, edit: Any, faults: Any) -> None:
    found = faults(LifecyclePolicySpec, edit(EXAMPLE, path, value))
    assert where in [fault.path for fault in found]
    assert any(words in str(fault) for fault in found)


@pytest.mark.parametrize(
    ("tags", "priority"),
    [((), 5), (("dev-1",), 1), (("2", "dev-1"), 1), (("2",), 9), (("developed",), 9)],
)
def test_an_image_falls_to_the_first_rule_that_its_tags_fit(tags: tuple[str, ...], priority: int) -> None:
    rule = LifecyclePolicySpec.from_document(EXAMPLE).rule_for(tags)
    assert rule is not None
    assert rule.rule_priority == priority


@pytest.mark.parametrize(("tags", "fits"), [(("a-1", "b-1"), True), (("a-1",), False), (("a-b-1",), False)])
def test_every_prefix_must_be_met(tags: tuple[str, ...], fits: bool) -> None:
    selection = {"tagStatus": "tagged", "tagPrefixList": ["a-", "b-"], "countType": "imageCountMoreThan"}
    rule = {"rulePriority": 1, "selection": {**selection, "countNumber": 1}, "action": {"type": "expire"}}
    policy = LifecyclePolicySpec.from_document({"rules": [rule]})
    assert (policy.rule_for(tags) is not None) == fits


@given(
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True),
    st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format),
)
def test_the_policy_offered_never_selects_what_was_mirrored(tag: str, digest: str) -> None:
    """Whether or not the image's own tag has moved on."""
    offered = LifecyclePolicySpec()
    assert offered.rule_for([permanent_tag(tag, digest)]) is None
    assert offered.rule_for([tag, permanent_tag(tag, digest)]) is None
    assert offered.rule_for([]) is not None
