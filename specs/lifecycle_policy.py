"""What ECR removes from a repository by itself."""

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from specs.fault import Findings
from specs.lifecycle_policy_shape import lifecycle_policy_shapes
from specs.limit import OneOf
from specs.part import Part
from specs.shape import Shapes
from specs.source import LIFECYCLE_POLICY
from specs.spec import Spec
from specs.wire import elements, mapping

_COUNT_TYPES = ("sinceImagePushed", "imageCountMoreThan", "sinceImagePulled", "sinceImageTransitioned")
_MOST_WILDCARDS = 4


class Selection(Part):
    """The images that a rule looks at, and how many or how old ones it spares."""

    tag_status: Annotated[str, OneOf(("untagged", "tagged", "any"), LIFECYCLE_POLICY)] = Field(
        default="untagged",
        title="Tag status",
        description="Untagged images only, images with certain tags, or any.",
        examples=["untagged"],
    )
    tag_pattern_list: list[str] = Field(
        default=[],
        title="Tag patterns",
        description="With tagged: an image needs a tag for every pattern; an asterisk stands for any characters.",
        examples=[["dev-*"]],
    )
    tag_prefix_list: list[str] = Field(
        default=[],
        title="Tag prefixes",
        description="With tagged, instead of patterns: an image needs a tag for every prefix.",
        examples=[["dev-"]],
    )
    storage_class: Annotated[str, OneOf(("standard", "archive"), LIFECYCLE_POLICY, or_empty=True)] = Field(
        default="",
        title="Storage class",
        description="Images of one storage class only; archive is needed with sinceImageTransitioned.",
        examples=["archive"],
    )
    count_type: Annotated[str, OneOf(_COUNT_TYPES, LIFECYCLE_POLICY)] = Field(
        default="sinceImagePushed",
        title="Count type",
        description="Whether images are spared by their age or by their number.",
        examples=["sinceImagePushed"],
    )
    count_unit: Annotated[str, OneOf(("days",), LIFECYCLE_POLICY, or_empty=True)] = Field(
        default="", title="Count unit", description="Days, for an age; empty for a number of images.", examples=["days"]
    )
    count_number: int = Field(
        default=14,
        title="Count number",
        description="The age in days, or the number of images, beyond which the rule acts.",
        examples=[14],
    )


class RuleAction(Part):
    """What happens to the images that a rule selects."""

    type: Annotated[str, OneOf(("expire", "transition"), LIFECYCLE_POLICY)] = Field(
        default="expire",
        title="Type",
        description="Delete them, or move them to the archive, from where no node can pull them.",
        examples=["expire"],
    )
    target_storage_class: Annotated[str, OneOf(("archive",), LIFECYCLE_POLICY, or_empty=True)] = Field(
        default="",
        title="Target storage class",
        description="Where a transition moves them: archive.",
        examples=["archive"],
    )


