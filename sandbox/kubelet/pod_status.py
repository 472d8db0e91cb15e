"""A pod's status as a kubelet writes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.kubelet.events import timestamp


@dataclass
class ContainerState:
    """What has become of a container.

    Attributes:
        name: Its name.
        image: Its image as the pod names it.
        state: `{"waiting": ...}`, `{"running": ...}` or `{"terminated": ...}` as in `ContainerStatus.state`.
        image_id: Repository and digest once the image is there.
        container_id: `containerd://...` once it has been created.
    """

    name: str
    image: str
    state: dict[str, dict[str, Any]]
    image_id: str = ""
    container_id: str = ""

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return "running" in self.state

    @property
    def exit_code(self) -> int | None:
        """Exit code once it has ended."""
        code: int | None = self.state.get("terminated", {}).get("exitCode")
        return code

    def document(self, *, init: bool) -> dict[str, Any]:
        """The entry in `containerStatuses` or `initContainerStatuses`."""
        document: dict[str, Any] = {
            "name": self.name,
            "image": self.image,
            "imageID": self.image_id,
            "state": self.state,
            "lastState": {},
            "ready": self.exit_code == 0 if init else self.running,
            "started": self.running,
            "restartCount": 0,
        }
        if self.container_id:
            document["containerID"] = self.container_id
        return document


@dataclass
class PodStatus:
    """The status of a pod whose containers are not restarted (`restartPolicy: Never`)."""

    init_containers: Sequence[ContainerState]
    containers: Sequence[ContainerState]
    host_ip: str
    started: str = field(default_factory=timestamp)
    _since: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def initialized(self) -> bool:
        """Whether all init containers have succeeded."""
        return all(container.exit_code == 0 for container in self.init_containers)

    @property
    def phase(self) -> str:
        """The pod's phase (kubernetes, pkg/kubelet/kubelet_pods.go, `getPhase`)."""
        if any(container.exit_code for container in self.init_containers):
            return "Failed"
        if not self.initialized or any("waiting" in container.state for container in self.containers):
            return "Pending"
        if any(container.running for container in self.containers):
            return "Running"
        return "Failed" if any(container.exit_code for container in self.containers) else "Succeeded"

    def document(self) -> dict[str, Any]:
        """The status as it is written to the API server."""
        document: dict[str, Any] = {
            "phase": self.phase,
            "conditions": self._conditions(),
            "hostIP": self.host_ip,
            "hostIPs": [{"ip": self.host_ip}],
            "podIP": self.host_ip,
            "podIPs": [{"ip": self.host_ip}],
            "startTime": self.started,
            "qosClass": "Burstable",
            "containerStatuses": [container.document(init=False) for container in self.containers],
        }
        if self.init_containers:
            statuses = [container.document(init=True) for container in self.init_containers]
            document["initContainerStatuses"] = statuses
        return document

    def _conditions(self) -> list[dict[str, Any]]:
        """Conditions with their reasons (kubernetes, pkg/kubelet/status/generate.go)."""
        ended = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(self.phase, "")
        unready = [container.name for container in self.containers if not container.running]
        uninitialized = [container.name for container in self.init_containers if container.exit_code != 0]
        ready: tuple[str, str, str] = ("True", "", "")
        if ended:
            ready = ("False", ended, "")
        elif unready:
            ready = ("False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
        initialized: tuple[str, str, str] = ("True", "PodCompleted" if self.phase == "Succeeded" else "", "")
        if uninitialized:
            names = " ".join(uninitialized)
            initialized = ("False", "ContainersNotInitialized", f"containers with incomplete status: [{names}]")
        return [
            self._condition("PodReadyToStartContainers", "False" if ended else "True", "", ""),
            self._condition("Initialized", *initialized),
            self._condition("Ready", *ready),
            self._condition("ContainersReady", *ready),
            self._condition("PodScheduled", "True", "", ""),
        ]

    def _condition(self, kind: str, status: str, reason: str, message: str) -> dict[str, Any]:
        before, since = self._since.get(kind, ("", ""))
        if before != status:
            since = timestamp()
            self._since[kind] = (status, since)
        condition: dict[str, Any] = {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": since}
        if reason:
            condition["reason"] = reason
        if message:
            condition["message"] = message
        return condition


def waiting(reason: str, message: str = "") -> dict[str, dict[str, Any]]:
    """State of a container that has not started."""
    return {"waiting": {"reason": reason, "message": message} if message else {"reason": reason}}


def terminated(
    code: int, container_id: str, *, started: str, reason: str = "", message: str = ""
) -> dict[str, dict[str, Any]]:
    """State of a container that has ended; `Completed` or `Error` unless another reason is given."""
    state: Mapping[str, Any] = {
        "exitCode": code,
        "reason": reason or ("Error" if code else "Completed"),
        "startedAt": started,
        "finishedAt": timestamp(),
        "containerID": container_id,
    }
    return {"terminated": {**state, "message": message} if message else dict(state)}
