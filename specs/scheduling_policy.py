"""The scheduling policy: how a queue shares its capacity."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from specs.fault import Findings
from specs.limit import AtMost, Between, Matches
from specs.name import batch_name
from specs.part import Part
from specs.source import member
from specs.spec import Spec
from specs.tags import check_tags
from specs.wire import elements, mapping, text

SHARE_IDENTIFIER = r"[A-Za-z0-9]{1,255}\*?"
SHARE_IDENTIFIER_WORDS = "1 to 255 letters and digits, optionally followed by an asterisk"


class ShareAttributes(Part):
    """The weight of one share identifier."""

    share_identifier: Annotated[
        str,
        Matches(SHARE_IDENTIFIER, SHARE_IDENTIFIER_WORDS, member("ShareAttributes", "shareIdentifier")),
    ] = Field(
        title="Share identifier",
        description="A share identifier, or a prefix that ends with an asterisk.",
        examples=["research", "research*"],
    )
    weight_factor: Annotated[float, Between(0.0001, 999.9999, member("ShareAttributes", "weightFactor"))] = Field(
        default=1.0,
        title="Weight factor",
        description="A lower value gets more capacity: 0.125 gets eight times as much as 1.",
        examples=[1.0, 0.125],
    )


class FairsharePolicy(Part):
    """Fair-share scheduling: capacity is shared between share identifiers."""

    share_decay_seconds: Annotated[int, Between(0, 604800, member("FairsharePolicy", "shareDecaySeconds"))] = Field(
        default=0,
        title="Share decay in seconds",
        description="How far back past use counts, up to a week; 0 means 600 seconds.",
        examples=[3600],
    )
    compute_reservation: Annotated[int, Between(0, 99, member("FairsharePolicy", "computeReservation"))] = Field(
        default=0,
        title="Compute reservation",
        description="The percentage kept for share identifiers that are not in use yet.",
        examples=[50],
    )
    share_distribution: Annotated[list[ShareAttributes], AtMost(500, member("ShareAttributes", "shareIdentifier"))] = (
        Field(
            default=[],
            title="Share distribution",
            description="The weights of share identifiers; others weigh 1.",
            examples=[[{"shareIdentifier": "research", "weightFactor": 0.5}]],
        )
    )


class SchedulingPolicySpec(Spec):
    """The document of ``aws batch create-scheduling-policy --cli-input-json``."""

    wire_shape: ClassVar[str] = "CreateSchedulingPolicyRequest"

    name: Annotated[str, batch_name(member("CreateSchedulingPolicyRequest", "name"))] = Field(
        title="Name",
        description="The scheduling policy's name.",
        examples=["My-Eks-SP1"],
    )
    fairshare_policy: FairsharePolicy | None = Field(
        default=None,
        title="Fair-share policy",
        description="How capacity is shared; it can be changed later, but not removed.",
        examples=[{"shareDecaySeconds": 3600, "computeReservation": 50}],
    )
    tags: dict[str, str] = Field(
        default={},
        title="Tags",
        description="Tags of the scheduling policy, as JSON.",
        examples=[{"team": "data"}],
    )

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check that one policy is chosen and that share identifiers do not overlap."""
        check_tags(document.get("tags"), "tags", found)
        if "fairsharePolicy" in document and "quotaSharePolicy" in document:
            found.fault(
                "quotaSharePolicy",
                document["quotaSharePolicy"],
                "Only one of fairsharePolicy and quotaSharePolicy can be set.",
                "Leave one of them out.",
                member("CreateSchedulingPolicyRequest", "quotaSharePolicy"),
            )
        path = "fairsharePolicy.shareDistribution"
        shares = mapping(document.get("fairsharePolicy")).get("shareDistribution")
        seen: list[str] = []
        for where, share in elements(shares, path):
            identifier = text(mapping(share).get("shareIdentifier"))
            other = next((one for one in seen if _overlap(one, identifier)), None)
            if identifier and other is not None:
                found.fault(
                    f"{where}.shareIdentifier",
                    identifier,
                    f"Share identifiers can't overlap; this one overlaps with {other!r}.",
                    "Choose identifiers and prefixes of which none contains another.",
                    member("ShareAttributes", "shareIdentifier"),
                )
            seen.append(identifier)


def _overlap(one: str, other: str) -> bool:
    if one.endswith("*") and other.endswith("*"):
        return one[:-1].startswith(other[:-1]) or other[:-1].startswith(one[:-1])
    if one.endswith("*"):
        return other.startswith(one[:-1])
    if other.endswith("*"):
        return one.startswith(other[:-1])
    return one == other
