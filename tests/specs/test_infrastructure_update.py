"""Which updates replace instances, case by case from the User Guide's infrastructure-updates."""

import pytest

from specs.infrastructure_update import replaces_instances


@pytest.mark.parametrize("field", ["computeResources.minvCpus", "computeResources.maxvCpus", "state", "tags.team"])
def test_scaling_and_what_is_no_resource_replaces_nothing(field: str) -> None:
    assert not replaces_instances([field])


@pytest.mark.parametrize(
    "field",
    ["instanceTypes[0]", "subnets[1]", "tags.Name", "launchTemplate.version", "ec2Configuration[0].imageType"],
)
def test_everything_else_of_the_resources_replaces_instances(field: str) -> None:
    assert replaces_instances(["computeResources.maxvCpus", f"computeResources.{field}"])
