"""Creating, changing and deleting objects as an API server does: the checks, their order, and what is stored.

The order is that of `k8s.io/apiserver/pkg/registry/generic/registry/store.go`, compared with kube-apiserver 1.20.
"""

import copy
import datetime
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes import status_error
from sandbox.kubernetes.admission import Admission
from sandbox.kubernetes.defaults import random_suffix, set_defaults
from sandbox.kubernetes.delete_options import DeleteOptions
from sandbox.kubernetes.identity import User
from sandbox.kubernetes.managed_fields import record_update
from sandbox.kubernetes.resources import NAMESPACES, Resource
from sandbox.kubernetes.server_side_apply import apply_intent
from sandbox.kubernetes.status_error import StatusError, invalid_object
from sandbox.kubernetes.store import Store
from sandbox.kubernetes.strategy import answers_deleted_object, graceful_period, prepare_for_create, prepare_for_update
from sandbox.kubernetes.validation import object_faults, update_faults

Document = dict[str, Any]


@dataclass(frozen=True)
class WriteOptions:
    """How a write is asked for.

    Attributes:
        user: Who asks.
        manager: Field manager.
        dry_run: Do all checks and store nothing.
    """

    user: User
    manager: str
    dry_run: bool = False


class ObjectRegistry:
    """All objects, changed by the rules.

    Args:
        store: Where they are kept.
        admission: What else must be true of a write.
        touched: Called with a namespace that has been created or is being deleted, or that an object was removed from.
    """

    def __init__(self, store: Store, admission: Admission, touched: Callable[[str], None]) -> None:
        self._store = store
        self._admission = admission
        self._touched = touched

    def get(self, resource: Resource, namespace: str, name: str) -> Document:
        """The object.

        Raises:
            StatusError: 404.
        """
        document = self._store.get(resource, namespace, name)
        if document is None:
            raise status_error.not_found(resource, name)
        return document

    def create(self, resource: Resource, namespace: str, document: Document, options: WriteOptions) -> Document:
        """Store a new object; `document` becomes its property."""
        managers = document["metadata"].pop("managedFields", None)
        document["metadata"].update({"namespace": namespace} if namespace else {})
        self._admission.check_namespace(resource, namespace)
        if document["metadata"].get("resourceVersion", "") != "":
            raise StatusError(500, "", "resourceVersion should not be set on objects to be created")
        set_defaults(resource, document)
        # Managers own what they send and its defaults, not what the server adds below.
        if managers is None:
            record_update(None, document, options.manager, now())
        else:
            document["metadata"]["managedFields"] = managers
        prepare_for_create(resource, document)
        self._admission.admit(resource, document)
        self._admission.check_escalation(resource, None, document, options.user)
        metadata = document["metadata"]
        if metadata.get("generateName") and not metadata.get("name"):
            metadata["name"] = metadata["generateName"] + random_suffix()
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = now()
        if faults := object_faults(resource, document):
            raise invalid_object(resource, metadata.get("name", ""), faults)
        if (existing := self._store.get(resource, namespace, metadata["name"])) is not None:
            raise _taken(resource, existing)
        if options.dry_run:
            return document
        written = self._store.write(resource, document)
        self._admission.written(resource)
        if resource is NAMESPACES:
            self._touched(metadata["name"])
        return written

    def update(
        self, resource: Resource, namespace: str, name: str, subresource: str, document: Document, options: WriteOptions
    ) -> Document:
        """Replace an object, or one part of it; `document` becomes the registry's property."""
        before = self.get(resource, namespace, name)
        return self._replace(resource, before, document, subresource, options, by_apply=False)

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        subresource: str,
        change: Callable[[Document], Document],
        options: WriteOptions,
    ) -> Document:
        """Replace an object with what a function makes of it."""
        before = self.get(resource, namespace, name)
        after = change(before)
        after["metadata"].setdefault("resourceVersion", before["metadata"]["resourceVersion"])
        return self._replace(resource, before, after, subresource, options, by_apply=False)

    def apply(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        subresource: str,
        intent: Document,
        options: WriteOptions,
        *,
        force: bool,
    ) -> tuple[Document, bool]:
        """Server-side apply; gives the object and whether it is new."""
        before = self._store.get(resource, namespace, name)
        if before is None:
            if subresource:
                raise status_error.not_found(resource, name)
            empty = {"apiVersion": intent["apiVersion"], "kind": intent["kind"], "metadata": {"name": name}}
            created = apply_intent(empty, intent, options.manager, now(), force=force)
            return self.create(resource, namespace, created, options), True
        after = copy.deepcopy(apply_intent(before, intent, options.manager, now(), force=force))
        if "resourceVersion" not in intent["metadata"]:
            after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
        return self._replace(resource, before, after, subresource, options, by_apply=True), False

    def delete(
        self, resource: Resource, namespace: str, name: str, asked: DeleteOptions, options: WriteOptions
    ) -> tuple[Document, bool]:
        """Delete an object, or mark it when somebody has to act first; gives it and whether it is to be shown."""
        document = self.get(resource, namespace, name)
        asked.check(resource, document)
        if resource is NAMESPACES:
            return self._delete_namespace(document, options), True
        metadata = document["metadata"]
        period = graceful_period(resource, document, asked.grace_period_seconds)
        if "deletionTimestamp" in metadata and metadata.get("deletionGracePeriodSeconds", 0) <= period > 0:
            return document, True
        waits = period > 0 or bool(metadata.get("finalizers"))
        if waits and "deletionTimestamp" in metadata and period == metadata.get("deletionGracePeriodSeconds"):
            return document, True
        marked = {**document, "metadata": {**metadata, "deletionGracePeriodSeconds": period}}
        marked["metadata"]["deletionTimestamp"] = now(period)
        if waits:
            return marked if options.dry_run else self._store.write(resource, marked), True
        if options.dry_run:
            return marked if answers_deleted_object(resource) else document, answers_deleted_object(resource)
        shows_mark = resource.plural == "pods"
        last = self._remove(resource, marked if shows_mark else document)
        return last, answers_deleted_object(resource)

    def _replace(
        self,
        resource: Resource,
        before: Document,
        after: Document,
        subresource: str,
        options: WriteOptions,
        *,
        by_apply: bool,
    ) -> Document:
        old, new = before["metadata"], after["metadata"]
        name = old["name"]
        if old.get("namespace"):
            new.setdefault("namespace", old["namespace"])
        if new.get("uid", old["uid"]) != old["uid"]:
            raise status_error.conflict(resource, name, _uid_precondition(resource, old, new["uid"]))
        self._check_version(resource, name, old, new.get("resourceVersion", ""))
        new["resourceVersion"] = old["resourceVersion"]
        prepare_for_update(resource, before, after, subresource)
        set_defaults(resource, after)
        self._admission.check_escalation(resource, before, after, options.user)
        if faults := update_faults(resource, before, after, subresource):
            raise invalid_object(resource, name, faults)
        if not by_apply:
            record_update(before, after, options.manager, now())
        if after == before:
            return before
        if options.dry_run:
            return after
        if "deletionTimestamp" in new and not new.get("finalizers") and not new.get("deletionGracePeriodSeconds"):
            if resource is not NAMESPACES:
                self._remove(resource, after)
                return after
            if not after["spec"].get("finalizers"):
                self._remove(resource, after)
                return after
        written = self._store.write(resource, after)
        self._admission.written(resource)
        return written

    @staticmethod
    def _check_version(resource: Resource, name: str, old: Document, given: str) -> None:
        if given in ("", "0"):
            return
        if not given.isdigit():
            raise StatusError(500, "", f'strconv.ParseUint: parsing "{given}": invalid syntax')
        if given != old["resourceVersion"]:
            raise status_error.conflict(resource, name)

    def _delete_namespace(self, document: Document, options: WriteOptions) -> Document:
        self._admission.check_namespace_deletion(document["metadata"]["name"])
        if "deletionTimestamp" in document["metadata"]:
            return document
        marked = copy.deepcopy(document)
        marked["metadata"]["deletionTimestamp"] = now()
        marked["status"]["phase"] = "Terminating"
        if options.dry_run:
            return marked
        written = self._store.write(NAMESPACES, marked)
        self._touched(document["metadata"]["name"])
        return written

    def _remove(self, resource: Resource, document: Document) -> Document:
        last = self._store.remove(resource, document)
        self._touched(document["metadata"].get("namespace", ""))
        self._admission.written(resource)
        return last


def now(later: int = 0) -> str:
    """The time as API servers write it."""
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=later)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _taken(resource: Resource, existing: Document) -> StatusError:
    error = status_error.already_exists(resource, existing["metadata"]["name"])
    if "deletionTimestamp" in existing["metadata"]:
        return StatusError(409, error.reason, f"object is being deleted: {error.message}", error.details)
    return error


def _uid_precondition(resource: Resource, old: Document, given: str) -> str:
    key = "/".join(filter(None, ("/registry", resource.plural, old.get("namespace", ""), old["name"])))
    return (
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition "
        f"failed: UID in precondition: {given}, UID in object meta: {old['uid']}"
    )
