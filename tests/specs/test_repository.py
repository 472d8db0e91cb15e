"""Every rule of ECR repositories that needs no AWS."""

from typing import Any

import pytest

from specs.repository import RepositorySpec

EXAMPLE = {
    "repositoryName": "my-prefix/amazonlinux/amazonlinux",
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "latest*"}],
    "imageScanningConfiguration": {"scanOnPush": True},
    "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "alias/images"},
    "tags": [{"Key": "team", "Value": "data"}],
    "registryId": "123456789012",
}
FILTERS = "imageTagMutabilityExclusionFilters"


def test_round_trip() -> None:
    spec = RepositorySpec.from_document(EXAMPLE)
    assert spec.to_document() == EXAMPLE
    assert [warning.split(":")[0] for warning in spec.warnings] == ["registryId"]


@pytest.mark.parametrize(
    ("path", "value", "where", "words"),
    [
        ("repositoryName", "x", "repositoryName", "between 2 and 256"),
        ("repositoryName", "My-Repo", "repositoryName", "must match"),
        ("repositoryName", "a//b", "repositoryName", "must match"),
        ("imageTagMutability", "FIXED", "imageTagMutability", "must be one of"),
        ("imageTagMutability", "IMMUTABLE", FILTERS, "ends in _WITH_EXCLUSION"),
        (FILTERS, [], FILTERS, "between 1 and 5"),
        (f"{FILTERS}[0].filter", "a b", f"{FILTERS}[0].filter", "must match"),
        (f"{FILTERS}[0].filterType", "REGEX", f"{FILTERS}[0].filterType", "must be one of"),
        (
            "encryptionConfiguration.encryptionType",
            "AES256",
            "encryptionConfiguration.kmsKey",
            "only be given with KMS",
        ),
        ("tags", [{"Key": "aws:x", "Value": ""}], 'tags["aws:x"]', "AWS's own"),
        ("tags", [{"Value": ""}], "tags[0].Key", "required"),
        ("registryId", "1", "registryId", "must match"),
    ],
)
def test_rule(path: str, value: Any, where: str, words: str, edit: Any, faults: Any) -> None:
    found = faults(RepositorySpec, edit(EXAMPLE, path, value))
    assert where in [fault.path for fault in found]
    assert any(words in str(fault) for fault in found)


def test_by_keyword() -> None:
    assert RepositorySpec(repository_name="tools").to_document() == {"repositoryName": "tools"}


def test_exclusion_needs_a_filter(edit: Any, faults: Any) -> None:
    (fault,) = faults(RepositorySpec, edit(EXAMPLE, FILTERS))
    assert "needs one to five filters" in fault.rule
