"""Pods that no cluster knows of: a process each, told of as a watch of the cluster would tell of a pod."""

import contextlib
import os
import signal
import subprocess
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sandbox.guardian import Guardian
from sandbox.kubelet.command import command_of
from sandbox.kubelet.events import timestamp
from sandbox.kubelet.pod_status import terminated
from sandbox.registries.image_pull import ImageConfig

_NO_IMAGE = ImageConfig(entrypoint=[], cmd=[], env=[], working_dir="", digest="")


class OutsidePods:
    """Runs the first container of each pod; see the setting `pods_outside_cluster`.

    Args:
        guardian: Kills the processes should the sandbox die.
        directory: Where they run.
        changed: Called with MODIFIED or DELETED and the pod.
    """

    def __init__(self, guardian: Guardian, directory: Path, changed: Callable[[str, Mapping[str, Any]], None]) -> None:
        self._guardian = guardian
        self._directory = directory
        self._changed = changed
        # None once the process has ended.
        self._processes: dict[str, int | None] = {}
        self._lock = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._processes

    def create(self, pod: Mapping[str, Any]) -> None:
        """Start a pod."""
        name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]
        command = command_of(container, _NO_IMAGE, self._directory)
        process = subprocess.Popen(
            command.argv,
            cwd=self._directory,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._guardian.watch(process.pid)
        with self._lock:
            self._processes[name] = process.pid
        threading.Thread(target=self._follow, args=(name, container["name"], process), daemon=True).start()

    def delete(self, name: str) -> None:
        """Kill a pod that still runs, and let it be gone."""
        with self._lock:
            group = self._processes.get(name)
            if group is not None:
                _kill(group)
                return
            self._processes.pop(name, None)
        self._tell("DELETED", name, {})

    def reset(self) -> None:
        """Kill all and tell of nothing."""
        with self._lock:
            groups = [group for group in self._processes.values() if group is not None]
            self._processes.clear()
        for group in groups:
            _kill(group)

    def _follow(self, name: str, container: str, process: "subprocess.Popen[bytes]") -> None:
        container_id, started = f"containerd://{uuid.uuid4().hex}{uuid.uuid4().hex}", timestamp()
        self._tell("MODIFIED", name, {"phase": "Running"})
        code = process.wait()
        _kill(process.pid)
        self._guardian.forget(process.pid)
        with self._lock:
            if name not in self._processes:
                return
            self._processes[name] = None
        # 128 + signal, as a container runtime tells it.
        ended = terminated(code if code >= 0 else 128 - code, container_id, started=started)
        status = {"name": container, "containerID": container_id, "state": ended}
        phase = "Failed" if code else "Succeeded"
        self._tell("MODIFIED", name, {"phase": phase, "containerStatuses": [status]})

    def _tell(self, kind: str, name: str, status: Mapping[str, Any]) -> None:
        self._changed(kind, {"metadata": {"name": name}, "status": status})


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
