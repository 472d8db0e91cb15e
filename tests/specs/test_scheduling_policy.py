"""Every rule of scheduling policies that needs no AWS."""

from typing import Any

import pytest

from specs.scheduling_policy import SchedulingPolicySpec

# AWS Batch User Guide, "Example: fair-share scheduling policy".
EXAMPLE = {
    "name": "fairshare",
    "fairsharePolicy": {
        "shareDecaySeconds": 3600,
        "computeReservation": 1,
        "shareDistribution": [
            {"shareIdentifier": "A", "weightFactor": 0.5},
            {"shareIdentifier": "B*", "weightFactor": 1},
        ],
    },
}
POLICY = "fairsharePolicy"
SHARES = f"{POLICY}.shareDistribution"


def test_example() -> None:
    spec = SchedulingPolicySpec.from_document(EXAMPLE)
    assert spec.to_document() == EXAMPLE
    assert spec.warnings == []


@pytest.mark.parametrize(
    ("path", "value", "where", "words"),
    [
        ("name", "a.b", "name", "1 to 128"),
        (f"{POLICY}.shareDecaySeconds", 604801, f"{POLICY}.shareDecaySeconds", "between 0 and 604800"),
        (f"{POLICY}.computeReservation", 100, f"{POLICY}.computeReservation", "between 0 and 99"),
        (f"{SHARES}[0].weightFactor", 0, f"{SHARES}[0].weightFactor", "0.0001"),
        (f"{SHARES}[0].weightFactor", 1000, f"{SHARES}[0].weightFactor", "999.9999"),
        (f"{SHARES}[0].weightFactor", "1", f"{SHARES}[0].weightFactor", "a number"),
        (f"{SHARES}[0].shareIdentifier", "a-b", f"{SHARES}[0].shareIdentifier", "letters and digits"),
        (f"{SHARES}[0].shareIdentifier", "B1", f"{SHARES}[1].shareIdentifier", "overlaps with 'B1'"),
        (f"{SHARES}[0].shareIdentifier", "B1*", f"{SHARES}[1].shareIdentifier", "overlaps with 'B1*'"),
        (f"{SHARES}[0].shareIdentifier", "BB*", f"{SHARES}[1].shareIdentifier", "overlaps with 'BB*'"),
        (f"{SHARES}[1].shareIdentifier", "A*", f"{SHARES}[1].shareIdentifier", "overlaps with 'A'"),
        (f"{SHARES}[1].shareIdentifier", "A", f"{SHARES}[1].shareIdentifier", "overlaps with 'A'"),
        (
            "quotaSharePolicy",
            {"idleResourceAssignmentStrategy": "FIFO"},
            "quotaSharePolicy",
            "Only one of fairsharePolicy and quotaSharePolicy",
        ),
        (
            SHARES,
            [{"shareIdentifier": f"u{n}"} for n in range(501)],
            SHARES,
            "at most 500",
        ),
    ],
)
def test_rule(path: str, value: Any, where: str, words: str, edit: Any, faults: Any) -> None:
    (fault,) = faults(SchedulingPolicySpec, edit(EXAMPLE, path, value))
    assert fault.path == where
    assert words in str(fault)


def test_quota_shares_pass_with_a_warning() -> None:
    document = {"name": "quota", "quotaSharePolicy": {"idleResourceAssignmentStrategy": "FIFO"}}
    spec = SchedulingPolicySpec.from_document(document)
    assert spec.to_document() == document
    assert "passed through" in spec.warnings[0]
