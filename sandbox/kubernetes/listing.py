"""Lists: selectors, pages, resource versions."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.selectors import Predicate, field_selector, label_selector
from sandbox.kubernetes.status_error import StatusError, bad_request, expired
from sandbox.kubernetes.store import Store

Document = dict[str, Any]

_TOKEN_VERSION = "meta.k8s.io/v1"  # noqa: S105 (a version)


def selection(resource: Resource, query: Mapping[str, str]) -> Predicate:
    """What a list or watch selects by its query.

    Raises:
        StatusError: 400, a selector cannot be parsed.
    """
    predicates: list[Predicate] = []
    if query.get("labelSelector"):
        predicates.append(label_selector(query["labelSelector"]))
    if query.get("fieldSelector"):
        predicates.append(field_selector(query["fieldSelector"], resource))
    return lambda document: all(predicate(document) for predicate in predicates)


def requested_version(query: Mapping[str, str], current: int) -> int | None:
    """The `resourceVersion` of a query, None without one.

    Raises:
        StatusError: 500 when it is no number, 504 when it lies in the future.
    """
    given = query.get("resourceVersion", "")
    if not given:
        return None
    if not given.isdigit():
        text = f'resourceVersion: Invalid value: "{given}": strconv.ParseUint: parsing "{given}": invalid syntax'
        raise StatusError(500, "", text)
    if int(given) > current:
        message = f"Too large resource version: {given}, current: {current}"
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        raise StatusError(504, "Timeout", f"Timeout: {message}", {"causes": [cause], "retryAfterSeconds": 1})
    return int(given)


def list_objects(store: Store, resource: Resource, namespace: str, query: Mapping[str, str]) -> Document:
    """A list, or a page of one.

    A page's continue token refers to the objects as they were at the first page; it expires when those are forgotten.

    Raises:
        StatusError: 400 for bad parameters, 410 for an expired token.
    """
    selected = selection(resource, query)
    limit = _limit(query)
    version, start = store.version, ""
    if query.get("continue"):
        version, start = _decode_token(query["continue"])
        kept = store.snapshot_items(resource, version, namespace)
        if kept is None:
            text = "The provided continue parameter is too old to display a consistent list result."
            raise expired(f"{text} You can start a new list without the continue parameter.")
        documents = kept
    else:
        requested_version(query, store.version)
        documents = store.items(resource, namespace)
    found = [document for document in documents if _position(document) > start and selected(document)]
    metadata: Document = {"resourceVersion": str(version)}
    if limit and len(found) > limit:
        if not start:
            version = store.snapshot(resource)
        metadata["continue"] = _encode_token(version, _position(found[limit - 1]))
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            metadata["remainingItemCount"] = len(found) - limit
        found = found[:limit]
    items = [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")} for item in found]
    return {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": metadata, "items": items}


def _limit(query: Mapping[str, str]) -> int:
    given = query.get("limit") or "0"
    try:
        return int(given)
    except ValueError as error:
        raise bad_request(f'strconv.ParseInt: parsing "{given}": invalid syntax') from error


def _position(document: Document) -> str:
    return f"{document['metadata'].get('namespace', '')}/{document['metadata']['name']}"


def _encode_token(version: int, start: str) -> str:
    token = json.dumps({"v": _TOKEN_VERSION, "rv": version, "start": f"{start}\u0000"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(token.encode()).rstrip(b"=").decode()


def _decode_token(text: str) -> tuple[int, str]:
    try:
        token = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return int(token["rv"]), str(token["start"]).rstrip("\u0000")
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from error
