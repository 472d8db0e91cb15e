"""What must be true beside the object itself: namespace, service account, the author's permissions.

The plugins played are NamespaceLifecycle, ServiceAccount, Priority and DefaultTolerationSeconds; RBAC's escalation
check is here too.
"""

from typing import Any

from sandbox.kubernetes.defaults import admit_pod
from sandbox.kubernetes.identity import User
from sandbox.kubernetes.namespace_lifecycle import IMMORTAL
from sandbox.kubernetes.rbac_authorizer import RbacAuthorizer
from sandbox.kubernetes.resources import NAMESPACES, SERVICE_ACCOUNTS, Resource
from sandbox.kubernetes.role_aggregation import CLUSTER_ROLES, aggregate_roles
from sandbox.kubernetes.status_error import StatusError, forbidden, not_found
from sandbox.kubernetes.store import Store

Document = dict[str, Any]

_RBAC = "rbac.authorization.k8s.io"


class Admission:
    """Checks and completes writes."""

    def __init__(self, store: Store, rbac: RbacAuthorizer) -> None:
        self._store = store
        self._rbac = rbac

    def check_namespace(self, resource: Resource, namespace: str) -> None:
        """Refuse objects in a namespace that does not exist.

        Raises:
            StatusError: 404.
        """
        if resource.namespaced and self._store.get(NAMESPACES, "", namespace) is None:
            raise not_found(NAMESPACES, namespace)

    def admit(self, resource: Resource, document: Document) -> None:
        """Complete a new object, and refuse it where the cluster's state forbids it.

        Raises:
            StatusError: 403.
        """
        name = document["metadata"].get("name", "")
        namespace = document["metadata"].get("namespace", "")
        if resource.namespaced:
            home = self._store.get(NAMESPACES, "", namespace)
            if home is not None and "deletionTimestamp" in home["metadata"]:
                raise _terminating(resource, name, namespace)
        if resource.plural != "pods":
            return
        account = document["spec"].get("serviceAccountName") or document["spec"].get("serviceAccount") or "default"
        if self._store.get(SERVICE_ACCOUNTS, namespace, account) is None:
            text = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
            raise forbidden(resource, name, text)
        admit_pod(document)

    def check_namespace_deletion(self, name: str) -> None:
        """Refuse to delete the system's namespaces.

        Raises:
            StatusError: 403.
        """
        if name in IMMORTAL:
            raise forbidden(NAMESPACES, name, "this namespace may not be deleted")

    def check_escalation(self, resource: Resource, before: Document | None, after: Document, user: User) -> None:
        """Refuse roles and bindings that give more than their author has.

        Raises:
            StatusError: 403, or 404 for a role that does not exist.
        """
        if resource.group != _RBAC or (before is not None and not _grants_change(before, after)):
            return
        self._rbac.check_escalation(user, resource, after)

    def written(self, resource: Resource) -> None:
        """Play the controllers that follow a write."""
        if resource is CLUSTER_ROLES:
            aggregate_roles(self._store)


def _grants_change(before: Document, after: Document) -> bool:
    """Whether more than owner references and finalizers differ (`rbacregistry.IsOnlyMutatingGCFields`)."""

    def compared(document: Document) -> Document:
        ignored = ("ownerReferences", "finalizers", "managedFields", "resourceVersion")
        metadata = {key: value for key, value in document["metadata"].items() if key not in ignored}
        return {**document, "metadata": metadata}

    return compared(before) != compared(after)


def _terminating(resource: Resource, name: str, namespace: str) -> StatusError:
    text = f"unable to create new content in namespace {namespace} because it is being terminated"
    error = forbidden(resource, name, text)
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    return StatusError(403, "Forbidden", error.message, {**(error.details or {}), "causes": [cause]})
