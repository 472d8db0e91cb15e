"""The embedded Kubernetes API server: from a request to its answer."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.kubernetes import status_error
from sandbox.kubernetes.authentication import ADMIN, Authentication, forbidden_request, impersonated
from sandbox.kubernetes.control_plane import ApiCall
from sandbox.kubernetes.faults import Fault, Faults
from sandbox.kubernetes.identity import Attributes, Decision, User
from sandbox.kubernetes.node_authorizer import NodeAuthorizer
from sandbox.kubernetes.rbac_authorizer import RbacAuthorizer
from sandbox.kubernetes.request_path import RequestPath
from sandbox.kubernetes.resource_endpoint import ResourceEndpoint
from sandbox.kubernetes.server_information import information
from sandbox.kubernetes.status_error import StatusError

_MAX_BODY = 3 * 1024 * 1024


class _ConnectionCut(Exception):  # noqa: N818 (no error of ours: a fault that was asked for)
    """The connection is gone; nobody reads the answer."""


class ApiServer:
    """Answers requests; used from one event loop.

    Args:
        authentication: Tells who asks.
        rbac: Decides by roles and bindings.
        nodes: Decides for kubelets.
        policies: Decides after the others.
        endpoint: Answers for resources.
        faults: Faults to play.
    """

    def __init__(
        self,
        authentication: Authentication,
        rbac: RbacAuthorizer,
        nodes: NodeAuthorizer,
        policies: Callable[[User, Attributes], Decision],
        endpoint: ResourceEndpoint,
        faults: Faults,
    ) -> None:
        self.calls: list[ApiCall] = []
        self._authentication = authentication
        self._rbac = rbac
        self._nodes = nodes
        self._policies = policies
        self._endpoint = endpoint
        self._faults = faults

    def application(self) -> web.Application:
        """The web application."""
        application = web.Application(client_max_size=_MAX_BODY)
        application.router.add_route("*", "/{path:.*}", self.handle)
        return application

    def authorize(self, user: User, asked: Attributes) -> Decision:
        """The decision: `system:masters` may do everything, the rest is up to Node authorizer, RBAC and policies."""
        if "system:masters" in user.groups:
            return Decision(True)
        by_node = self._nodes.authorize(user, asked)
        if by_node.allowed:
            return by_node
        by_rbac = self._rbac.authorize(user, asked)
        if by_rbac.allowed:
            return by_rbac
        by_policy = self._policies(user, asked)
        if by_policy.allowed:
            return by_policy
        return Decision(False, ", ".join(filter(None, (by_node.reason, by_rbac.reason))))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request and note it."""
        user = User("", ())
        fault: Fault | None = None
        noted: list[str] = []

        def note(status: int) -> None:
            if user is not ADMIN and not noted:
                noted.append("noted")
                self.calls.append(_call(request, user, status))

        try:
            user = await self._authentication.user_of(request)
            if user is not ADMIN:
                fault = self._faults.take(request.method, request.path)
            await self._play(request, fault, before=True)
            response = await self._answer(request, user, note)
            await self._play(request, fault, before=False)
        except StatusError as error:
            response = _failure(error)
        except _ConnectionCut:
            response = web.Response(status=500)
        except web.HTTPRequestEntityTooLarge:
            message = "the request body is larger than 3 MiB"
            response = _failure(StatusError(413, "RequestEntityTooLarge", message))
        note(response.status)
        return response

    async def _answer(self, request: web.Request, user: User, note: Callable[[int], None]) -> web.StreamResponse:
        if request.path.startswith("/_sandbox/"):
            return await self._control(request, user)
        user = impersonated(request, user, self.authorize)
        query = dict(request.query)
        path = RequestPath.parse(request.method, request.path, query)
        decision = self.authorize(user, path.attributes)
        if not decision.allowed:
            raise forbidden_request(user, path.attributes, decision.reason)
        if path.attributes.resource:
            return await self._endpoint.answer(request, path, query, user, self.authorize, note)
        return information(request)

    async def _control(self, request: web.Request, user: User) -> web.Response:
        """The sandbox's own routes, for its own token only."""
        if user is not ADMIN:
            raise forbidden_request(user, Attributes(request.method.lower(), path=request.path), "")
        if request.path != "/_sandbox/faults":
            raise status_error.path_not_found()
        if request.method == "POST":
            self._faults.add(json.loads(await request.read()))
        elif request.method == "DELETE":
            self._faults.clear()
        else:
            raise status_error.method_not_allowed()
        return web.json_response({})

    async def _play(self, request: web.Request, fault: Fault | None, *, before: bool) -> None:
        if fault is None or fault.after == before:
            return
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.reset and request.transport is not None:
            request.transport.abort()
            raise _ConnectionCut
        if fault.status:
            raise fault.error()


def _failure(error: StatusError) -> web.Response:
    headers = {}
    if error.details and "retryAfterSeconds" in error.details:
        headers["Retry-After"] = str(error.details["retryAfterSeconds"])
    return web.json_response(error.status(), status=error.code, headers=headers)


def _call(request: web.Request, user: User, status: int) -> ApiCall:
    dry_run: Any = request.query.get("dryRun", "")
    name = user.name or "system:anonymous"
    return ApiCall(time.time(), name, request.method, request.path_qs, bool(dry_run), status)
