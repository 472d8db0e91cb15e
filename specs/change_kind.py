"""What a change of a compute environment takes: an update in place, other instances, or another environment."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from specs.infrastructure_update import replaces_instances

ChangeKind = Literal["in place", "instances", "environment"]

# UpdateComputeEnvironment has no member for these (botocore shapes UpdateComputeEnvironmentRequest and
# ComputeResourceUpdate).
IMMUTABLE = (
    "type",
    "eksConfiguration.eksClusterArn",
    "eksConfiguration.kubernetesNamespace",
    "computeResources.spotIamFleetRole",
)


def change_kind(fields: Iterable[str]) -> ChangeKind:
    """What it takes to change these fields.

    Args:
        fields: Paths within the compute environment's document, such as `computeResources.maxvCpus`.
    """
    changed = list(fields)
    if any(field.startswith(IMMUTABLE) for field in changed):
        return "environment"
    return "instances" if replaces_instances(changed) else "in place"


def is_kubernetes_upgrade(observed: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the wanted document names other Kubernetes versions for its nodes than the observed one has.

    AWS Batch can change them in place, but ends every job that outlasts the update's timeout, on all nodes at once; and
    an environment whose version it no longer supports it asks to create anew (User Guide,
    batch_eks_invalid_compute_environment).

    Args:
        observed: As DescribeComputeEnvironments answers.
        wanted: The Create call's document.
    """
    versions = _kubernetes_versions(wanted)
    return any(versions) and versions != _kubernetes_versions(observed)


def _kubernetes_versions(document: Mapping[str, Any]) -> list[str]:
    images = document.get("computeResources", {}).get("ec2Configuration", ())
    return [image.get("imageKubernetesVersion", "") for image in images]
