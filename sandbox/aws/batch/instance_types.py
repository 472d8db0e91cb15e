"""EC2 instance types by name, family or Batch's own words, out of moto's catalogue."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from moto.ec2.models.instance_types import INSTANCE_TYPES

_DEFAULTS = {
    # [B:ComputeResource.instanceTypes] names no members; the families of the generation that the User Guide's
    # instance-type page gives as examples (an inference). `optimal` follows default_x86_64 since November 2025.
    "default_x86_64": ("m6i", "c6i", "r6i", "m7i", "c7i", "r7i"),
    "default_arm64": ("m6g", "c6g", "r6g", "m7g", "c7g", "r7g"),
}
_EVICTION_MIB = 100
_KUBELET_MIB = 255
_POD_MIB = 11


@dataclass(frozen=True)
class InstanceType:
    """What Batch needs to know to place jobs.

    Attributes:
        vcpus: As EC2 counts them and maxvCpus does.
        cpu_millis: What pods may request of them.
        memory_mib: What pods may request.
        gpus: What pods may request as `nvidia.com/gpu`.
    """

    name: str
    architecture: str
    vcpus: int
    cpu_millis: int
    memory_mib: int
    gpus: int


@functools.cache
def _instance_type(name: str) -> InstanceType:
    data = INSTANCE_TYPES[name]
    vcpus = data["VCpuInfo"]["DefaultVCpus"]
    memory = data["MemoryInfo"]["SizeInMiB"]
    network = data["NetworkInfo"]
    pods = network["MaximumNetworkInterfaces"] * (network["Ipv4AddressesPerInterface"] - 1) + 2
    return InstanceType(
        name,
        data["ProcessorInfo"]["SupportedArchitectures"][-1],
        vcpus,
        vcpus * 1000 - _reserved_millis(vcpus),
        memory - _POD_MIB * pods - _KUBELET_MIB - _EVICTION_MIB,
        sum(each["Count"] for each in data.get("GpuInfo", {}).get("Gpus", []) if each["Manufacturer"] == "NVIDIA"),
    )


def _reserved_millis(vcpus: int) -> int:
    """CPU that the kubelet keeps: 6 % of the first core, 1 % of the second, 0.5 % of two more, then 0.25 %.

    User Guide, memory-cpu-batch-eks: of a c5.large 1930m are usable.
    """
    shares = [60, 10, 5, 5]
    return int(sum(shares[:vcpus]) + max(0, vcpus - len(shares)) * 2.5)


def resolve(wanted: Sequence[str]) -> list[InstanceType]:
    """All instance types that an `instanceTypes` list allows, the smallest first.

    Raises:
        KeyError: A word is neither a type nor a family nor one of Batch's own.
    """
    return list(_resolved(tuple(wanted)))


@functools.cache
def _resolved(wanted: tuple[str, ...]) -> tuple[InstanceType, ...]:
    found: dict[str, InstanceType] = {}
    for word in wanted:
        names = _names("default_x86_64" if word == "optimal" else word)
        if not names:
            raise KeyError(word)
        found.update({name: _instance_type(name) for name in names})
    return tuple(sorted(found.values(), key=lambda each: (each.vcpus, each.memory_mib, each.name)))


@functools.cache
def _names(word: str) -> tuple[str, ...]:
    if word in _DEFAULTS:
        return tuple(name for family in _DEFAULTS[word] for name in _names(family))
    if word in INSTANCE_TYPES:
        return (word,)
    return tuple(name for name, data in INSTANCE_TYPES.items() if name.startswith(f"{word}.") and not data["BareMetal"])