class LifecycleRule(Part):
    """One rule: which images, and what happens to them."""

    rule_priority: int = Field(
        default=1,
        title="Priority",
        description="The lowest number is applied first; an image falls to the first rule that its tags fit.",
        examples=[1],
    )
    description: str = Field(
        default="", title="Description", description="What the rule is for.", examples=["Remove leftovers"]
    )
    selection: Selection = Field(
        default=Selection(count_unit="days"),
        title="Selection",
        description="The images that the rule looks at.",
        examples=[{"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}],
    )
    action: RuleAction = Field(
        default=RuleAction(),
        title="Action",
        description="What happens to the selected images.",
        examples=[{"type": "expire"}],
    )

    def fits(self, tags: Collection[str]) -> bool:
        """Whether an image's tags meet the rule's tagging requirements.

        Args:
            tags: All tags of the image; none for an untagged one.
        """
        wanted = self.selection
        if wanted.tag_status != "tagged":
            return wanted.tag_status == "any" or not tags
        patterns = [_pattern(text) for text in wanted.tag_pattern_list]
        patterns += [_pattern(f"{text}*") for text in wanted.tag_prefix_list]
        return all(any(pattern.fullmatch(tag) for tag in tags) for pattern in patterns)


class LifecyclePolicySpec(Spec):
    """The document of ``aws ecr put-lifecycle-policy --lifecycle-policy-text``.

    The default removes untagged images two weeks after they were pushed. No image that the flows mirrored is ever
    untagged: each digest keeps a tag of its own. Nor does ECR expire an image that a manifest list names. Of untagged
    artifacts that refer to an image, such as signatures, its pages do not say whether such a rule spares them.
    """

    wire_shape: ClassVar[str] = "Policy"

    rules: list[LifecycleRule] = Field(
        default=[LifecycleRule(description="Remove what an interrupted push left behind")],
        title="Rules",
        description="The rules; an image is removed by the first one that its tags fit, or by none.",
        examples=[[LifecycleRule().to_document()]],
    )

    @classmethod
    def shapes(cls) -> Shapes:
        """The policy's own shapes: botocore knows it as a text only."""
        return lifecycle_policy_shapes()

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check what fields and rules say together."""
        rules = [(where, mapping(rule)) for where, rule in elements(document.get("rules"), "rules")]
        priorities = [rule.get("rulePriority") for _, rule in rules]
        for where, rule in rules:
            priority = rule.get("rulePriority")
            if priorities.count(priority) > 1:
                words = "Every rule needs a priority of its own."
                found.fault(f"{where}.rulePriority", priority, words, "Choose another number.", LIFECYCLE_POLICY)
            selection = mapping(rule.get("selection"))
            if selection.get("tagStatus") == "any" and any(
                isinstance(other, int) and isinstance(priority, int) and other > priority for other in priorities
            ):
                words = "A rule for any tag status must have the highest priority number."
                found.fault(f"{where}.rulePriority", priority, words, "Number it last.", LIFECYCLE_POLICY)
            _check_tags(selection, f"{where}.selection", found)
            _check_count(selection, f"{where}.selection", found)
            _check_action(mapping(rule.get("action")), f"{where}.action", found)
        untagged = [where for where, rule in rules if mapping(rule.get("selection")).get("tagStatus") == "untagged"]
        for where in untagged[1:]:
            words = "Only one rule may select untagged images."
            found.fault(f"{where}.selection.tagStatus", "untagged", words, "Keep one of them.", LIFECYCLE_POLICY)

    def rule_for(self, tags: Collection[str]) -> LifecycleRule | None:
        """The rule that may remove an image sooner or later: the first whose tagging requirements it meets.

        "An image that matches the tagging requirements of a rule cannot be expired by a rule with a lower priority"
        (https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html).

        Args:
            tags: All tags of the image; none for an untagged one.
        """
        ordered = sorted(self.rules, key=lambda rule: rule.rule_priority)
        return next((rule for rule in ordered if rule.fits(tags)), None)


def _check_tags(selection: Mapping[str, Any], path: str, found: Findings) -> None:
    status = selection.get("tagStatus")
    lists = [name for name in ("tagPatternList", "tagPrefixList") if selection.get(name)]
    if status == "tagged" and len(lists) != 1:
        rule = "A rule for tagged images needs either tagPatternList or tagPrefixList."
        found.fault(f"{path}.tagPatternList", None, rule, "Give one of the two.", LIFECYCLE_POLICY)
    elif status != "tagged":
        for name in lists:
            rule = "Only a rule for tagged images selects by tags."
            fix = "Leave it out, or choose tagged."
            found.fault(f"{path}.{name}", selection[name], rule, fix, LIFECYCLE_POLICY)
    for where, pattern in elements(selection.get("tagPatternList"), f"{path}.tagPatternList"):
        if str(pattern).count("*") > _MOST_WILDCARDS:
            rule = f"A pattern has at most {_MOST_WILDCARDS} asterisks."
            found.fault(where, pattern, rule, "Shorten the pattern.", LIFECYCLE_POLICY)


def _check_count(selection: Mapping[str, Any], path: str, found: Findings) -> None:
    kind, unit = selection.get("countType"), selection.get("countUnit")
    if kind == "imageCountMoreThan" and unit:
        rule = "A number of images has no unit."
        found.fault(f"{path}.countUnit", unit, rule, "Leave countUnit out.", LIFECYCLE_POLICY)
    elif kind in _COUNT_TYPES and kind != "imageCountMoreThan" and not unit:
        rule = "An age needs its unit."
        found.fault(f"{path}.countUnit", None, rule, "Set countUnit to days.", LIFECYCLE_POLICY)
    if kind == "sinceImageTransitioned" and selection.get("storageClass") != "archive":
        rule = "sinceImageTransitioned selects among archived images."
        found.fault(f"{path}.storageClass", None, rule, "Set storageClass to archive.", LIFECYCLE_POLICY)


def _check_action(action: Mapping[str, Any], path: str, found: Findings) -> None:
    transition, target = action.get("type") == "transition", action.get("targetStorageClass")
    if transition and not target:
        rule = "A transition needs its target."
        found.fault(f"{path}.targetStorageClass", None, rule, "Set it to archive.", LIFECYCLE_POLICY)
    elif target and not transition:
        rule = "Only a transition has a target."
        found.fault(f"{path}.targetStorageClass", target, rule, "Leave it out.", LIFECYCLE_POLICY)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))))
