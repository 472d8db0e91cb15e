"""Every rule of compute environments that needs no AWS."""

from typing import Any

import pytest
from pydantic import ValidationError

from specs.compute_environment import ComputeEnvironmentSpec, ComputeResources, EksConfiguration
from specs.fault import SpecError

LONG = "x" * 129
CR, EKS = "computeResources", "eksConfiguration"
ROLE = "arn:aws:iam::123456789012:role"
LT = f"{CR}.launchTemplate"
NODES = {"launchTemplateName": "nodes"}

RULES = [
    ("computeEnvironmentName", LONG, "computeEnvironmentName", "1 to 128 letters"),
    ("computeEnvironmentName", "a b", "computeEnvironmentName", "1 to 128 letters"),
    ("type", "MANAGE", "type", "Did you mean MANAGED?"),
    ("state", "DISABLED", "state", "created in the ENABLED state"),
    ("serviceRole", "AWSServiceRoleForBatch", "serviceRole", "only supports its service-linked role"),
    ("serviceRole", f"{ROLE}/AWSBatchServiceRole", "serviceRole", "only supports its service-linked role"),
    ("unmanagedvCpus", 8, "unmanagedvCpus", "only supported when the type is UNMANAGED"),
    (f"{EKS}.eksClusterArn", "my-test-cluster", f"{EKS}.eksClusterArn", "the ARN of an EKS cluster"),
    (f"{EKS}.kubernetesNamespace", "default", f"{EKS}.kubernetesNamespace", "in the namespace default"),
    (f"{EKS}.kubernetesNamespace", "kube-x", f"{EKS}.kubernetesNamespace", "begin with kube-"),
    (f"{EKS}.kubernetesNamespace", "x" * 64, f"{EKS}.kubernetesNamespace", "1 to 63"),
    (f"{EKS}.kubernetesNamespace", "Batch", f"{EKS}.kubernetesNamespace", "lower-case"),
    (f"{EKS}.kubernetesNamespace", "-batch", f"{EKS}.kubernetesNamespace", "not a hyphen"),
    (f"{EKS}.accessEntry", {"desiredState": "ON"}, f"{EKS}.accessEntry.desiredState", "must be one of"),
    (f"{CR}.type", "FARGATE", f"{CR}.type", "the other types are for ECS"),
    (f"{CR}.type", "FARGATE_SPOT", f"{CR}.type", "the other types are for ECS"),
    (f"{CR}.type", "SPOTT", f"{CR}.type", "Did you mean SPOT?"),
    (f"{CR}.allocationStrategy", "BEST_FIT", f"{CR}.allocationStrategy", "do not support BEST_FIT"),
    (f"{CR}.allocationStrategy", "BESTFIT", f"{CR}.allocationStrategy", "Did you mean BEST_FIT?"),
    (
        f"{CR}.allocationStrategy",
        "SPOT_CAPACITY_OPTIMIZED",
        f"{CR}.allocationStrategy",
        "only available for Spot instances",
    ),
    (f"{CR}.minvCpus", 129, f"{CR}.minvCpus", "must not be more than maxvCpus"),
    (f"{CR}.minvCpus", -1, f"{CR}.minvCpus", "at least 0"),
    (f"{CR}.minvCpus", "0", f"{CR}.minvCpus", "a whole number"),
    (f"{CR}.minvCpus", True, f"{CR}.minvCpus", "a whole number"),
    (f"{CR}.desiredvCpus", 256, f"{CR}.desiredvCpus", "between minvCpus and maxvCpus"),
    (f"{CR}.instanceTypes", ["m5", "m6g"], f"{CR}.instanceTypes", "m6g are ARM, m5 are x86"),
    (f"{CR}.instanceTypes", ["optimal", "default_arm64"], f"{CR}.instanceTypes", "share one architecture"),
    (f"{CR}.instanceTypes", ["M5 large"], f"{CR}.instanceTypes[0]", "an instance family"),
    (f"{CR}.instanceTypes", "m5", f"{CR}.instanceTypes", "a list"),
    (f"{CR}.instanceTypes", [], f"{CR}.instanceTypes", "names the instance types"),
    (f"{CR}.bidPercentage", 0, f"{CR}.bidPercentage", "between 1 and 100"),
    (f"{CR}.bidPercentage", 101, f"{CR}.bidPercentage", "between 1 and 100"),
    (f"{CR}.subnets", [], f"{CR}.subnets", "required"),
    (f"{CR}.subnets", ["<eks-cluster-subnets>"], f"{CR}.subnets[0]", "begins with subnet-"),
    (f"{CR}.subnets", ["subnet-1", "subnet-1"], f"{CR}.subnets[1]", "already"),
    (f"{CR}.securityGroupIds", [], f"{CR}.securityGroupIds", "here or in a launch template"),
    (f"{CR}.securityGroupIds", ["<eks-cluster-sg>"], f"{CR}.securityGroupIds[0]", "begins with sg-"),
    (f"{CR}.instanceRole", f"{ROLE}/EksBatchNodeRole", f"{CR}.instanceRole", "an instance profile, not a role"),
    (f"{CR}.instanceRole", "<eks-instance-profile>", f"{CR}.instanceRole", "name or the ARN"),
    (f"{CR}.instanceRole", "", f"{CR}.instanceRole", "required"),
    (f"{CR}.spotIamFleetRole", "fleet", f"{CR}.spotIamFleetRole", "the ARN of an IAM role"),
    (f"{CR}.scalingPolicy", {"minScaleDownDelayMinutes": 19}, f"{CR}.scalingPolicy.minScaleDownDelayMinutes", "20"),
    (f"{CR}.scalingPolicy", {"minScaleDownDelayMinutes": 10081}, f"{CR}.scalingPolicy.minScaleDownDelayMinutes", "0"),
    (f"{CR}.managedInstancesProvider", {}, f"{CR}.managedInstancesProvider", "ECS_MANAGED_INSTANCES"),
    (f"{CR}.capacityTags", {"a": "b"}, f"{CR}.capacityTags", "ECS_MANAGED_INSTANCES"),
    (f"{CR}.instanceType", ["m5"], f"{CR}.instanceType", "Did you mean instanceTypes?"),
    (f"{CR}.launchTemplate", {}, LT, "Exactly one"),
    (f"{CR}.launchTemplate", {**NODES, "launchTemplateId": "lt-1"}, LT, "Exactly one"),
    (f"{CR}.launchTemplate", {"launchTemplateId": "nodes"}, f"{LT}.launchTemplateId", "begins with lt-"),
    (f"{CR}.launchTemplate", {**NODES, "version": "latest"}, f"{LT}.version", "$Default or $Latest"),
    (f"{CR}.launchTemplate", {**NODES, "userdataType": "NODEADM"}, f"{LT}.userdataType", "EKS_NODEADM"),
    (
        f"{CR}.launchTemplate",
        {**NODES, "overrides": [{**NODES, "targetInstanceTypes": [f"m5.{n}xlarge"]} for n in range(1, 12)]},
        f"{LT}.overrides",
        "at most 10",
    ),
    (f"{CR}.launchTemplate", {**NODES, "overrides": [NODES]}, f"{LT}.overrides[0].targetInstanceTypes", "names the"),
    (
        f"{CR}.launchTemplate",
        {**NODES, "overrides": [{**NODES, "targetInstanceTypes": ["optimal"]}]},
        f"{LT}.overrides[0].targetInstanceTypes[0]",
        "not for a choice of Batch's",
    ),
    (
        f"{CR}.launchTemplate",
        {**NODES, "overrides": [{**NODES, "targetInstanceTypes": ["c5.large"]}]},
        f"{LT}.overrides[0].targetInstanceTypes[0]",
        "that instanceTypes includes",
    ),
    (
        f"{CR}.launchTemplate",
        {**NODES, "overrides": [{**NODES, "targetInstanceTypes": ["m5", "m5.large"]}]},
        f"{LT}.overrides[0].targetInstanceTypes[1]",
        "overlaps with m5",
    ),
    (f"{CR}.ec2Configuration", [], f"{CR}.ec2Configuration", "One or two"),
    (f"{CR}.ec2Configuration", [{"imageType": "EKS_AL2023"}] * 3, f"{CR}.ec2Configuration", "at most 2"),
    (
        f"{CR}.ec2Configuration",
        [{"imageType": "ECS_AL2023"}],
        f"{CR}.ec2Configuration[0].imageType",
        "Did you mean EKS_AL2023?",
    ),
    (
        f"{CR}.ec2Configuration",
        [{"imageType": "EKS_AL2023", "imageKubernetesVersion": "v1.33"}],
        f"{CR}.ec2Configuration[0].imageKubernetesVersion",
        "the form 1.33",
    ),
    (
        f"{CR}.ec2Configuration",
        [{"imageType": "EKS_AL2023", "imageIdOverride": "ami-1"}],
        f"{LT}.userdataType",
        "only with EKS_NODEADM",
    ),
    (f"{CR}.imageId", "ami-1", f"{LT}.userdataType", "only with EKS_NODEADM"),
    (f"{CR}.tags", {"aws:x": "y"}, f'{CR}.tags["aws:x"]', "AWS's own"),
    (f"{CR}.tags", {"x": "y" * 257}, f'{CR}.tags["x"]', "at most 256"),
    (f"{CR}.tags", {f"k{n}": "" for n in range(51)}, f"{CR}.tags", "at most 50"),
    ("tags", {f"k{n}": "" for n in range(51)}, "tags", "between 1 and 50"),
    ("tags", {"k" * 129: ""}, f'tags["{"k" * 129}"]', "between 1 and 128"),
    ("tags", {"k": "v" * 257}, 'tags["k"]', "256"),
    ("tags", {"aws:batch": "v"}, 'tags["aws:batch"]', "AWS's own"),
    ("ecsSettings", {}, "ecsSettings", "for compute environments on ECS"),
    (
        f"{EKS}.eksClusterArn",
        "arn:aws:eks:us-east-1:١٢٣٤٥٦٧٨٩٠١٢:cluster/c",
        f"{EKS}.eksClusterArn",
        "the ARN of an EKS",
    ),
    ("computeResource", {}, "computeResource", "Did you mean computeResources?"),
    ("eksConfiguration", None, "eksConfiguration", "null is not a value"),
]
REQUIRED = [
    "computeEnvironmentName",
    "type",
    "eksConfiguration",
    "eksConfiguration.eksClusterArn",
    "eksConfiguration.kubernetesNamespace",
    "computeResources",
    "computeResources.type",
    "computeResources.allocationStrategy",
    "computeResources.maxvCpus",
    "computeResources.instanceTypes",
    "computeResources.subnets",
    "computeResources.securityGroupIds",
    "computeResources.instanceRole",
]


