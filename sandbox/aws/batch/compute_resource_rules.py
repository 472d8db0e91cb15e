"""Rules for a compute environment on EKS, checked when it is created or updated.

Sources: [B:CreateComputeEnvironmentRequest], [B:ComputeResource], [B:EksConfiguration], the User Guide's pages on
allocation strategies and compute environments. Texts are our wording unless a source is given.
"""

import re
from collections.abc import Mapping
from typing import Any

from moto.eks.models import eks_backends

from sandbox.aws.batch import instance_types
from sandbox.aws.batch.identifiers import Place
from sandbox.aws.batch.refusals import client_exception, execution_exception

STRATEGIES = {
    "EC2": ("BEST_FIT_PROGRESSIVE", "BEST_FIT_PROGRESSIVE_ORDERED"),
    "SPOT": (
        "BEST_FIT_PROGRESSIVE",
        "SPOT_CAPACITY_OPTIMIZED",
        "SPOT_PRICE_CAPACITY_OPTIMIZED",
        "SPOT_CAPACITY_OPTIMIZED_PRIORITIZED",
    ),
}
KUBERNETES_VERSIONS = tuple(f"1.{minor}" for minor in range(30, 37))
"""User Guide, batch_eks_invalid_compute_environment."""
_IMAGE_TYPES = ("EKS_AL2", "EKS_AL2_NVIDIA", "EKS_AL2023", "EKS_AL2023_NVIDIA")
_REQUIRED = ("type", "maxvCpus", "allocationStrategy", "subnets", "instanceTypes", "instanceRole")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_CLUSTER_ARN = re.compile(r"arn:aws[a-z-]*:eks:([a-z0-9-]+):(\d{12}):cluster/([0-9A-Za-z][A-Za-z0-9_-]{0,99})")


def cluster_name(arn: str) -> str:
    """Name of the cluster of an ARN."""
    return arn.rpartition("/")[2]


def eks_cluster(place: Place, arn: str) -> Any | None:
    """The cluster of an ARN in moto's EKS, or None."""
    return eks_backends[place.account][place.region].clusters.get(cluster_name(arn))


def check_eks_configuration(place: Place, configuration: Mapping[str, Any]) -> None:
    """Refuse a malformed cluster ARN, a missing cluster, a namespace outside the rules."""
    arn, namespace = configuration["eksClusterArn"], configuration["kubernetesNamespace"]
    match = _CLUSTER_ARN.fullmatch(arn)
    _expect(match is not None, f"eksClusterArn {arn} is not valid")
    valid = bool(_NAMESPACE.fullmatch(namespace)) and len(namespace) < 64
    _expect(
        valid and namespace != "default" and not namespace.startswith("kube-"),
        f"kubernetesNamespace {namespace!r} must be fewer than 64 characters, match "
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$, can't be default and can't start with kube-",
    )
    # CreateComputeEnvironment calls eks:DescribeCluster for the caller; EKS's own text follows.
    _expect(eks_cluster(place, arn) is not None, f"No cluster found for name: {cluster_name(arn)}.")


def check_compute_resources(resources: Mapping[str, Any]) -> None:
    """Refuse compute resources that cannot be those of an EKS compute environment."""
    kind = resources.get("type")
    if kind not in STRATEGIES:
        raise execution_exception(f"computeResources.type {kind} is not supported for EKS: use EC2 or SPOT")
    for field in _REQUIRED:
        _expect(resources.get(field) not in (None, [], ""), f"computeResources.{field} must be specified")
    check_strategy(resources["allocationStrategy"], kind)
    _expect(
        bool(resources.get("securityGroupIds") or resources.get("launchTemplate")),
        "computeResources.securityGroupIds or a launch template with security groups must be specified",
    )
    check_vcpus(resources)
    _check_types(resources["instanceTypes"])
    _check_launch_template(resources.get("launchTemplate") or {})
    _check_ec2_configuration(resources)
    bid = resources.get("bidPercentage")
    _expect(bid is None or kind == "SPOT", "computeResources.bidPercentage is for SPOT compute resources only")
    _expect(bid is None or 0 <= bid <= 100, "computeResources.bidPercentage must be between 0 and 100")
    delay = (resources.get("scalingPolicy") or {}).get("minScaleDownDelayMinutes")
    _expect(delay in (None, 0) or 20 <= delay <= 10080, "minScaleDownDelayMinutes must be 0 or between 20 and 10080")


def check_strategy(strategy: str, kind: str) -> None:
    """Refuse a strategy that the type does not have; text as reported in seqeralabs/nf-tower#262."""
    if strategy == "BEST_FIT":
        # User Guide, allocation strategies: BEST_FIT is not for EKS.
        raise execution_exception("BEST_FIT allocation strategy is not supported for EKS compute environments")
    if strategy not in STRATEGIES[kind]:
        raise execution_exception(f"Invalid compute resource allocation strategy {strategy} for type {kind}")


def check_vcpus(resources: Mapping[str, Any]) -> None:
    """Refuse numbers of vCPUs that do not enclose each other."""
    least, most = resources.get("minvCpus", 0), resources["maxvCpus"]
    desired = resources.get("desiredvCpus", least)
    _expect(0 <= least <= most, "computeResources.minvCpus must be between 0 and maxvCpus")
    _expect(least <= desired <= most, "computeResources.desiredvCpus must be between minvCpus and maxvCpus")


def _check_types(wanted: list[str]) -> None:
    try:
        found = instance_types.resolve(wanted)
    except KeyError as error:
        raise execution_exception(f"Instance type {error.args[0]} is not supported") from None
    # [B:ComputeResource.instanceTypes]: all of one architecture.
    architectures = {each.architecture for each in found}
    _expect(len(architectures) == 1, "computeResources.instanceTypes must share the same architecture")


def _check_launch_template(template: Mapping[str, Any]) -> None:
    if template:
        named = [field for field in ("launchTemplateId", "launchTemplateName") if template.get(field)]
        _expect(len(named) == 1, "launchTemplate must have launchTemplateId or launchTemplateName, but not both")
        _expect(len(template.get("overrides") or []) <= 10, "launchTemplate.overrides must have at most 10")


def _check_ec2_configuration(resources: Mapping[str, Any]) -> None:
    configurations = resources.get("ec2Configuration")
    if configurations is None:
        return
    _expect(1 <= len(configurations) <= 2, "computeResources.ec2Configuration must have 1 or 2 entries")
    for configuration in configurations:
        image = configuration["imageType"]
        _expect(image in _IMAGE_TYPES, f"imageType {image} is not one of {', '.join(_IMAGE_TYPES)}")
        version = configuration.get("imageKubernetesVersion")
        if version is not None and version not in KUBERNETES_VERSIONS:
            # User Guide, batch_eks_invalid_compute_environment (verbatim).
            raise client_exception("At least one imageKubernetesVersion in EC2Configuration is not supported.")


def _expect(condition: bool, rule: str) -> None:
    if not condition:
        raise execution_exception(rule)
