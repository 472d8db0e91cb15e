"""One pod on a node, from its binding to its end."""

import contextlib
import signal
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from sandbox.guardian import Guardian
from sandbox.kubelet.command import command_of
from sandbox.kubelet.container_log import ContainerLog
from sandbox.kubelet.events import EventRecorder, timestamp
from sandbox.kubelet.images import InvalidImageError, NodeImages, NotPresentError
from sandbox.kubelet.pod_status import ContainerState, PodStatus, terminated, waiting
from sandbox.kubelet.process import ContainerProcess, StartError
from sandbox.kubernetes.client import ApiClient, ApiError
from sandbox.kubernetes.quantity import quantity_value
from sandbox.registries.image_pull import ImageConfig, PullError

# A kubelet backs off from 10 s to 5 minutes; here it does so ten times as fast.
_FIRST_BACK_OFF = 1.0
_LONGEST_BACK_OFF = 30.0
_STATUS_RETRY_SECONDS = 0.5
_NEVER_STARTED = "1970-01-01T00:00:00Z"


class Pod:
    """Pulls the images of a pod, runs its containers, and reports.

    Init containers run one after the other, the others at the same time. Nothing is restarted: the pods of AWS Batch
    have `restartPolicy: Never`. The programs run on this machine, not in the image, in a directory of the container's
    own; volumes are accepted and mounted nowhere.
    """

    def __init__(
        self,
        pod: Mapping[str, Any],
        *,
        api: ApiClient,
        images: NodeImages,
        guardian: Guardian,
        node_name: str,
        host_ip: str,
        directory: Path,
    ) -> None:
        self.uid: str = pod["metadata"]["uid"]
        self._path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        self._api = api
        self._images = images
        self._guardian = guardian
        self._directory = directory
        self._events = EventRecorder(api, pod, node_name)
        self._specs: dict[str, Mapping[str, Any]] = {}
        init = [self._container(spec, "PodInitializing") for spec in pod["spec"].get("initContainers") or []]
        reason = "PodInitializing" if init else "ContainerCreating"
        main = [self._container(spec, reason) for spec in pod["spec"]["containers"]]
        self._status = PodStatus(init, main, host_ip)
        self._logs: dict[str, ContainerLog] = {}
        self._processes: dict[str, ContainerProcess] = {}
        self._lock = threading.RLock()
        self._ending = threading.Event()
        self._ended = threading.Event()
        self._dropped = False
        self._thread = threading.Thread(target=self._run, name=f"pod {self._path}", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of the pod's own."""
        self._thread.start()

    def delete(self, grace_seconds: float) -> None:
        """Stop the containers as a deletion asks for it, then take the pod out of the API server.

        Args:
            grace_seconds: Between SIGTERM and SIGKILL.
        """
        if not self._ending.is_set():
            threading.Thread(target=self._delete, args=(grace_seconds,), daemon=True).start()

    def drop(self) -> None:
        """Kill the containers and report nothing: the pod or the node is gone."""
        self._dropped = True
        self._ending.set()
        self._signal(signal.SIGKILL)

    def log(self, container: str) -> ContainerLog | None:
        """Log of a container, None if it has not started yet.

        Raises:
            KeyError: The pod has no such container.
        """
        if container not in self._specs:
            raise KeyError(container)
        return self._logs.get(container)

    def waiting_reason(self, container: str) -> str:
        """Why a container has not started; empty if it has."""
        states = (*self._status.init_containers, *self._status.containers)
        state = next(each.state for each in states if each.name == container)
        return str(state.get("waiting", {}).get("reason", ""))

    def _container(self, spec: Mapping[str, Any], reason: str) -> ContainerState:
        self._specs[spec["name"]] = spec
        return ContainerState(spec["name"], spec["image"], waiting(reason))

    def _run(self) -> None:
        self._report()
        for container in self._status.init_containers:
            self._run_container(container)
            if container.exit_code != 0:
                self._ended.set()
                return
        threads = [
            threading.Thread(target=self._run_container, args=(container,), daemon=True)
            for container in self._status.containers[1:]
        ]
        for thread in threads:
            thread.start()
        self._run_container(self._status.containers[0])
        for thread in threads:
            thread.join()
        self._ended.set()

    def _run_container(self, container: ContainerState) -> None:
        image = self._pull(container)
        if image is None:
            return
        spec = self._specs[container.name]
        container.image_id = _image_id(container.image, image.digest)
        command = command_of(spec, image, self._directory / container.name / "root")
        if not command.argv:
            self._events.record("Warning", "Failed", "Error: no command specified", container.name)
            self._set(container, waiting("CreateContainerError", "no command specified"))
            self._ending.wait()
            return
        container.container_id = f"containerd://{uuid.uuid4().hex}{uuid.uuid4().hex}"
        self._events.record("Normal", "Created", f"Created container: {container.name}", container.name)
        log = ContainerLog(self._directory / container.name / "0.log")
        try:
            with self._lock:
                if self._ending.is_set():
                    log.close()
                    return
                process = ContainerProcess(command, log, self._guardian, _memory_limit(spec))
                self._processes[container.name] = process
                self._logs[container.name] = log
        except StartError as error:
            self._logs[container.name] = log
            self._events.record("Warning", "Failed", f"Error: {error}", container.name)
            ended = terminated(
                128, container.container_id, started=_NEVER_STARTED, reason="StartError", message=str(error)
            )
            self._set(container, ended)
            return
        started = timestamp()
        self._set(container, {"running": {"startedAt": started}})
        self._events.record("Normal", "Started", f"Started container {container.name}", container.name)
        code = process.wait()
        with self._lock:
            del self._processes[container.name]
        # The kubelet's word for it (kubernetes, pkg/kubelet/kuberuntime: the runtime's reason is passed on).
        reason = "OOMKilled" if process.out_of_memory else ""
        self._set(container, terminated(code, container.container_id, started=started, reason=reason))

    def _pull(self, container: ContainerState) -> ImageConfig | None:
        """Get the image, for as long as it takes; None once the pod is being ended."""
        delay = _FIRST_BACK_OFF
        image, name = container.image, container.name
        policy = self._specs[name].get("imagePullPolicy", "")

        def record(reason: str, message: str) -> None:
            self._events.record("Normal", reason, message, name)

        while not self._ending.is_set():
            try:
                return self._images.get(image, policy, record)
            except InvalidImageError as error:
                self._events.record("Warning", "InspectFailed", str(error), name)
                self._fail(container, "InvalidImageName", str(error))
            except NotPresentError as error:
                self._fail(container, "ErrImageNeverPull", str(error))
            except PullError as error:
                self._events.record("Warning", "Failed", str(error), name)
                cause = str(error).removeprefix(f'Failed to pull image "{image}": ')
                self._fail(container, "ErrImagePull", cause)
                if self._ending.wait(delay / 2):
                    break
                self._events.record("Normal", "BackOff", f'Back-off pulling image "{image}"', name)
                self._fail(container, "ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {cause}')
            self._ending.wait(delay)
            delay = min(2 * delay, _LONGEST_BACK_OFF)
        return None

    def _fail(self, container: ContainerState, reason: str, message: str) -> None:
        """A container that has to wait, with the event that tells the reason."""
        self._events.record("Warning", "Failed", f"Error: {reason}", container.name)
        self._set(container, waiting(reason, message))

    def _delete(self, grace_seconds: float) -> None:
        with self._lock:
            if self._ending.is_set():
                return
            self._ending.set()
            running = list(self._processes)
        for name in running:
            self._events.record("Normal", "Killing", f"Stopping container {name}", name)
        self._signal(signal.SIGTERM)
        if not self._ended.wait(grace_seconds):
            self._signal(signal.SIGKILL)
            self._ended.wait()
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.uid}}
        with contextlib.suppress(ApiError, httpx.HTTPError):
            self._api.delete(self._path, body)

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            for process in self._processes.values():
                process.signal(number)

    def _set(self, container: ContainerState, state: dict[str, dict[str, Any]]) -> None:
        with self._lock:
            container.state = state
            self._report()

    def _report(self) -> None:
        """Write the status; an API server that cannot take it now is asked again, as a kubelet does."""
        with self._lock:
            while not self._dropped:
                try:
                    self._api.patch(f"{self._path}/status", {"status": self._status.document()})
                except ApiError as error:
                    if error.status < 500 and error.status != 429:
                        return
                except httpx.HTTPError:
                    pass
                else:
                    return
                threading.Event().wait(_STATUS_RETRY_SECONDS)


def _memory_limit(spec: Mapping[str, Any]) -> int | None:
    limit = (spec.get("resources") or {}).get("limits", {}).get("memory")
    return None if limit is None else int(quantity_value(str(limit)))


def _image_id(image: str, digest: str) -> str:
    """Repository and digest, without the tag."""
    repository = image.partition("@")[0]
    host, slash, name = repository.rpartition("/")
    return f"{host}{slash}{name.partition(':')[0]}@{digest}"
