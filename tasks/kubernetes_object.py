"""A Kubernetes object as a resource to reconcile, through the official client's typed APIs."""

import re
from collections.abc import Mapping
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from blocks.kubernetes_errors import status_message, status_reason
from blocks.operation_error import OperationError
from tasks.outcome import Action, Change
from tasks.ownership import has_kubernetes_mark, left_out_metadata, with_kubernetes_marks
from tasks.reconcile import Resource


class KubernetesObject(Resource):
    """One object, wanted as a manifest.

    Args:
        api: The typed API that serves its kind, such as `cluster.core_v1`.
        manifest: The document that `kubectl apply` takes.
        immutable: Top-level fields that no update may change; the object is then replaced (RBAC's `roleRef`:
            https://kubernetes.io/docs/reference/access-authn-authz/rbac/#clusterrolebinding-example).
    """

    def __init__(self, api: Any, manifest: Mapping[str, Any], *, immutable: frozenset[str] = frozenset()) -> None:
        super().__init__(str(manifest["metadata"]["name"]))
        self.step = _words(str(manifest["kind"]))
        self._api = api
        self._manifest = manifest
        self._immutable = immutable
        self._namespace: str | None = manifest["metadata"].get("namespace")

    def observe(self) -> dict[str, Any] | None:
        """The object as the API server holds it.

        Raises:
            OperationError: If it is being deleted; that ends by itself.
        """
        observed = self.read()
        if observed and observed["metadata"].get("deletionTimestamp"):
            raise OperationError(
                f"{self.step} {self.name}",
                "it is being deleted",
                "a deletion is still under way, or a finalizer of it never ends",
                "wait; if it stays, look at its finalizers with kubectl get -o yaml",
                can_heal=True,
            )
        return observed

    def read(self) -> dict[str, Any] | None:
        """The object as the API server holds it, also while it is being deleted."""
        try:
            found = self._call("read", self.name)
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        observed: dict[str, Any] = client.ApiClient().sanitize_for_serialization(found)
        return observed

    def delete(self, options: client.V1DeleteOptions) -> None:
        """Delete it on these conditions."""
        self._call("delete", self.name, body=options)

    def wanted(self, *, marked: bool) -> dict[str, Any]:
        """The manifest, with our marks if asked for."""
        return with_kubernetes_marks(self._manifest) if marked else dict(self._manifest)

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether it carries our label."""
        return has_kubernetes_mark(observed)

    def create(self) -> None:
        """Make it; losing a race to another maker heals by reading again."""
        self._create()

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Replace its content as of the version read, or the whole object where a field cannot be changed."""
        if self._must_be_replaced(changes):
            metadata = observed["metadata"]
            seen = client.V1Preconditions(uid=metadata["uid"], resource_version=metadata["resourceVersion"])
            self.delete(client.V1DeleteOptions(preconditions=seen))
            self._create()
            return "replaced"
        self._call("replace", self.name, body=self._brought_in_line(observed))
        return "updated"

    def rehearse(self, observed: Mapping[str, Any] | None, changes: list[Change]) -> Action:
        """A dry run on the server: admission, validation and rights are checked, nothing is kept.

        Of a replacement the deletion is tried; a creation beside what is still there would be refused.
        """
        if observed is None:
            try:
                self._create(dry_run="All")
            except ApiException as error:
                # Planned on an empty cluster: the namespace would have been created before.
                if not (error.status == 404 and status_message(error) == f'namespaces "{self._namespace}" not found'):
                    raise
            return "created"
        if self._must_be_replaced(changes):
            self.delete(client.V1DeleteOptions(dry_run=["All"]))
            return "replaced"
        self._call("replace", self.name, body=self._brought_in_line(observed), dry_run="All")
        return "updated"

    def leftovers(self, observed: Mapping[str, Any]) -> list[Change]:
        """Labels and annotations that an earlier manifest set; what others added stays."""
        metadata = observed["metadata"]
        return [
            Change(field=f"metadata.{section}.{key}", observed=metadata[section][key])
            for section, key in left_out_metadata(self._manifest, observed)
        ]

    def _brought_in_line(self, observed: Mapping[str, Any]) -> dict[str, Any]:
        result = merged(observed, self.wanted(marked=True))
        for section, key in left_out_metadata(self._manifest, observed):
            del result["metadata"][section][key]
        return result

    def _must_be_replaced(self, changes: list[Change]) -> bool:
        return any(re.split(r"[.\[]", change.field)[0] in self._immutable for change in changes)

    def _create(self, **options: str) -> None:
        try:
            self._call("create", body=self.wanted(marked=True), **options)
        except ApiException as error:
            if status_reason(error) != "AlreadyExists":
                raise
            raise OperationError(
                f"{self.step} {self.name}",
                status_message(error),
                "somebody else made it at the same moment",
                "wait: the step reads it anew",
                can_heal=True,
            ) from error

    def _call(self, verb: str, *names: str, **options: Any) -> Any:
        kind = self.step.replace(" ", "_")
        if self._namespace is None:
            return getattr(self._api, f"{verb}_{kind}")(*names, **options)
        return getattr(self._api, f"{verb}_namespaced_{kind}")(*names, self._namespace, **options)


def merged(observed: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The observed object with what is wanted laid over it: maps are joined, lists and values replaced."""
    result = dict(observed)
    for key, value in wanted.items():
        inside = result.get(key)
        if isinstance(value, Mapping) and isinstance(inside, Mapping):
            result[key] = merged(inside, value)
        else:
            result[key] = value
    return result


def _words(kind: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", kind).lower()
