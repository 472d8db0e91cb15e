"""What UpdateComputeEnvironment may change, and which changes replace the instances.

Sources: [B:UpdateComputeEnvironmentRequest], [B:ComputeResourceUpdate], the User Guide's updating-compute-environments
and infrastructure-updates. Texts are our wording.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from moto.ec2.models import ec2_backends

from sandbox.aws.batch import compute_resource_rules as rules
from sandbox.aws.batch.identifiers import Place
from sandbox.aws.batch.refusals import execution_exception

if TYPE_CHECKING:
    from sandbox.aws.batch.compute_environments import ComputeEnvironment

_SCALING = ("minvCpus", "maxvCpus", "desiredvCpus", "scalingPolicy")


def check(environment: "ComputeEnvironment", request: Mapping[str, Any]) -> None:
    """Refuse an update that breaks a rule."""
    role = request.get("serviceRole")
    if role is not None and role != environment.service_role:
        # [B:UpdateComputeEnvironmentRequest.serviceRole]: one with the service-linked role keeps it.
        raise execution_exception(
            "A compute environment with the service-linked role can't be changed to use another role"
        )
    if request.get("unmanagedvCpus") is not None:
        raise execution_exception("unmanagedvCpus can't be specified for a managed compute environment")
    foreign = set(request.get("eksConfiguration") or {}) - {"accessEntry"}
    if foreign:
        # "accessEntry is the only EKS configuration that you can change".
        raise execution_exception(f"eksConfiguration.{min(foreign)} can't be changed")
    changes = request.get("computeResources") or {}
    if "desiredvCpus" in changes:
        # [B:ComputeResourceUpdate.desiredvCpus]: not for EKS clusters.
        raise execution_exception("desiredvCpus can't be specified for compute environments on EKS")
    if changes:
        rules.check_compute_resources(_merged(environment.compute_resources, changes))


def apply(environment: "ComputeEnvironment", request: Mapping[str, Any]) -> bool:
    """Make the changes; tells whether the instances must be replaced."""
    environment.state = request.get("state", environment.state)
    if request.get("updatePolicy"):
        environment.update_policy = {
            "terminateJobsOnUpdate": False,
            "jobExecutionTimeoutMinutes": 30,
            **(environment.update_policy or {}),
            **request["updatePolicy"],
        }
    entry = (request.get("eksConfiguration") or {}).get("accessEntry")
    if entry:
        environment.eks_configuration["accessEntry"] = {"desiredState": entry["desiredState"]}
    changes = request.get("computeResources") or {}
    before = environment.compute_resources
    environment.compute_resources = _merged(before, changes)
    after = environment.compute_resources
    latest = bool(changes.get("updateToLatestImageVersion"))
    return latest or any(before.get(field) != after.get(field) for field in {*before, *after} - {*_SCALING})


def _merged(resources: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = {field: value for field, value in {**resources, **changes}.items() if not _unset(field, changes)}
    merged.setdefault("ec2Configuration", [{"imageType": "EKS_AL2023"}])
    # "updateToLatestImageVersion resets to false afterwards": it is no property of the compute environment.
    merged.pop("updateToLatestImageVersion", None)
    merged["desiredvCpus"] = max(merged["minvCpus"], min(merged["desiredvCpus"], merged["maxvCpus"]))
    return merged


def _unset(field: str, changes: Mapping[str, Any]) -> bool:
    """Whether the update takes a field away, as the documentation of [B:ComputeResourceUpdate] says for each."""
    value = changes.get(field)
    if field == "launchTemplate":
        return value is not None and not any(value.get(key) for key in ("launchTemplateId", "launchTemplateName"))
    if field == "scalingPolicy":
        return value is not None and value.get("minScaleDownDelayMinutes") == 0
    return field in ("ec2KeyPair", "imageId", "ec2Configuration", "tags") and value in ("", [], {})


def missing_network(place: Place, resources: Mapping[str, Any]) -> str | None:
    """A subnet or security group of the compute resources that does not exist, in EC2's words."""
    ec2 = ec2_backends[place.account][place.region]
    subnets = {subnet_id for zone in ec2.subnets.values() for subnet_id in zone}
    for subnet in resources["subnets"]:
        if subnet not in subnets:
            return f"The subnet ID '{subnet}'"
    groups = {group_id for by_id in ec2.groups.values() for group_id in by_id}
    for group in resources.get("securityGroupIds") or []:
        if group not in groups:
            return f"The security group '{group}'"
    return None