@pytest.mark.parametrize(("path", "value", "where", "words"), RULES)
def test_rule(path: str, value: Any, where: str, words: str, compute_environment: Any, edit: Any, faults: Any) -> None:
    found = faults(ComputeEnvironmentSpec, edit(compute_environment, path, value))
    assert [fault.path for fault in found] == [where]
    assert words in str(found[0])
    assert found[0].rule
    assert found[0].fix
    assert found[0].source


@pytest.mark.parametrize("path", REQUIRED)
def test_required(path: str, compute_environment: Any, edit: Any, faults: Any) -> None:
    assert [fault.path for fault in faults(ComputeEnvironmentSpec, edit(compute_environment, path))] == [path]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{EKS}.kubernetesNamespace", "kubernetes-batch"),
        (f"{EKS}.accessEntry", {"desiredState": "ENABLED"}),
        ("serviceRole", f"{ROLE}/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"),
        (f"{CR}.instanceRole", "EksBatchInstanceProfile"),
        (f"{CR}.instanceTypes", ["m6g", "c7gn.large", "default_arm64", "a1"]),
        (f"{CR}.instanceTypes", ["g4dn.xlarge", "p4de", "default_x86_64", "m7i-flex", "u-6tb1.metal"]),
        (f"{CR}.scalingPolicy", {"minScaleDownDelayMinutes": 0}),
        (f"{CR}.ec2Configuration", [{"imageType": "EKS_AL2023", "imageKubernetesVersion": "1.33"}]),
        (f"{CR}.launchTemplate", {**NODES, "overrides": [{**NODES, "targetInstanceTypes": ["m5.large"]}]}),
        (f"{CR}.desiredvCpus", 0),
        ("tags", {"team": "data"}),
    ],
)
def test_allowed(path: str, value: Any, compute_environment: Any, edit: Any) -> None:
    document = edit(compute_environment, path, value)
    spec = ComputeEnvironmentSpec.from_document(document)
    assert spec.to_document() == document
    assert spec.warnings == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"type": "SPOT", "allocationStrategy": "SPOT_CAPACITY_OPTIMIZED"}, "recommends SPOT_PRICE_CAPACITY_OPTIMIZED"),
        ({"type": "SPOT"}, "recommends SPOT_PRICE_CAPACITY_OPTIMIZED"),
        ({"allocationStrategy": "BEST_FIT_PROGRESSIVE_ORDERED"}, "do not list"),
        ({"bidPercentage": 60}, "only has a meaning for Spot"),
        ({"ec2Configuration": [{"imageType": "EKS_AL2", "imageKubernetesVersion": "1.32"}]}, "Amazon Linux 2"),
        ({"ec2Configuration": [{"imageType": "EKS_AL2023"}]}, "pin it to the cluster's"),
        (
            {"ec2Configuration": [{"imageType": "EKS_AL2032", "imageKubernetesVersion": "1.33"}]},
            "did you mean EKS_AL2023?",
        ),
        ({"ec2Configuration": [{"imageType": "EKS_AL2023", "imageKubernetesVersion": "1.29"}]}, "1.30 to 1.36"),
        ({"ec2Configuration": [{"imageType": "EKS_AL2023", "imageKubernetesVersion": "1.37"}]}, "1.30 to 1.36"),
        ({"imageId": "ami-1", "launchTemplate": {**NODES, "userdataType": "EKS_NODEADM"}}, "deprecated"),
    ],
)
def test_warning(changes: Any, words: str, compute_environment: Any) -> None:
    document = compute_environment | {CR: compute_environment[CR] | changes}
    (warning,) = ComputeEnvironmentSpec.from_document(document).warnings
    assert words in warning


