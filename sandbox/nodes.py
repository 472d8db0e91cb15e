"""EC2 instances that AWS Batch launches and that join the cluster as nodes."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import httpx

from sandbox.aws.instances import role_of_profile, run_instance, terminate_instance
from sandbox.certificate_authority import CertificateAuthority
from sandbox.eks_token import RoleMissingError, role_token
from sandbox.guardian import Guardian
from sandbox.kubelet.capacity import capacity_of
from sandbox.kubelet.images import NodeImages
from sandbox.kubelet.kubelet import Kubelet, Machine
from sandbox.kubelet.log_server import LogServer
from sandbox.kubelet.pod import Pod
from sandbox.kubernetes.client import ApiClient, ApiError
from sandbox.names import CLUSTER_NAME
from sandbox.registries.image_pull import ImagePuller

# Tokens are accepted for 15 minutes; the AWS CLI too calls them good for 14.
_TOKEN_SECONDS = 14 * 60


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


@dataclass
class _Node:
    state: NodeState
    kubelet: Kubelet


class Nodes:
    """Launches instances, each with a kubelet of its own.

    Args:
        state_dir: The sandbox's directory.
        authority: Issues the certificate of the kubelets' port.
        guardian: Kills the containers if the sandbox dies.
        puller: Pulls images.
        api_url: Gives the URL of the API server.
        admin_token: Gives the sandbox's own token, to take away Node objects of terminated instances as AWS's cloud
            controller does.
    """

    def __init__(
        self,
        state_dir: Path,
        authority: CertificateAuthority,
        guardian: Guardian,
        puller: ImagePuller,
        *,
        api_url: Callable[[], str],
        admin_token: Callable[[], str],
    ) -> None:
        self._directory = state_dir / "nodes"
        self._ca_file = authority.ca_file
        self._guardian = guardian
        self._puller = puller
        self._api_url = api_url
        self._admin_token = admin_token
        self._nodes: dict[str, _Node] = {}
        self._lock = threading.Lock()
        self._log_server = LogServer(authority, self._find_pod)

    def start(self) -> None:
        """Serve the containers' logs."""
        self._log_server.start()

    def stop(self) -> None:
        """Stop all instances and the log server."""
        self.reset()
        self._log_server.stop()

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

        Raises:
            LookupError: The profile, its role or the instance type does not exist.
        """
        capacity = capacity_of(instance_type)
        role_name = role_of_profile(instance_profile)
        instance = run_instance(instance_profile=instance_profile, instance_type=instance_type, subnet_id=subnet_id)
        instance_id = instance.instance_id
        machine = Machine(
            instance_id,
            instance_type,
            instance.zone,
            instance.private_dns_name,
            capacity,
            self._log_server.port,
        )
        state = NodeState(
            phase="pending",
            node_name=machine.name,
            node_uid="",
            vcpus=capacity.allocatable_millicpus / 1000,
            memory_mib=capacity.allocatable_memory_mib,
            reason="",
        )
        token = _RenewedToken(role_name, instance_id)
        kubelet = Kubelet(
            machine,
            labels=labels,
            taints=taints,
            api=ApiClient(self._api_url(), self._ca_file, token),
            images=NodeImages(self._puller),
            guardian=self._guardian,
            directory=self._directory / instance_id,
            joined=lambda node: self._note(instance_id, phase="joined", node_uid=node["metadata"]["uid"], reason=""),
            refused=lambda reason: self._note(instance_id, phase="refused", reason=reason),
        )
        with self._lock:
            self._nodes[instance_id] = _Node(state, kubelet)
        kubelet.start()
        return instance_id

    def state(self, instance_id: str) -> NodeState:
        """How far an instance has come.

        Raises:
            LookupError: There is no such instance, or it has been terminated.
        """
        with self._lock:
            return self._nodes[instance_id].state

    def terminate(self, instance_id: str) -> None:
        """Stop an instance: its containers are killed, its Node object and its pods vanish."""
        with self._lock:
            node = self._nodes.pop(instance_id, None)
        if node is None:
            return
        node.kubelet.stop()
        terminate_instance(instance_id)
        if node.state.phase == "joined":
            self._remove(node.state.node_name)

    def reset(self) -> None:
        """Stop all instances; what they leave in the cluster and in EC2 goes with the reset of those."""
        with self._lock:
            nodes = list(self._nodes.values())
            self._nodes.clear()
        for node in nodes:
            node.kubelet.stop()

    def _note(self, instance_id: str, **changes: Any) -> None:
        with self._lock:
            node = self._nodes.get(instance_id)
            if node is not None:
                node.state = replace(node.state, **changes)

    def _find_pod(self, namespace: str, name: str) -> Pod | None:
        with self._lock:
            kubelets = [node.kubelet for node in self._nodes.values()]
        pods = (kubelet.pod(namespace, name) for kubelet in kubelets)
        return next((pod for pod in pods if pod is not None), None)

    def _remove(self, node_name: str) -> None:
        """Delete the Node object and its pods, as the cloud controller and the pod garbage collector do."""
        api = ApiClient(self._api_url(), self._ca_file, self._admin_token())
        now = {"gracePeriodSeconds": 0}
        with contextlib.suppress(ApiError, httpx.HTTPError):
            api.delete(f"/api/v1/nodes/{node_name}", now)
            for pod in api.get("/api/v1/pods", fieldSelector=f"spec.nodeName={node_name}")["items"]:
                metadata = pod["metadata"]
                with contextlib.suppress(ApiError):
                    api.delete(f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}", now)
        api.close()


class _RenewedToken:
    """A node's EKS token, made anew before it expires."""

    def __init__(self, role_name: str, instance_id: str) -> None:
        self._role_name = role_name
        self._instance_id = instance_id
        self._lock = threading.Lock()
        self._token = ""
        self._made = 0.0

    def __call__(self) -> str:
        with self._lock:
            if not self._token or time.monotonic() - self._made > _TOKEN_SECONDS:
                try:
                    self._token = role_token(self._role_name, self._instance_id, CLUSTER_NAME)
                except RoleMissingError as error:
                    raise ApiError(401, "Unauthorized", f"no credentials from the instance profile: {error}") from None
                self._made = time.monotonic()
            return self._token
