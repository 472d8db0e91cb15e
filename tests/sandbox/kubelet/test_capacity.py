import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.ec2.models.instance_types import INSTANCE_TYPES

from sandbox.kubelet.capacity import capacity_of


@pytest.mark.parametrize(
    ("instance_type", "millicpus", "max_pods"),
    # AWS Batch user guide, memory-cpu-batch-eks (c5.large); amazon-eks-ami, eni-max-pods.txt.
    [("c5.large", 1930, 29), ("m5.large", 1930, 29), ("m5.xlarge", 3920, 58), ("m5.24xlarge", 95690, 737)],
)
def test_what_pods_may_request(instance_type, millicpus, max_pods):
    capacity = capacity_of(instance_type)
    assert (capacity.allocatable_millicpus, capacity.max_pods) == (millicpus, max_pods)


def test_nvidia_gpus_are_counted():
    assert (capacity_of("g4dn.12xlarge").gpus, capacity_of("m5.large").gpus) == (4, 0)


def test_arm_instances_are_arm_nodes():
    assert (capacity_of("m6g.large").architecture, capacity_of("m5.large").architecture) == ("arm64", "amd64")


@given(st.sampled_from(sorted(INSTANCE_TYPES)))
def test_less_is_left_than_there_is(instance_type):
    capacity = capacity_of(instance_type)
    assert capacity.vcpus * 900 < capacity.allocatable_millicpus < capacity.vcpus * 1000
    assert capacity.allocatable_memory_mib < capacity.memory_mib


def test_an_instance_type_that_ec2_does_not_have():
    with pytest.raises(LookupError, match=r"do not exist: \[m5.tiny\]"):
        capacity_of("m5.tiny")
