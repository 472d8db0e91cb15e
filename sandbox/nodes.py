"""EC2 instances that AWS Batch launches and that join the cluster as nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class NodeState:
    """What is known of an instance.

    Attributes:
        phase: `pending` while it starts, `joined` once its Node object exists, `refused` while the cluster does not
            let it in. A refused node keeps trying, as a kubelet does: it joins once its role is mapped.
        node_name: Name of the Node object, which is the instance's private DNS name.
        node_uid: UID of the Node object; empty until it has joined.
        vcpus: CPUs that pods may request (allocatable).
        memory_mib: Memory that pods may request (allocatable).
        reason: Why it is refused, as the API server answered.
    """

    phase: Literal["pending", "joined", "refused"]
    node_name: str
    node_uid: str
    vcpus: float
    memory_mib: int
    reason: str


class Nodes:
    """Launches instances, each with a kubelet of its own thread."""

    def launch(
        self,
        *,
        instance_profile: str,
        instance_type: str,
        subnet_id: str,
        labels: Mapping[str, str],
        taints: Sequence[Mapping[str, str]],
    ) -> str:
        """Start an instance.

        Args:
            instance_profile: Name or ARN of the instance profile; its role is the node's identity.
            instance_type: EC2 instance type such as `m5.large`.
            subnet_id: Subnet to start in.
            labels: Labels of the Node object beside those that a kubelet sets by itself.
            taints: Taints of the Node object, as in `spec.taints`.

        Returns:
            The instance id, at once; see `state` for how it goes on.
        """
        raise LookupError(instance_profile)

    def state(self, instance_id: str) -> NodeState:
        """How far an instance has come."""
        raise LookupError(instance_id)

    def terminate(self, instance_id: str) -> None:
        """Stop an instance: its containers are killed, its Node object and its pods vanish."""

    def reset(self) -> None:
        """Stop all instances."""
