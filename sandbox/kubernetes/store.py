"""Objects with resource versions, and the history that watches resume from."""

import asyncio
import copy
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.status_error import expired

Document = dict[str, Any]
Key = tuple[str, str]

_HISTORY = 4000
_SNAPSHOTS = 32


@dataclass(frozen=True)
class Change:
    """One write.

    Attributes:
        version: Resource version of the write.
        resource: Resource written to.
        key: Namespace and name.
        before: The object until then, None when it did not exist.
        after: The object from then on, None when it was deleted.
        last: What a DELETED event shows: the last state with the deletion's resource version.
    """

    version: int
    resource: Resource
    key: Key
    before: Document | None
    after: Document | None
    last: Document


@dataclass(eq=False)
class Subscription:
    """A watch's place in the stream of changes."""

    resource: Resource
    pending: deque[Change] = field(default_factory=deque)
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class Store:
    """All objects of the cluster, used from one event loop only, so that every method is atomic.

    Stored objects are never changed in place: a write replaces the object, and readers may keep what they got.
    """

    def __init__(self) -> None:
        self.version = 0
        self._objects: dict[Resource, dict[Key, Document]] = {}
        self._history: deque[Change] = deque(maxlen=_HISTORY)
        self._forgotten = 0
        self._subscriptions: dict[Resource, set[Subscription]] = {}
        self._snapshots: dict[tuple[Resource, int], dict[Key, Document]] = {}

    def get(self, resource: Resource, namespace: str, name: str) -> Document | None:
        """The object, None when there is none."""
        return self._objects.get(resource, {}).get((namespace, name))

    def items(self, resource: Resource, namespace: str = "") -> list[Document]:
        """Objects of a namespace, or of all with an empty one, in the order of their keys as etcd has it."""
        objects = self._objects.get(resource, {})
        return [objects[key] for key in sorted(objects, key="/".join) if not namespace or key[0] == namespace]

    def write(self, resource: Resource, document: Document) -> Document:
        """Create or replace an object; its resourceVersion is set."""
        key = self._key(document)
        self.version += 1
        document["metadata"]["resourceVersion"] = str(self.version)
        objects = self._objects.setdefault(resource, {})
        before = objects.get(key)
        objects[key] = document
        self._publish(Change(self.version, resource, key, before, document, document))
        return document

    def remove(self, resource: Resource, document: Document) -> Document:
        """Delete an object and give back its last state."""
        key = self._key(document)
        self.version += 1
        before = self._objects[resource].pop(key)
        last = {**document, "metadata": {**document["metadata"], "resourceVersion": str(self.version)}}
        self._publish(Change(self.version, resource, key, before, None, last))
        return last

    def snapshot(self, resource: Resource) -> int:
        """Keep a resource's objects as they are now for the further pages of a list."""
        self._snapshots[resource, self.version] = dict(self._objects.get(resource, {}))
        while len(self._snapshots) > _SNAPSHOTS:
            del self._snapshots[next(iter(self._snapshots))]
        return self.version

    def snapshot_items(self, resource: Resource, version: int, namespace: str) -> list[Document] | None:
        """List a kept snapshot, None when it is gone."""
        objects = self._snapshots.get((resource, version))
        if objects is None:
            return None
        return [objects[key] for key in sorted(objects, key="/".join) if not namespace or key[0] == namespace]

    def subscribe(self, resource: Resource, since: int) -> Subscription:
        """Follow a resource's changes after a resource version.

        Raises:
            StatusError: 410, the history does not reach back so far.
        """
        if since < self._forgotten:
            raise expired(f"too old resource version: {since} ({self._forgotten + 1})")
        subscription = Subscription(resource)
        subscription.pending.extend(
            change for change in self._history if change.version > since and change.resource is resource
        )
        if subscription.pending:
            subscription.ready.set()
        self._subscriptions.setdefault(resource, set()).add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop following."""
        self._subscriptions[subscription.resource].discard(subscription)

    def restore(self, objects: dict[Resource, dict[Key, Document]]) -> None:
        """Go back to kept objects; watches see the difference as changes."""
        for resource in list(self._objects):
            kept = objects.get(resource, {})
            for key, document in list(self._objects[resource].items()):
                if key not in kept:
                    self.remove(resource, document)
        for resource, documents in objects.items():
            for key, document in documents.items():
                if self._objects.get(resource, {}).get(key) is not document:
                    self.write(resource, copy.deepcopy(document))

    def objects(self) -> dict[Resource, dict[Key, Document]]:
        """All objects, to `restore` later."""
        return {resource: dict(documents) for resource, documents in self._objects.items()}

    @staticmethod
    def _key(document: Document) -> Key:
        return document["metadata"].get("namespace", ""), document["metadata"]["name"]

    def _publish(self, change: Change) -> None:
        if len(self._history) == _HISTORY:
            self._forgotten = self._history[0].version
        self._history.append(change)
        for subscription in self._subscriptions.get(change.resource, ()):
            subscription.pending.append(change)
            subscription.ready.set()