def test_ordered_strategy_is_for_on_demand_only(compute_environment: Any, faults: Any) -> None:
    changes = {"type": "SPOT", "allocationStrategy": "BEST_FIT_PROGRESSIVE_ORDERED"}
    (fault,) = faults(ComputeEnvironmentSpec, compute_environment | {CR: compute_environment[CR] | changes})
    assert "On-Demand" in fault.rule


def test_security_groups_may_stand_in_the_launch_template(compute_environment: Any, edit: Any) -> None:
    document = edit(edit(compute_environment, f"{CR}.securityGroupIds"), LT, {"launchTemplateId": "lt-1"})
    assert ComputeEnvironmentSpec.from_document(document).to_document() == document


def test_unmanaged_needs_a_service_role(compute_environment: Any, edit: Any, faults: Any) -> None:
    document = edit(edit(compute_environment, "type", "UNMANAGED"), CR)
    (fault,) = faults(ComputeEnvironmentSpec, document)
    assert (fault.path, "ServiceRole is required" in fault.rule) == ("serviceRole", True)
    role = f"{ROLE}/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
    assert faults(ComputeEnvironmentSpec, document | {"serviceRole": role, "unmanagedvCpus": 8}) == []


def test_what_botocore_knows_passes_with_a_warning(compute_environment: Any) -> None:
    document = compute_environment | {"context": "x"}
    spec = ComputeEnvironmentSpec.from_document(document)
    assert spec.to_document() == document
    assert [warning.split(":")[0] for warning in spec.warnings] == ["context"]


