"""eksctl's document of the tutorial: read, checked, rendered back."""

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from specs.fault import SpecError
from specs.private_cluster import PrivateClusterSpec

TUTORIAL = """\
kind: ClusterConfig
apiVersion: eksctl.io/v1alpha5
metadata:
  name: my-test-cluster
  region: us-east-1
availabilityZones:
- us-east-1a
- us-east-1b
- us-east-1d
managedNodeGroups:
- name: ng-1
  privateNetworking: true
privateCluster:
  enabled: true
  skipEndpointCreation: false
"""
SUBNETS = {"private": {"us-east-1a": {"id": "subnet-a"}, "us-east-1b": {"id": "subnet-b"}}}


def faults(**changes: Any) -> dict[str, str]:
    """The faults of the tutorial's document with changes; a change to None leaves the field out."""
    document = {**yaml.safe_load(TUTORIAL), **changes}
    document = {name: value for name, value in document.items() if value is not None}
    with pytest.raises(SpecError) as caught:
        PrivateClusterSpec.from_document(document)
    assert all(fault.source for fault in caught.value.faults)
    return {fault.path: fault.rule for fault in caught.value.faults}


def test_the_defaults_are_the_tutorial_s_document() -> None:
    assert PrivateClusterSpec().to_yaml() == TUTORIAL
    spec = PrivateClusterSpec.from_yaml(TUTORIAL)
    assert (spec.to_yaml(), spec.warnings) == (TUTORIAL, [])


def test_fields_that_only_eksctl_knows_pass_through_with_a_warning() -> None:
    more = {"iam": {"withOIDC": True}, "cloudWatch": {"clusterLogging": {"enableTypes": ["*"]}}}
    document = {
        **yaml.safe_load(TUTORIAL),
        **more,
        "managedNodeGroups": [{"privateNetworking": True, "name": "a", "ssh": 1}],
    }
    document["privateCluster"] = {"enabled": True, "skipEndpointCreatoin": True}
    spec = PrivateClusterSpec.from_document(document)
    assert spec.to_document() == document
    warned = [warning.partition(":")[0] for warning in spec.warnings]
    assert warned == ["managedNodeGroups[0].ssh", "privateCluster.skipEndpointCreatoin", "iam", "cloudWatch"]
    assert "Is skipEndpointCreation meant?" in spec.warnings[1]


def test_every_node_group_says_that_it_is_private() -> None:
    groups = [{"name": "a"}, {"name": "b", "privateNetworking": False}]
    assert set(faults(managedNodeGroups=groups, nodeGroups=[{"name": "c"}])) == {
        "managedNodeGroups[0].privateNetworking",
        "managedNodeGroups[1].privateNetworking",
        "nodeGroups[0].privateNetworking",
    }


def test_all_faults_are_told_at_once() -> None:
    found = faults(
        kind="Cluster",
        apiVersion=None,
        metadata={"name": "under_score", "region": "eu-south-1"},
        availabilityZones=["us-east-1a"],
        managedNodeGroups={"privateNetworking": True},
        privateCluster={"enabled": False, "additionalEndpointServices": ["batch", "logs", "logs"]},
        vpc={"clusterEndpoints": {"publicAccess": True}, "subnets": {"public": {}}},
    )
    assert set(found) == {
        "kind",
        "apiVersion",
        "metadata.name",
        "metadata.region",
        "availabilityZones[0]",
        "availabilityZones",
        "managedNodeGroups",
        "privateCluster.enabled",
        "privateCluster.additionalEndpointServices[0]",
        "privateCluster.additionalEndpointServices",
        "vpc.clusterEndpoints",
        "vpc.subnets.public",
    }


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"metadata": {"region": "us-east-1"}}, "metadata.name"),
        ({"vpc": {"subnets": SUBNETS}}, "availabilityZones"),
        ({"availabilityZones": ["us-east-1a", "us-west-2a"]}, "availabilityZones[1]"),
        ({"nodeGroups": [{"name": "ng-1", "privateNetworking": True}]}, "nodeGroups[0].name"),
        (
            {"managedNodeGroups": [{"name": "a", "privateNetworking": True, "minSize": 3, "maxSize": 2}]},
            "managedNodeGroups[0].minSize",
        ),
        (
            {"privateCluster": {"enabled": True, "skipEndpointCreation": True, "additionalEndpointServices": ["logs"]}},
            "privateCluster.additionalEndpointServices",
        ),
    ],
)
def test_each_rule(changes: dict[str, Any], path: str) -> None:
    assert set(faults(**changes)) == {path}


def test_a_vpc_of_one_s_own_may_have_its_endpoints_already() -> None:
    private = {"enabled": True, "skipEndpointCreation": True}
    spec = PrivateClusterSpec.model_validate(
        {"vpc": {"subnets": SUBNETS}, "availabilityZones": [], "privateCluster": private}
    )
    assert spec.warnings == []
    assert spec.to_document()["availabilityZones"] == []
    (warning,) = PrivateClusterSpec.model_validate({"privateCluster": private}).warnings
    assert "no endpoints" in warning


def test_a_form_is_checked_too_and_bad_yaml_is_named() -> None:
    with pytest.raises(ValidationError, match="eu-south-1"):
        PrivateClusterSpec.model_validate({"metadata": {"region": "eu-south-1"}, "availabilityZones": []})
    with pytest.raises(SpecError, match="line 1"):
        PrivateClusterSpec.from_yaml("kind: [")
