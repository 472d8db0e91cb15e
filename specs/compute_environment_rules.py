"""The rules of EKS compute environments that no shape says."""

import re
from collections.abc import Mapping
from typing import Any

from specs.architecture import architecture_of
from specs.fault import Findings
from specs.kubernetes_rules import check_namespace
from specs.launch_template_rules import check_launch_template
from specs.machine_image_rules import check_machine_images
from specs.name import ROLE_ARN, is_service_linked_role
from specs.source import guide, member
from specs.tags import check_tags
from specs.wire import mapping, number, text, texts

_PROFILE = r"(?:arn:aws[a-z-]*:iam::[0-9]{12}:instance-profile/(?:[A-Za-z0-9_+=,.@-]+/)*)?[A-Za-z0-9_+=,.@-]{1,128}"
_PRIVATE_TUTORIAL = guide("getting-started-eks-privateclusters")
_STRATEGIES = guide("allocation-strategies")


def check_compute_environment(document: Mapping[str, Any], found: Findings) -> None:
    """Check the document of CreateComputeEnvironment.

    Args:
        document: The wire document; its types may be wrong.
        found: Takes what is found.
    """
    check_tags(document.get("tags"), "tags", found)
    if "eksConfiguration" not in document:
        rule = "An EKS compute environment names its cluster and namespace."
        fix = "Set eksConfiguration with eksClusterArn and kubernetesNamespace."
        found.fault("eksConfiguration", None, rule, fix, _PRIVATE_TUTORIAL)
    namespace = mapping(document.get("eksConfiguration")).get("kubernetesNamespace")
    source = member("EksConfiguration", "kubernetesNamespace")
    check_namespace(namespace, "eksConfiguration.kubernetesNamespace", found, source)
    _check_service_role(document, found)
    _check_type(document, found)
    if isinstance(document.get("computeResources"), Mapping):
        _check_resources(document["computeResources"], found)


def _check_service_role(document: Mapping[str, Any], found: Findings) -> None:
    role = document.get("serviceRole")
    if isinstance(role, str) and not is_service_linked_role(role):
        found.fault(
            "serviceRole",
            role,
            "AWS Batch on EKS only supports its service-linked role.",
            "Leave serviceRole out, or give the full ARN "
            "arn:aws:iam::<account>:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch.",
            _PRIVATE_TUTORIAL,
        )
    if role is None and document.get("type") == "UNMANAGED":
        rule = "ServiceRole is required: only managed compute environments get the service-linked role by themselves."
        fix = "Give the full ARN of the service-linked role, or make the type MANAGED."
        found.fault("serviceRole", None, rule, fix, guide("using-service-linked-roles-batch-general"))


def _check_type(document: Mapping[str, Any], found: Findings) -> None:
    kind = document.get("type")
    request = "CreateComputeEnvironmentRequest"
    if kind == "MANAGED" and "computeResources" not in document:
        rule = "A managed compute environment says which nodes Batch may start."
        source = member(request, "computeResources")
        found.fault("computeResources", None, rule, "Set computeResources.", source)
    if kind == "MANAGED" and "unmanagedvCpus" in document:
        rule = "unmanagedvCpus is only supported when the type is UNMANAGED."
        fix = "Leave it out; maxvCpus is the limit of a managed compute environment."
        found.fault("unmanagedvCpus", document["unmanagedvCpus"], rule, fix, member(request, "unmanagedvCpus"))


def _check_resources(resources: Mapping[str, Any], found: Findings) -> None:
    _check_purchase(resources, found)
    _check_cpus(resources, found)
    _check_instance_types(resources.get("instanceTypes"), found)
    _check_network(resources, found)
    _check_instance_role(resources, found)
    check_launch_template(resources, found)
    check_machine_images(resources, found)
    check_tags(resources.get("tags"), "computeResources.tags", found, lengths=True)


def _check_purchase(resources: Mapping[str, Any], found: Findings) -> None:
    kind, strategy = resources.get("type"), resources.get("allocationStrategy")
    path = "computeResources.allocationStrategy"
    if strategy is None:
        rule = "EKS compute environments must name their allocation strategy: the default BEST_FIT is not supported."
        fix = f"Choose {_advised(kind)}."
        found.fault(path, None, rule, fix, member("ComputeResource", "allocationStrategy"))
    elif strategy == "BEST_FIT":
        rule = "EKS compute environments do not support BEST_FIT, which cannot be updated either."
        found.fault(path, strategy, rule, f"Choose {_advised(kind)}.", _PRIVATE_TUTORIAL)
    elif kind == "EC2" and text(strategy).startswith("SPOT_"):
        rule = f"{strategy} is only available for Spot instances."
        fix = "Choose BEST_FIT_PROGRESSIVE, or make the type SPOT."
        found.fault(path, strategy, rule, fix, _STRATEGIES)
    elif kind == "SPOT" and strategy == "BEST_FIT_PROGRESSIVE_ORDERED":
        rule = f"{strategy} is only available for On-Demand instances (type EC2)."
        fix = "Choose SPOT_PRICE_CAPACITY_OPTIMIZED, or make the type EC2."
        found.fault(path, strategy, rule, fix, _STRATEGIES)
    elif kind == "SPOT" and strategy != "SPOT_PRICE_CAPACITY_OPTIMIZED":
        sentence = f"For Spot instances AWS recommends SPOT_PRICE_CAPACITY_OPTIMIZED in most cases, not {strategy}."
        found.warn(path, sentence, _PRIVATE_TUTORIAL)
    if strategy in ("BEST_FIT_PROGRESSIVE_ORDERED", "SPOT_CAPACITY_OPTIMIZED_PRIORITIZED"):
        found.warn(path, f"The EKS pages of the guide do not list {strategy} yet.", _PRIVATE_TUTORIAL)
    _check_spot_only(resources, found)


