"""The cluster's Kubernetes API as AWS Batch reaches it: by its service-linked role, with what that role may do."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import httpx

from sandbox.aws.iam import ROLE_NAME
from sandbox.eks_token import RoleMissingError, role_token
from sandbox.kubernetes.client import ApiClient, ApiError

SESSION = "aws-batch"
# Accepted for 15 minutes (aws-iam-authenticator).
_TOKEN_SECONDS = 600.0
_READ = ("get", "list", "watch")
CLUSTER_RULES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("", "namespaces", ("get",)),
    ("", "nodes", _READ),
    ("", "pods", _READ),
    ("", "configmaps", _READ),
    ("apps", "daemonsets", _READ),
    ("apps", "deployments", _READ),
    ("apps", "statefulsets", _READ),
    ("apps", "replicasets", _READ),
    ("rbac.authorization.k8s.io", "clusterroles", ("get", "list")),
    ("rbac.authorization.k8s.io", "clusterrolebindings", ("get", "list")),
)
"""The tutorial's ClusterRole. `events` [list] is on newer pages only and is not asked for."""
NAMESPACE_RULES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("", "pods", ("create", "get", "list", "watch", "delete", "patch")),
    ("", "serviceaccounts", ("get", "list")),
    ("rbac.authorization.k8s.io", "roles", ("get", "list")),
    ("rbac.authorization.k8s.io", "rolebindings", ("get", "list")),
)
"""The tutorial's Role in the compute environment's namespace."""


class Endpoint(Protocol):
    """Where the cluster's Kubernetes API is."""

    @property
    def url(self) -> str:
        """`https://HOST:PORT`."""


class ClusterAccess:
    """One cluster, seen by Batch."""

    def __init__(self, endpoint: Endpoint, ca_file: Path, cluster_name: str) -> None:
        self._endpoint = endpoint
        self._ca_file = ca_file
        self._cluster_name = cluster_name
        self._client: ApiClient | None = None
        self._token = ""
        self._expires = 0.0

    @property
    def client(self) -> ApiClient:
        """Client with a token of the service-linked role."""
        if self._client is None:
            self._client = ApiClient(self._endpoint.url, self._ca_file, self._current_token)
        return self._client

    def _current_token(self) -> str:
        if time.monotonic() >= self._expires:
            self._token = role_token(ROLE_NAME, SESSION, self._cluster_name)
            self._expires = time.monotonic() + _TOKEN_SECONDS
        return self._token

    def forget_token(self) -> None:
        """Take a new token next time: an API server may remember for a while whose the old one was."""
        self._expires = 0.0

    def refusal(self, namespace: str, *, by_entry: bool = False) -> str | None:
        """Why Batch cannot work in a namespace, or None if it can.

        It asks what a controller with these rules needs: that the identity resolves (aws-auth or an access entry), that
        the namespace can be read, and every verb of the documented rules by SelfSubjectAccessReview.

        Args:
            namespace: The compute environment's.
            by_entry: Whether Batch has an access entry. Then the rights in the namespace are not asked for: without
                them "the compute environment can still become VALID while your jobs fail to start" (User Guide,
                eks-access-entries).
        """
        self.forget_token()
        try:
            self.client.get(f"/api/v1/namespaces/{namespace}")
            in_namespace = () if by_entry else NAMESPACE_RULES
            for scope, rules in (("", CLUSTER_RULES), (namespace, in_namespace)):
                for group, resource, verbs in rules:
                    for verb in verbs:
                        if not self._allowed(scope, group, resource, verb):
                            where = f"in namespace {scope}" if scope else "in the cluster"
                            return f"{ROLE_NAME} may not {verb} {resource} {where}"
        except (ApiError, RoleMissingError, httpx.HTTPError) as error:
            return str(error)
        return None

    def _allowed(self, namespace: str, group: str, resource: str, verb: str) -> bool:
        attributes = {"group": group, "resource": resource, "verb": verb}
        if namespace:
            attributes["namespace"] = namespace
        elif resource == "namespaces":
            attributes["name"] = "*"
        review = self.client.post(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            },
        )
        return bool(review["status"].get("allowed"))

    def create_pod(self, namespace: str, pod: Mapping[str, Any]) -> None:
        """Create a job's pod."""
        self.client.post(f"/api/v1/namespaces/{namespace}/pods", dict(pod))

    def delete_pod(self, namespace: str, name: str, grace: float | None = None) -> None:
        """Delete a pod; one that is gone already is fine."""
        options = None if grace is None else {"gracePeriodSeconds": int(grace)}
        try:
            self.client.delete(f"/api/v1/namespaces/{namespace}/pods/{name}", options)
        except ApiError as error:
            if error.status != 404:
                raise

    def list_pods(self, selector: str) -> dict[str, Any]:
        """Pods of all namespaces, with the resourceVersion to watch from."""
        return self.client.get("/api/v1/pods", labelSelector=selector)

    def watch_pods(self, selector: str, version: str) -> Iterator[dict[str, Any]]:
        """Changes of pods of all namespaces."""
        return self.client.watch("/api/v1/pods", labelSelector=selector, resourceVersion=version)
