"""OpenAPI v3 documents with just what kubectl asks of them: which kinds can be patched with `fieldValidation`."""

import hashlib
from typing import Any

from sandbox.kubernetes.discovery import group_names
from sandbox.kubernetes.resources import RESOURCES, Resource

Document = dict[str, Any]

_FIELD_VALIDATION = {"name": "fieldValidation", "in": "query", "schema": {"type": "string", "uniqueItems": True}}


def openapi_index() -> Document:
    """`/openapi/v3`."""
    paths = ["api/v1", *(f"apis/{group}/v1" for group in group_names())]
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={_hash(path)}"} for path in paths}}


def openapi_document(group: str, version: str) -> Document | None:
    """`/openapi/v3/api/v1` and `/openapi/v3/apis/GROUP/VERSION`; None when the group is not served."""
    found = [resource for resource in RESOURCES if (resource.group, resource.version) == (group, version)]
    if not found:
        return None
    paths = {path: operations for resource in found for path, operations in _paths(resource).items()}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "components": {"schemas": {}},
    }


def _paths(resource: Resource) -> dict[str, Document]:
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    collection = f"{root}{scope}/{resource.plural}"
    paths = {collection: {"post": _operation("post", kind)}}
    if not resource.virtual:
        paths[f"{collection}/{{name}}"] = {method: _operation(method, kind) for method in ("patch", "put")}
    return paths


def _operation(method: str, kind: dict[str, str]) -> Document:
    return {
        "x-kubernetes-action": method,
        "x-kubernetes-group-version-kind": kind,
        "parameters": [_FIELD_VALIDATION, {"name": "dryRun", "in": "query", "schema": {"type": "string"}}],
        "responses": {"200": {"description": "OK"}},
    }


def _hash(path: str) -> str:
    return hashlib.sha512(path.encode()).hexdigest().upper()
