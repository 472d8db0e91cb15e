"""What a node offers to pods."""

import functools
from dataclasses import dataclass

from moto.ec2.models.instance_types import INSTANCE_TYPES


@dataclass(frozen=True)
class Capacity:
    """Size of a node.

    Attributes:
        vcpus: CPUs of the instance.
        memory_mib: Memory of the instance.
        max_pods: Pods that fit by the VPC CNI's rule.
        allocatable_millicpus: CPU left for pods.
        allocatable_memory_mib: Memory left for pods.
        gpus: NVIDIA GPUs.
        architecture: `amd64` or `arm64`.
    """

    vcpus: int
    memory_mib: int
    max_pods: int
    allocatable_millicpus: int
    allocatable_memory_mib: int
    gpus: int
    architecture: str


@functools.cache
def capacity_of(instance_type: str) -> Capacity:
    """Size of a node of an instance type.

    The kubelet of an EKS-optimized image keeps back 6 % of the first CPU, 1 % of the second, 0.5 % of the next two and
    0.25 % of the others, and 11 MiB a pod + 255 MiB + 100 MiB of memory (AWS Batch user guide, memory-cpu-batch-eks):
    a c5.large has 1930m. Pods: interfaces * (addresses - 1) + 2 (Amazon EKS user guide, choosing-instance-type).

    Raises:
        LookupError: EC2 has no such instance type.
    """
    try:
        described = INSTANCE_TYPES[instance_type]
    except KeyError:
        raise LookupError(f"The following supplied instance types do not exist: [{instance_type}]") from None
    vcpus = described["VCpuInfo"]["DefaultVCpus"]
    memory_mib = described["MemoryInfo"]["SizeInMiB"]
    network = described["NetworkInfo"]
    max_pods = network["MaximumNetworkInterfaces"] * (network["Ipv4AddressesPerInterface"] - 1) + 2
    gpus = described.get("GpuInfo", {}).get("Gpus", [])
    architectures = described["ProcessorInfo"]["SupportedArchitectures"]
    return Capacity(
        vcpus=vcpus,
        memory_mib=memory_mib,
        max_pods=max_pods,
        allocatable_millicpus=int(vcpus * 1000 - _reserved_millicpus(vcpus)),
        allocatable_memory_mib=memory_mib - 11 * max_pods - 255 - 100,
        gpus=sum(each["Count"] for each in gpus if each["Manufacturer"] == "NVIDIA"),
        architecture="arm64" if "arm64" in architectures else "amd64",
    )


def _reserved_millicpus(vcpus: int) -> float:
    tiers = ((1, 60.0), (1, 10.0), (2, 5.0), (max(vcpus, 4), 2.5))
    reserved, left = 0.0, vcpus
    for count, each in tiers:
        taken = min(count, left)
        reserved += taken * each
        left -= taken
    return reserved
