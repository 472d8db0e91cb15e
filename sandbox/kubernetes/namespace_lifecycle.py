"""What a real cluster's controller manager does for namespaces: emptying deleted ones, default service accounts."""

import asyncio
from collections.abc import Callable

from sandbox.kubernetes.resources import NAMESPACES, SERVICE_ACCOUNTS, STORED, Resource
from sandbox.kubernetes.store import Store

IMMORTAL = ("default", "kube-system", "kube-public")

# A real namespace controller takes seconds; long enough here that the Terminating phase can be seen.
_SWEEP_DELAY = 0.05


class NamespaceLifecycle:
    """Follows the namespaces of a store.

    Args:
        store: The cluster's objects.
        delete: Deletes one object, as a controller asks for it.
        create_account: Creates the `default` service account of a namespace.
    """

    def __init__(
        self, store: Store, delete: Callable[[Resource, str, str], None], create_account: Callable[[str], None]
    ) -> None:
        self._store = store
        self._delete = delete
        self._create_account = create_account

    def follow(self, namespace: str) -> None:
        """Empty a namespace soon if it is being deleted, and put its default service account back if it is not."""
        home = self._store.get(NAMESPACES, "", namespace)
        if home is None:
            return
        if "deletionTimestamp" in home["metadata"]:
            asyncio.get_running_loop().call_later(_SWEEP_DELAY, self._sweep, namespace)
        elif self._store.get(SERVICE_ACCOUNTS, namespace, "default") is None:
            self._create_account(namespace)

    def _sweep(self, namespace: str) -> None:
        home = self._store.get(NAMESPACES, "", namespace)
        if home is None or "deletionTimestamp" not in home["metadata"]:
            return
        left = 0
        for resource in STORED:
            if resource.namespaced:
                for document in self._store.items(resource, namespace):
                    if "deletionTimestamp" not in document["metadata"]:
                        self._delete(resource, namespace, document["metadata"]["name"])
                left += len(self._store.items(resource, namespace))
        if left:
            return
        others = [finalizer for finalizer in home["spec"].get("finalizers") or [] if finalizer != "kubernetes"]
        if others or home["metadata"].get("finalizers"):
            if home["spec"].get("finalizers") != others:
                self._store.write(
                    NAMESPACES, {**home, "metadata": dict(home["metadata"]), "spec": {"finalizers": others}}
                )
        else:
            self._store.remove(NAMESPACES, home)
