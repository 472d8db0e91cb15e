"""Every field of a compute environment: what a change of it takes."""

from typing import Any

import pytest

from specs.change_kind import change_kind, is_kubernetes_upgrade
from specs.compute_environment import ComputeEnvironmentSpec, ComputeResources

SCALING = {"minvCpus", "maxvCpus", "desiredvCpus", "scalingPolicy"}
FIXED = {"spotIamFleetRole"}
# The botocore member lists are the source: ComputeResourceUpdate has all others.
RESOURCES = [field.alias or name for name, field in ComputeResources.model_fields.items()]
TOP = [field.alias or name for name, field in ComputeEnvironmentSpec.model_fields.items()]


@pytest.mark.parametrize("field", RESOURCES)
def test_every_field_of_the_resources(field: str) -> None:
    expected = "environment" if field in FIXED else "in place" if field in SCALING else "instances"
    assert change_kind(["tags.team", f"computeResources.{field}"]) == expected


@pytest.mark.parametrize("field", sorted({*TOP} - {"computeResources", "eksConfiguration", "computeEnvironmentName"}))
def test_every_field_beside_them(field: str) -> None:
    assert change_kind([field]) == ("environment" if field == "type" else "in place")


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("eksClusterArn", "environment"),
        ("kubernetesNamespace", "environment"),
        ("accessEntry.desiredState", "in place"),
    ],
)
def test_of_the_cluster_only_the_access_entry_can_change(field: str, kind: str) -> None:
    assert change_kind([f"eksConfiguration.{field}"]) == kind


def test_what_needs_most_decides() -> None:
    fields = ["computeResources.maxvCpus", "computeResources.instanceTypes", "type"]
    assert [change_kind(fields[:length]) for length in (0, 1, 2, 3)] == [
        "in place",
        "in place",
        "instances",
        "environment",
    ]


def images(*versions: str) -> dict[str, Any]:
    found = [{"imageType": "EKS_AL2023"} | ({"imageKubernetesVersion": each} if each else {}) for each in versions]
    return {"computeResources": {"ec2Configuration": found}}


@pytest.mark.parametrize(
    ("observed", "wanted", "expected"),
    [
        (images("1.32"), images("1.33"), True),
        (images(""), images("1.33"), True),
        (images("1.33"), images("1.33"), False),
        (images("1.33"), images(""), False),
        (images("1.33"), {}, False),
        (images("1.32", "1.32"), images("1.33", "1.33"), True),
    ],
)
def test_an_upgrade_is_another_version_that_is_named(observed: Any, wanted: Any, expected: bool) -> None:
    assert is_kubernetes_upgrade(observed, wanted) is expected