def test_what_passes_is_still_checked_for_its_type(compute_environment: Any, faults: Any) -> None:
    (fault,) = faults(ComputeEnvironmentSpec, compute_environment | {"context": 1})
    assert fault.path == "context"


def test_all_faults_at_once_types_and_rules(faults: Any, compute_environment: Any) -> None:
    resources = {"type": "EC2", "allocationStrategy": "BEST_FIT", "minvCpus": 9, "maxvCpus": 4, "instanceTypes": "m5"}
    document = compute_environment | {"computeEnvironmentName": "a b", "stat": "x", CR: resources}
    assert {fault.path for fault in faults(ComputeEnvironmentSpec, document)} == {
        "computeEnvironmentName",
        "stat",
        f"{CR}.allocationStrategy",
        f"{CR}.minvCpus",
        f"{CR}.instanceTypes",
        f"{CR}.subnets",
        f"{CR}.securityGroupIds",
        f"{CR}.instanceRole",
    }


def test_keyword_and_document_agree(compute_environment: Any) -> None:
    resources = ComputeResources(
        subnets=["subnet-0123456789abcdef0"],
        security_group_ids=["sg-0123456789abcdef0"],
        instance_role="arn:aws:iam::123456789012:instance-profile/EksBatchInstanceProfile",
    )
    configuration = EksConfiguration(eks_cluster_arn=compute_environment[EKS]["eksClusterArn"])
    spec = ComputeEnvironmentSpec(eks_configuration=configuration, compute_resources=resources)
    assert spec.to_document() == compute_environment


def test_keyword_faults_come_at_once_too() -> None:
    with pytest.raises(ValidationError) as caught:
        ComputeEnvironmentSpec(
            compute_environment_name="a b",
            eks_configuration=EksConfiguration(eks_cluster_arn="x"),
            compute_resources=ComputeResources(minv_cpus=200),
        )
    (error,) = caught.value.errors()
    cause = error["ctx"]["error"]
    assert isinstance(cause, SpecError)
    assert {"computeEnvironmentName", f"{EKS}.eksClusterArn", f"{CR}.minvCpus", f"{CR}.subnets"} <= {
        fault.path for fault in cause.faults
    }


def test_frozen(compute_environment: Any) -> None:
    spec = ComputeEnvironmentSpec.from_document(compute_environment)
    with pytest.raises(ValidationError, match="frozen"):
        spec.type = "UNMANAGED"


@pytest.mark.parametrize("document", [None, [], "x", 1])
def test_not_an_object(document: Any) -> None:
    with pytest.raises(SpecError, match="must be a JSON object"):
        ComputeEnvironmentSpec.from_document(document)
