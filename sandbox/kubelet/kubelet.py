"""The agent of one node: joins the cluster and runs what is bound to the node."""

import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sandbox.guardian import Guardian
from sandbox.kubelet.capacity import Capacity
from sandbox.kubelet.events import timestamp
from sandbox.kubelet.images import NodeImages
from sandbox.kubelet.pod import Pod
from sandbox.kubernetes.client import ApiClient, ApiError
from sandbox.names import KUBERNETES_VERSION, REGION

_JOIN_RETRY_SECONDS = 0.5
_WATCH_SECONDS = 240
_WATCH_RETRY_SECONDS = 0.3
_DEFAULT_GRACE_SECONDS = 30


@dataclass(frozen=True)
class Machine:
    """The instance that a kubelet runs on.

    Attributes:
        instance_id: EC2 instance id.
        instance_type: EC2 instance type.
        zone: Availability zone.
        name: Private DNS name: the node's name.
        capacity: Its size.
        log_port: Port of the server for the containers' logs.
    """

    instance_id: str
    instance_type: str
    zone: str
    name: str
    capacity: Capacity
    log_port: int

    def node(self, labels: Mapping[str, str], taints: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        """The Node object with which it registers (kubernetes, pkg/kubelet/kubelet_node_status.go)."""
        architecture = self.capacity.architecture
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": self.name,
                "labels": {
                    "kubernetes.io/hostname": self.name,
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": architecture,
                    "node.kubernetes.io/instance-type": self.instance_type,
                    "topology.kubernetes.io/region": REGION,
                    "topology.kubernetes.io/zone": self.zone,
                    **labels,
                },
            },
            "spec": {
                "providerID": f"aws:///{self.zone}/{self.instance_id}",
                "taints": [dict(taint) for taint in taints],
            },
            "status": self._status(architecture),
        }

    def _status(self, architecture: str) -> dict[str, Any]:
        now = timestamp()
        healthy = {
            "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
        }
        # As NVIDIA's device plugin has the kubelet report them.
        gpus = {"nvidia.com/gpu": str(self.capacity.gpus)} if self.capacity.gpus else {}
        return {
            "capacity": {
                "cpu": str(self.capacity.vcpus),
                "memory": f"{self.capacity.memory_mib * 1024}Ki",
                "pods": str(self.capacity.max_pods),
                **gpus,
            },
            "allocatable": {
                "cpu": f"{self.capacity.allocatable_millicpus}m",
                "memory": f"{self.capacity.allocatable_memory_mib * 1024}Ki",
                "pods": str(self.capacity.max_pods),
                **gpus,
            },
            # The address under which the API server finds the kubelet: this machine, not the instance's.
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.log_port}},
            "conditions": [
                {
                    "type": kind,
                    "status": status,
                    "reason": reason,
                    "message": message,
                    "lastHeartbeatTime": now,
                    "lastTransitionTime": now,
                }
                for kind, (status, reason, message) in healthy.items()
            ],
            "nodeInfo": {
                "architecture": architecture,
                "bootID": "",
                "containerRuntimeVersion": "containerd://1.7.27",
                "kernelVersion": "6.12.46-66.121.amzn2023.x86_64",
                "kubeProxyVersion": "",
                "kubeletVersion": f"v{KUBERNETES_VERSION}.5-eks-113cf36",
                "machineID": self.instance_id.removeprefix("i-"),
                "operatingSystem": "linux",
                "osImage": "Amazon Linux 2023.9.20251014",
                "systemUUID": self.instance_id,
            },
        }


