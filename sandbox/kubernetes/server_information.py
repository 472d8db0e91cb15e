"""Everything that is no resource: discovery, OpenAPI, version and health."""

from typing import Any

from aiohttp import web

from sandbox.kubernetes import discovery
from sandbox.kubernetes.openapi import openapi_document, openapi_index
from sandbox.kubernetes.status_error import path_not_found

_HEALTH = ("/healthz", "/livez", "/readyz")


def information(request: web.Request) -> web.Response:
    """Answer a GET of a path that is no resource.

    Raises:
        StatusError: 404.
    """
    path = request.path.rstrip("/") or "/"
    if path.startswith(_HEALTH):
        return web.Response(text="ok")
    document = _document(path, request.host)
    if request.method not in ("GET", "HEAD") or document is None:
        raise path_not_found()
    return web.json_response(document)


def _document(path: str, host: str) -> dict[str, Any] | None:
    parts = path.strip("/").split("/")
    if path == "/version":
        return dict(discovery.VERSION)
    if path == "/":
        paths = ["/api", "/api/v1", "/apis", *(f"/apis/{group}" for group in discovery.group_names())]
        return {"paths": [*paths, *_HEALTH, "/openapi/v3", "/version"]}
    if parts[:2] == ["openapi", "v3"]:
        return _openapi(parts[2:])
    if path == "/api":
        return discovery.api_versions(host)
    if path == "/apis":
        return discovery.api_groups()
    if parts[0] == "api" and len(parts) == 2:
        return discovery.api_resources("", parts[1])
    if parts[0] == "apis" and len(parts) == 2 and parts[1] in discovery.group_names():
        return discovery.api_group(parts[1])
    if parts[0] == "apis" and len(parts) == 3:
        return discovery.api_resources(parts[1], parts[2])
    return None


def _openapi(parts: list[str]) -> dict[str, Any] | None:
    if not parts:
        return openapi_index()
    if parts[0] == "api" and len(parts) == 2:
        return openapi_document("", parts[1])
    if parts[0] == "apis" and len(parts) == 3:
        return openapi_document(parts[1], parts[2])
    return None
