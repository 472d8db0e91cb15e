"""Which updates of a compute environment replace its instances.

AWS Batch User Guide, updating-compute-environments and infrastructure-updates: a change of the numbers of vCPUs only
scales, any other of the compute resources replaces the instances.
"""

from collections.abc import Iterable

_RESOURCES = "computeResources."
_SCALING = ("minvCpus", "maxvCpus", "desiredvCpus", "scalingPolicy")


def replaces_instances(fields: Iterable[str]) -> bool:
    """Whether an update of these fields replaces the instances.

    Args:
        fields: Paths within the compute environment's document, such as `computeResources.maxvCpus`.
    """
    changed = [field.removeprefix(_RESOURCES) for field in fields if field.startswith(_RESOURCES)]
    return any(not field.startswith(_SCALING) for field in changed)
