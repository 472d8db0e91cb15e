"""Follows the pods of the cluster, through whatever happens to the connection."""

import threading
import traceback
from typing import Any, Protocol

import httpx

from sandbox.aws.batch.cluster_access import ClusterAccess
from sandbox.aws.batch.pods import JOB_LABEL
from sandbox.eks_token import RoleMissingError
from sandbox.kubernetes.client import ApiError

_RETRY = 0.5


class Listener(Protocol):
    """Who wants to know of pods."""

    def known_pods(self) -> set[str]:
        """Names of the pods that it knows to exist."""

    def pods_listed(self, known: set[str], listed: list[Any]) -> None:
        """All pods as they are; `known` are those that it knew just before."""

    def pod_changed(self, kind: str, pod: Any) -> None:
        """A change of one."""


class PodWatch:
    """Lists Batch's pods, then watches them from there; lists again when the watch breaks."""

    def __init__(self, access: ClusterAccess, listener: Listener) -> None:
        self._access = access
        self._listener = listener
        self._stopping = threading.Event()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; it waits until there is something to watch."""
        self._thread = threading.Thread(target=self._run, name="batch-pods", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a watch that is open ends with the API server."""
        self._stopping.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(timeout=0.2)

    def want(self) -> None:
        """Watch from now on: without a queue there is nothing to see, and mostly no right to look."""
        self._wanted.set()

    def pause(self) -> None:
        """Do not look again until there is something to watch."""
        self._wanted.clear()

    def _run(self) -> None:
        while self._wanted.wait() and not self._stopping.is_set():
            try:
                known = self._listener.known_pods()
                pods = self._access.list_pods(JOB_LABEL)
                self._listener.pods_listed(known, pods["items"])
                for event in self._access.watch_pods(JOB_LABEL, pods["metadata"]["resourceVersion"]):
                    self._listener.pod_changed(event["type"], event["object"])
                    if self._stopping.is_set():
                        return
            except (ApiError, RoleMissingError, httpx.HTTPError):
                # Refused or cut off: the jobs show no progress until access is back.
                self._stopping.wait(_RETRY)
            except Exception:
                # One defect must not make Batch blind for ever.
                traceback.print_exc()
                self._stopping.wait(_RETRY)
