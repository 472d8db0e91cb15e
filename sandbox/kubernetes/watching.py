"""Watches: a stream of changes from a resource version on."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from sandbox.kubernetes.listing import selection
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.selectors import Predicate
from sandbox.kubernetes.status_error import StatusError
from sandbox.kubernetes.store import Change, Store, Subscription

Document = dict[str, Any]
Present = Callable[[Document], Document]

_BOOKMARK_INTERVAL = 30.0
_LONGEST = 1800.0


class WatchStream:
    """One watch.

    Args:
        store: Where the objects are.
        resource: What is watched.
        namespace: In which namespace, all with an empty one.
        query: The request's parameters.
        present: How an object is shown (as itself, or as a table).
        closing: Set when the server stops.
    """

    def __init__(
        self,
        store: Store,
        resource: Resource,
        namespace: str,
        query: Mapping[str, str],
        present: Present,
        closing: asyncio.Event,
    ) -> None:
        self._store = store
        self._resource = resource
        self._namespace = namespace
        self._selected: Predicate = selection(resource, query)
        self._present = present
        self._closing = closing
        self._bookmarks = query.get("allowWatchBookmarks", "").lower() in ("true", "1")
        seconds = float(query.get("timeoutSeconds") or 0) or random.uniform(_LONGEST, 2 * _LONGEST)
        self._deadline = time.monotonic() + seconds
        self._since = query.get("resourceVersion", "")
        if self._since and not self._since.isdigit():
            text = f'resourceVersion: Invalid value: "{self._since}": strconv.ParseUint: parsing "{self._since}"'
            raise StatusError(500, "", f"{text}: invalid syntax")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Send the events until the time is up or somebody goes away."""
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        )
        response.enable_chunked_encoding()
        try:
            initial, subscription = self._begin()
        except StatusError as error:
            await response.prepare(request)
            await response.write(_line("ERROR", error.status()))
            return response
        try:
            await response.prepare(request)
            for document in initial:
                await response.write(_line("ADDED", self._present(document)))
            await self._follow(response, subscription)
        except (ConnectionResetError, asyncio.CancelledError):
            return response
        finally:
            self._store.unsubscribe(subscription)
        return response

    def _begin(self) -> tuple[list[Document], Subscription]:
        if self._since not in ("", "0"):
            return [], self._store.subscribe(self._resource, int(self._since))
        initial = [
            document for document in self._store.items(self._resource, self._namespace) if self._selected(document)
        ]
        return initial, self._store.subscribe(self._resource, self._store.version)

    async def _follow(self, response: web.StreamResponse, subscription: Subscription) -> None:
        bookmark = time.monotonic() + _BOOKMARK_INTERVAL
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            while not self._closing.is_set():
                while subscription.pending:
                    event = self._event(subscription.pending.popleft())
                    if event is not None:
                        await response.write(event)
                left = self._deadline - time.monotonic()
                if left <= 0:
                    break
                subscription.ready.clear()
                ready = asyncio.ensure_future(subscription.ready.wait())
                await asyncio.wait(
                    (ready, closing), timeout=min(left, bookmark - time.monotonic()), return_when="FIRST_COMPLETED"
                )
                ready.cancel()
                if time.monotonic() >= bookmark:
                    bookmark += _BOOKMARK_INTERVAL
                    await self._send_bookmark(response)
        finally:
            closing.cancel()

    def _event(self, change: Change) -> bytes | None:
        if self._namespace and change.key[0] != self._namespace:
            return None
        before = change.before is not None and self._selected(change.before)
        after = change.after is not None and self._selected(change.after)
        if after and change.after is not None:
            return _line("MODIFIED" if before else "ADDED", self._present(change.after))
        if not before or change.before is None:
            return None
        if change.after is None:
            return _line("DELETED", self._present(change.last))
        # The object does not match any more: its last matching state, with the version of the change.
        version = {"resourceVersion": str(change.version)}
        return _line("DELETED", self._present({**change.before, "metadata": {**change.before["metadata"], **version}}))

    async def _send_bookmark(self, response: web.StreamResponse) -> None:
        if self._bookmarks:
            metadata = {"resourceVersion": str(self._store.version), "creationTimestamp": None}
            document = {"kind": self._resource.kind, "apiVersion": self._resource.api_version, "metadata": metadata}
            await response.write(_line("BOOKMARK", document))


def _line(kind: str, document: Document) -> bytes:
    return json.dumps({"type": kind, "object": document}).encode() + b"\n"
