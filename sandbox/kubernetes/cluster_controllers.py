"""What a bare kube-apiserver lacks and every cluster has: the small part of a controller manager that users notice."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from sandbox.kubernetes.client import ApiClient, ApiError
from sandbox.kubernetes.role_aggregation import aggregated_rules

_LOG = logging.getLogger(__name__)
_RETRY_DELAY = 0.2
_CLUSTER_ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
_ROOTS = ("/api/v1", "/apis/apps/v1", "/apis/rbac.authorization.k8s.io/v1", "/apis/events.k8s.io/v1")
_MORE_ROOTS = ("/apis/batch/v1", "/apis/coordination.k8s.io/v1", "/apis/networking.k8s.io/v1", "/apis/policy/v1beta1")


class ClusterControllers:
    """Default service accounts, deletion of namespaces, aggregated cluster roles.

    Args:
        client: A client with all rights.
    """

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._collections: list[tuple[str, str]] = []

    def start(self) -> None:
        """Bring the cluster into order, then follow it."""
        self._collections = self._deletable()
        for namespace in self._client.get("/api/v1/namespaces")["items"]:
            self._ensure_account(namespace["metadata"]["name"])
        self._aggregate()
        for follow in (self._follow_namespaces, self._follow_accounts, self._follow_roles):
            thread = threading.Thread(target=self._repeat, args=(follow,), name=follow.__name__.strip("_"), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop following. The watches end with the API server's connections, so stop that next."""
        self._stopping.set()

    def _repeat(self, follow: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                follow()
            except (ApiError, httpx.HTTPError) as error:
                _LOG.debug("watching again: %s", error)
                self._stopping.wait(_RETRY_DELAY)

    def _follow_namespaces(self) -> None:
        listed = self._client.get("/api/v1/namespaces")
        for namespace in listed["items"]:
            self._bring_in_order(namespace)
        since = listed["metadata"]["resourceVersion"]
        for event in self._client.watch("/api/v1/namespaces", resourceVersion=since):
            if event["type"] != "DELETED":
                self._bring_in_order(event["object"])

    def _follow_accounts(self) -> None:
        path, default = "/api/v1/serviceaccounts", "metadata.name=default"
        since = self._client.get(path, fieldSelector=default)["metadata"]["resourceVersion"]
        for event in self._client.watch(path, fieldSelector=default, resourceVersion=since):
            if event["type"] == "DELETED":
                self._bring_in_order(self._client.get(f"/api/v1/namespaces/{event['object']['metadata']['namespace']}"))

    def _follow_roles(self) -> None:
        listed = self._client.get(_CLUSTER_ROLES)
        self._aggregate()
        for _ in self._client.watch(_CLUSTER_ROLES, resourceVersion=listed["metadata"]["resourceVersion"]):
            self._aggregate()

    def _bring_in_order(self, namespace: dict[str, Any]) -> None:
        name = namespace["metadata"]["name"]
        try:
            if "deletionTimestamp" in namespace["metadata"]:
                self._finalize(namespace)
            else:
                self._ensure_account(name)
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    def _ensure_account(self, namespace: str) -> None:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        try:
            self._client.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
        except ApiError as error:
            if error.status not in (403, 404, 409):
                raise

    def _finalize(self, namespace: dict[str, Any]) -> None:
        """Delete all contents, then let go of the namespace once nothing is left."""
        name = namespace["metadata"]["name"]
        if "kubernetes" not in (namespace["spec"].get("finalizers") or []):
            return
        for root, plural in self._collections:
            self._client.delete(f"{root}/namespaces/{name}/{plural}")
        left = [
            plural
            for root, plural in self._collections
            if self._client.get(f"{root}/namespaces/{name}/{plural}")["items"]
        ]
        if left:
            threading.Thread(target=self._again, args=(name,), daemon=True).start()
            return
        others = [finalizer for finalizer in namespace["spec"]["finalizers"] if finalizer != "kubernetes"]
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {"finalizers": others}}
        self._client.put(f"/api/v1/namespaces/{name}/finalize", body)

    def _again(self, name: str) -> None:
        time.sleep(_RETRY_DELAY)
        if self._stopping.is_set():
            return
        try:
            self._bring_in_order(self._client.get(f"/api/v1/namespaces/{name}"))
        except (ApiError, httpx.HTTPError) as error:
            _LOG.debug("namespace %s: %s", name, error)

    def _aggregate(self) -> None:
        roles = self._client.get(_CLUSTER_ROLES)["items"]
        # In this order, since admin selects what edit is given, and edit what view is.
        for role in sorted(roles, key=lambda role: ("view", "edit", "admin", "").index(_rank(role))):
            if role.get("aggregationRule") and (rules := aggregated_rules(role, roles)) != (role.get("rules") or []):
                role["rules"] = rules
                path = f"{_CLUSTER_ROLES}/{role['metadata']['name']}"
                self._client.put(path, {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", **role})

    def _deletable(self) -> list[tuple[str, str]]:
        """The namespaced resources that can be deleted as a collection."""
        found: list[tuple[str, str]] = []
        for root in (*_ROOTS, *_MORE_ROOTS):
            try:
                resources = self._client.get(root)["resources"]
            except ApiError:
                continue
            found += [
                (root, resource["name"])
                for resource in resources
                if resource["namespaced"] and "deletecollection" in resource["verbs"]
            ]
        return found


def _rank(role: dict[str, Any]) -> str:
    name = role["metadata"]["name"]
    return name if name in ("view", "edit", "admin") else ""