class Kubelet:
    """Registers the node, then keeps the pods bound to it running until it is stopped.

    Args:
        machine: The instance.
        labels: Labels of the node beside the usual ones.
        taints: Taints of the node.
        api: API server as the node's own role.
        images: The images on the node.
        guardian: Kills the containers if the sandbox dies.
        directory: Where containers run and logs are kept.
        joined: Called with the Node object once it exists.
        refused: Called with the reason whenever the API server does not let the node register.
    """

    def __init__(
        self,
        machine: Machine,
        *,
        labels: Mapping[str, str],
        taints: Sequence[Mapping[str, str]],
        api: ApiClient,
        images: NodeImages,
        guardian: Guardian,
        directory: Path,
        joined: Callable[[Mapping[str, Any]], None],
        refused: Callable[[str], None],
    ) -> None:
        self._machine = machine
        self._node = machine.node(labels, taints)
        self._api = api
        self._images = images
        self._guardian = guardian
        self._directory = directory
        self._joined = joined
        self._refused = refused
        self._pods: dict[str, tuple[str, Pod]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"kubelet {machine.name}", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Kill all containers and stop."""
        self._stopped.set()
        with self._lock:
            pods = [pod for _, pod in self._pods.values()]
            self._pods.clear()
        for pod in pods:
            pod.drop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def pod(self, namespace: str, name: str) -> Pod | None:
        """A pod of this node."""
        with self._lock:
            return next((pod for key, pod in self._pods.values() if key == f"{namespace}/{name}"), None)

    def _run(self) -> None:
        if self._register():
            while not self._stopped.is_set():
                try:
                    self._sync()
                except (ApiError, httpx.HTTPError):
                    self._stopped.wait(_WATCH_RETRY_SECONDS)
        self._api.close()

    def _register(self) -> bool:
        """Create the Node object; who is refused tries again and again, as a kubelet does."""
        while not self._stopped.is_set():
            try:
                self._joined(self._create())
            except ApiError as error:
                self._refused(str(error))
            except httpx.HTTPError as error:
                self._refused(f"the API server cannot be reached: {error}")
            else:
                return True
            self._stopped.wait(_JOIN_RETRY_SECONDS)
        return False

    def _create(self) -> dict[str, Any]:
        try:
            return self._api.post("/api/v1/nodes", self._node)
        except ApiError as error:
            if error.status != 409:
                raise
            return self._api.get(f"/api/v1/nodes/{self._machine.name}")

    def _sync(self) -> None:
        """List the node's pods, then watch them until the stream ends."""
        mine = f"spec.nodeName={self._machine.name}"
        listed = self._api.get("/api/v1/pods", fieldSelector=mine)
        present = {pod["metadata"]["uid"]: pod for pod in listed["items"]}
        with self._lock:
            gone = [uid for uid in self._pods if uid not in present]
        for uid in gone:
            self._forget(uid)
        for pod in present.values():
            self._update(pod)
        version = listed["metadata"]["resourceVersion"]
        events = self._api.watch(
            "/api/v1/pods", fieldSelector=mine, resourceVersion=version, timeoutSeconds=str(_WATCH_SECONDS)
        )
        begun = time.monotonic()
        for event in events:
            if self._stopped.is_set():
                return
            if event["type"] == "DELETED":
                self._forget(event["object"]["metadata"]["uid"])
            elif event["type"] in ("ADDED", "MODIFIED"):
                self._update(event["object"])
        if time.monotonic() - begun < _WATCH_RETRY_SECONDS:
            self._stopped.wait(_WATCH_RETRY_SECONDS)

    def _update(self, document: Mapping[str, Any]) -> None:
        metadata = document["metadata"]
        deleting = "deletionTimestamp" in metadata
        with self._lock:
            _, pod = self._pods.get(metadata["uid"], ("", None))
            if pod is None:
                if self._stopped.is_set() or document["status"].get("phase") in ("Succeeded", "Failed"):
                    return
                pod = Pod(
                    document,
                    api=self._api,
                    images=self._images,
                    guardian=self._guardian,
                    node_name=self._machine.name,
                    host_ip="127.0.0.1",
                    directory=self._directory / metadata["uid"],
                )
                self._pods[metadata["uid"]] = (f"{metadata['namespace']}/{metadata['name']}", pod)
                pod.start()
        if deleting:
            pod.delete(metadata.get("deletionGracePeriodSeconds", _DEFAULT_GRACE_SECONDS))

    def _forget(self, uid: str) -> None:
        with self._lock:
            _, pod = self._pods.pop(uid, ("", None))
        if pod is not None:
            pod.drop()
            shutil.rmtree(self._directory / uid, ignore_errors=True)
