"""Events as a kubelet records them."""

import contextlib
import datetime
import uuid
from collections.abc import Mapping
from threading import Lock
from typing import Any, Literal

import httpx

from sandbox.kubernetes.client import ApiClient, ApiError


class EventRecorder:
    """Records events about one pod.

    An event that repeats is not written again: its count goes up (client-go, tools/record/events_cache.go).
    """

    def __init__(self, api: ApiClient, pod: Mapping[str, Any], node_name: str) -> None:
        self._api = api
        metadata = pod["metadata"]
        self._namespace = metadata["namespace"]
        self._about = {
            "kind": "Pod",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "apiVersion": "v1",
            "resourceVersion": metadata["resourceVersion"],
        }
        self._source = {"component": "kubelet", "host": node_name}
        self._seen: dict[tuple[str, str, str], tuple[str, int]] = {}
        self._lock = Lock()

    def record(self, kind: Literal["Normal", "Warning"], reason: str, message: str, container: str = "") -> None:
        """Record an event; one that the API server does not take is lost, as a kubelet's is.

        Args:
            kind: The event's type.
            reason: Such as `Pulled`.
            message: For people.
            container: Name of the container that it is about.
        """
        path = f"/api/v1/namespaces/{self._namespace}/events"
        now = timestamp()
        with self._lock, contextlib.suppress(ApiError, httpx.HTTPError):
            name, count = self._seen.get((reason, message, container), ("", 0))
            if name:
                self._api.patch(f"{path}/{name}", {"count": count + 1, "lastTimestamp": now})
            else:
                name = f"{self._about['name']}.{uuid.uuid4().hex[:16]}"
                about = dict(self._about)
                if container:
                    about["fieldPath"] = f"spec.containers{{{container}}}"
                self._api.post(
                    path,
                    {
                        "apiVersion": "v1",
                        "kind": "Event",
                        "metadata": {"name": name, "namespace": self._namespace},
                        "involvedObject": about,
                        "reason": reason,
                        "message": message,
                        "source": self._source,
                        "reportingComponent": "kubelet",
                        "reportingInstance": self._source["host"],
                        "firstTimestamp": now,
                        "lastTimestamp": now,
                        "count": 1,
                        "type": kind,
                    },
                )
            self._seen[reason, message, container] = (name, count + 1)


def timestamp() -> str:
    """Now, as Kubernetes writes times."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
