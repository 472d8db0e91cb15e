"""Requests for resources: which operation is meant, its parameters, its answer."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.kubernetes import status_error
from sandbox.kubernetes.access_reviews import review, user_info
from sandbox.kubernetes.authentication import Authentication
from sandbox.kubernetes.decoding import check_shape, strict_decoding_failure
from sandbox.kubernetes.delete_options import DeleteOptions, dry_run_asked, options_failure
from sandbox.kubernetes.identity import Attributes, Decision, User
from sandbox.kubernetes.listing import list_objects, requested_version
from sandbox.kubernetes.managed_fields import record_update
from sandbox.kubernetes.object_registry import ObjectRegistry, WriteOptions, now
from sandbox.kubernetes.patching import APPLY_PATCH, PATCH_TYPES, check_intent, patch_function
from sandbox.kubernetes.pod_logs import PodLogs
from sandbox.kubernetes.rbac_authorizer import RbacAuthorizer
from sandbox.kubernetes.request_body import read_object, read_options, read_patch
from sandbox.kubernetes.request_path import RequestPath
from sandbox.kubernetes.resources import BY_PATH, Resource
from sandbox.kubernetes.status_error import GoValue, StatusError, invalid, not_supported, required
from sandbox.kubernetes.store import Store
from sandbox.kubernetes.table import as_table, asks_for_table
from sandbox.kubernetes.watching import WatchStream

Document = dict[str, Any]
Authorize = Callable[[User, Attributes], Decision]

_OPTIONS_KIND = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions", "DELETE": "DeleteOptions"}
_AUDIENCE = "https://kubernetes.default.svc"
_VALIDATIONS = ("Ignore", "Strict", "Warn")


class ResourceEndpoint:
    """Answers for resources.

    Args:
        store: The objects, for reading.
        objects: The objects, for writing.
        rbac: The authorizer, for reviews.
        authentication: For token reviews.
        logs: For pod logs.
    """

    def __init__(
        self,
        store: Store,
        objects: ObjectRegistry,
        rbac: RbacAuthorizer,
        authentication: Authentication,
        logs: PodLogs,
    ) -> None:
        self.closing = asyncio.Event()
        self._store = store
        self._objects = objects
        self._rbac = rbac
        self._authentication = authentication
        self._logs = logs

    async def answer(
        self,
        request: web.Request,
        path: RequestPath,
        query: dict[str, str],
        user: User,
        authorize: Authorize,
        note: Callable[[int], None],
    ) -> web.StreamResponse:
        """Answer one request; `note` is called early when the answer is a long one."""
        asked = path.attributes
        resource = BY_PATH.get((asked.group, path.version, asked.resource))
        if resource is None:
            raise status_error.path_not_found()
        _check_served(resource, asked)
        if asked.verb == "watch":
            note(200)
            return await self._watch(request, resource, asked, query)
        if asked.subresource == "log":
            note(200)
            pod = self._objects.get(resource, asked.namespace, asked.name)
            return await self._logs.answer(request, pod, query)
        if request.method in ("GET", "HEAD"):
            return self._read(request, resource, asked, query)
        if resource.virtual:
            return await self._review(request, resource, asked, query, user, authorize)
        return await self._write(request, resource, asked, query, user)

    def _read(
        self, request: web.Request, resource: Resource, asked: Attributes, query: dict[str, str]
    ) -> web.StreamResponse:
        if asked.verb == "get":
            requested_version(query, self._store.version)
            document = self._objects.get(resource, _home(resource, asked), asked.name)
            documents, version = [document], document["metadata"]["resourceVersion"]
        else:
            document = list_objects(self._store, resource, asked.namespace, query)
            documents, version = document["items"], document["metadata"]["resourceVersion"]
        if asks_for_table(request.headers.get("Accept", "")):
            table = as_table(resource, documents, version, query.get("includeObject") == "Object")
            if asked.verb == "list":
                table["metadata"] = document["metadata"]
            return _json(table)
        return _json(document)

    async def _watch(
        self, request: web.Request, resource: Resource, asked: Attributes, query: dict[str, str]
    ) -> web.StreamResponse:
        def present(document: Document) -> Document:
            if asks_for_table(request.headers.get("Accept", "")):
                version = document["metadata"]["resourceVersion"]
                return as_table(resource, [document], version, query.get("includeObject") == "Object")
            return document

        stream = WatchStream(self._store, resource, asked.namespace, query, present, self.closing)
        return await stream.answer(request)

    async def _review(
        self,
        request: web.Request,
        resource: Resource,
        asked: Attributes,
        query: dict[str, str],
        user: User,
        authorize: Authorize,
    ) -> web.StreamResponse:
        document = read_object(resource, request.headers.get("Content-Type", ""), await request.read())
        document["metadata"] = {"creationTimestamp": None}
        if resource.kind != "SelfSubjectRulesReview":
            record_update(None, document, _manager(request, query), now())
        if resource.kind == "TokenReview":
            return _json(await self._review_token(document), 201)
        answered = review(resource, document, asked.namespace, user, authorize, self._rbac.rules)
        return _json(answered, 201)

    async def _review_token(self, document: Document) -> Document:
        try:
            user = await self._authentication.user_of_token((document.get("spec") or {}).get("token", ""))
        except StatusError as error:
            return {**document, "status": {"user": {}, "error": f"[invalid bearer token, {error.__cause__}]"}}
        return {**document, "status": {"authenticated": True, "user": user_info(user), "audiences": [_AUDIENCE]}}

    async def _write(
        self, request: web.Request, resource: Resource, asked: Attributes, query: dict[str, str], user: User
    ) -> web.StreamResponse:
        body = await request.read()
        content_type = request.headers.get("Content-Type", "")
        namespace = _home(resource, asked)
        if request.method == "DELETE":
            deletion = DeleteOptions.of(read_options(content_type, body), query)
            return self._delete(resource, asked, query, deletion, _options(request, query, user, deletion.dry_run))
        options = _options(request, query, user, dry_run_asked(_OPTIONS_KIND[request.method], _values(query, "dryRun")))
        if request.method == "PATCH":
            return self._patch(request, resource, asked, query, body, options)
        document = read_object(resource, content_type, body)
        unknown = check_shape(resource, document)
        warnings = _validated(query, unknown, _OPTIONS_KIND[request.method])
        given = document["metadata"].get("namespace", "")
        if request.method == "POST":
            if given not in ("", namespace):
                text = "the namespace of the provided object does not match the namespace sent on the request"
                raise status_error.bad_request(text)
            return _json(self._objects.create(resource, namespace, document, options), 201, warnings)
        name = document["metadata"].get("name", "")
        if not name:
            text = f"the name of the object ({asked.name} based on URL) was undeterminable: name must be provided"
            raise status_error.bad_request(text)
        if name != asked.name:
            raise status_error.bad_request(
                f"the name of the object ({name}) does not match the name on the URL ({asked.name})"
            )
        if given not in ("", namespace):
            text = f"the namespace of the object ({given}) does not match the namespace on the request ({namespace})"
            raise status_error.bad_request(text)
        updated = self._objects.update(resource, namespace, asked.name, asked.subresource, document, options)
        return _json(updated, 200, warnings)

    def _patch(
        self,
        request: web.Request,
        resource: Resource,
        asked: Attributes,
        query: dict[str, str],
        body: bytes,
        options: WriteOptions,
    ) -> web.StreamResponse:
        content_type = request.headers.get("Content-Type", "").partition(";")[0].strip()
        if content_type not in PATCH_TYPES:
            raise StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
        patch, namespace = read_patch(body), _home(resource, asked)
        if content_type == APPLY_PATCH:
            if not query.get("fieldManager"):
                raise options_failure("PatchOptions", required("fieldManager", "is required for apply patch"))
            intent = check_intent(resource, patch, asked.name)
            force = query.get("force", "").lower() in ("true", "1")
            document, created = self._objects.apply(
                resource, namespace, asked.name, asked.subresource, intent, options, force=force
            )
            return _json(document, 201 if created else 200)
        unknown: list[str] = []
        change = patch_function(resource, content_type, patch, asked.name, unknown)

        def checked(before: Document) -> Document:
            after = change(before)
            _validated(query, unknown, "PatchOptions")
            return after

        document = self._objects.patch(resource, namespace, asked.name, asked.subresource, checked, options)
        return _json(document, 200, _validated(query, unknown, "PatchOptions"))

    def _delete(
        self,
        resource: Resource,
        asked: Attributes,
        query: dict[str, str],
        deletion: DeleteOptions,
        options: WriteOptions,
    ) -> web.StreamResponse:
        namespace = _home(resource, asked)
        if asked.verb == "delete":
            document, shown = self._objects.delete(resource, namespace, asked.name, deletion, options)
            return _json(document if shown else _deleted(resource, document))
        listed = list_objects(self._store, resource, asked.namespace, query)
        for item in listed["items"]:
            metadata = item["metadata"]
            self._objects.delete(resource, metadata.get("namespace", ""), metadata["name"], deletion, options)
        listed["metadata"] = {"resourceVersion": str(self._store.version)}
        return _json(listed)


def _check_served(resource: Resource, asked: Attributes) -> None:
    if asked.subresource:
        verbs = dict(resource.subresources).get(asked.subresource)
        if verbs is None:
            raise status_error.path_not_found()
    else:
        verbs = resource.verbs
    if asked.verb not in verbs:
        raise status_error.method_not_allowed()
    needs_name = asked.verb in ("update", "patch")
    homeless = asked.verb == "create" and resource.namespaced and not asked.namespace
    if homeless or (needs_name and not asked.name) or (asked.verb == "create" and asked.name):
        raise status_error.method_not_allowed()


def _home(resource: Resource, asked: Attributes) -> str:
    """The namespace that the object lives in; for a namespace itself, none."""
    return asked.namespace if resource.namespaced else ""


def _options(request: web.Request, query: dict[str, str], user: User, dry_run: bool) -> WriteOptions:
    return WriteOptions(user, _manager(request, query), dry_run)


def _manager(request: web.Request, query: dict[str, str]) -> str:
    """The field manager: as asked for, or the program's name."""
    agent = request.headers.get("User-Agent", "").split("/")[0] or "unknown"
    manager = query.get("fieldManager", "")
    for position, letter in enumerate(manager):
        if not letter.isprintable():
            text = f"invalid character U+{ord(letter):04X} (at position {position})"
            shown = GoValue('"' + manager.encode("unicode_escape").decode() + '"')
            raise options_failure(_OPTIONS_KIND[request.method], invalid("fieldManager", shown, text))
    return manager or agent


def _values(query: dict[str, str], name: str) -> list[str]:
    return [query[name]] if query.get(name) else []


def _validated(query: dict[str, str], unknown: list[str], kind: str) -> list[str]:
    """The warnings about unknown fields.

    Raises:
        StatusError: 400 with `fieldValidation=Strict`.
    """
    validation = query.get("fieldValidation", "Warn")
    if validation not in _VALIDATIONS:
        raise options_failure(kind, not_supported("fieldValidation", validation, _VALIDATIONS))
    if unknown and validation == "Strict":
        raise strict_decoding_failure(unknown)
    return unknown if validation == "Warn" else []


def _deleted(resource: Resource, document: Document) -> Document:
    details = {"name": document["metadata"]["name"], "kind": resource.plural, "uid": document["metadata"]["uid"]}
    if resource.group:
        details["group"] = resource.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _json(document: Document, status: int = 200, warnings: list[str] | None = None) -> web.Response:
    response = web.Response(body=json.dumps(document).encode(), status=status, content_type="application/json")
    for warning in warnings or []:
        quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response