def _check_spot_only(resources: Mapping[str, Any], found: Findings) -> None:
    for name in ("bidPercentage", "spotIamFleetRole"):
        if name in resources and resources.get("type") == "EC2":
            sentence = "It only has a meaning for Spot instances, and the type is EC2."
            found.warn(f"computeResources.{name}", sentence, member("ComputeResource", name))
    fleet_role = resources.get("spotIamFleetRole")
    if isinstance(fleet_role, str) and not re.fullmatch(ROLE_ARN, fleet_role):
        rule = "It must be the ARN of an IAM role."
        fix = "Give the full ARN, or leave it out: only BEST_FIT needs it."
        path = "computeResources.spotIamFleetRole"
        found.fault(path, fleet_role, rule, fix, guide("invalid_compute_environment"))


def _advised(kind: Any) -> str:
    return "SPOT_PRICE_CAPACITY_OPTIMIZED" if kind == "SPOT" else "BEST_FIT_PROGRESSIVE"


def _check_cpus(resources: Mapping[str, Any], found: Findings) -> None:
    low, high = number(resources.get("minvCpus")) or 0, number(resources.get("maxvCpus"))
    desired = number(resources.get("desiredvCpus"))
    if high is not None and low > high:
        rule = f"minvCpus must not be more than maxvCpus, which is {high}."
        source = member("ComputeResource", "minvCpus")
        found.fault("computeResources.minvCpus", low, rule, "Lower minvCpus or raise maxvCpus.", source)
    if desired is not None and (desired < low or (high is not None and desired > high)):
        rule = "desiredvCpus must lie between minvCpus and maxvCpus."
        source = member("ComputeResource", "desiredvCpus")
        found.fault("computeResources.desiredvCpus", desired, rule, "Leave it out: Batch chooses it.", source)


def _check_instance_types(types: Any, found: Findings) -> None:
    path, source = "computeResources.instanceTypes", member("ComputeResource", "instanceTypes")
    if types is None or types == []:
        rule = "A managed compute environment names the instance types that Batch may start."
        found.fault(path, types, rule, "List for example m5, or default_x86_64.", source)
    named = list(texts(types, path))
    for where, name in named:
        if architecture_of(name) is None:
            rule = "It must be an instance family, an instance type, default_x86_64, default_arm64 or optimal."
            found.fault(where, name, rule, "Write for example m5, m5.xlarge or default_x86_64.", source)
    arm, x86 = ([name for _, name in named if architecture_of(name) == which] for which in ("ARM", "x86"))
    if arm and x86:
        rule = f"All instance types must share one architecture: {', '.join(arm)} are ARM, {', '.join(x86)} are x86."
        fix = "Make one compute environment for each architecture."
        found.fault(path, types, rule, fix, source)


def _check_network(resources: Mapping[str, Any], found: Findings) -> None:
    subnets, groups = resources.get("subnets"), resources.get("securityGroupIds")
    if not subnets:
        rule = "The subnets that nodes start in are required."
        fix = "List the cluster's private subnets."
        found.fault("computeResources.subnets", subnets, rule, fix, member("ComputeResource", "subnets"))
    if not groups and not resources.get("launchTemplate"):
        rule = "Security groups are required, here or in a launch template."
        fix = "List the cluster security group."
        source = member("ComputeResource", "securityGroupIds")
        found.fault("computeResources.securityGroupIds", groups, rule, fix, source)
    for name, values, prefix in (("subnets", subnets, "subnet-"), ("securityGroupIds", groups, "sg-")):
        path = f"computeResources.{name}"
        source = member("ComputeResource", name)
        seen: set[str] = set()
        for where, value in texts(values, path):
            if not re.fullmatch(rf"{prefix}[0-9a-z]+", value):
                rule = f"It must be an ID that begins with {prefix}."
                found.fault(where, value, rule, "Replace it by the ID.", source)
            elif value in seen:
                found.fault(where, value, "It is in the list already.", "Leave it out.", source)
            seen.add(value)


def _check_instance_role(resources: Mapping[str, Any], found: Findings) -> None:
    path, source = "computeResources.instanceRole", member("ComputeResource", "instanceRole")
    role = resources.get("instanceRole")
    if role is None or role == "":
        rule = "The nodes' instance profile is required for EC2 instances."
        found.fault(path, role, rule, "Give the instance profile's name or ARN.", source)
    elif isinstance(role, str) and re.fullmatch(ROLE_ARN, role):
        rule = "Despite its name the field takes an instance profile, not a role."
        fix = "Give the ARN of the profile that holds the role: arn:aws:iam::<account>:instance-profile/<name>."
        found.fault(path, role, rule, fix, source)
    elif isinstance(role, str) and not re.fullmatch(_PROFILE, role):
        rule = "It must be the name or the ARN of an instance profile."
        found.fault(path, role, rule, "Give for example EksBatchInstanceProfile.", source)
