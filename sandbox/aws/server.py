"""The AWS endpoint: moto's server and our own operations behind one middleware, on two ports.

The middleware names each request's service and operation, evaluates policies if that is wanted, keeps the audit, and
injects faults. The second port has the position "internet": the same account seen from a host that cannot reach the
cluster's endpoint.
"""

import contextvars
import json
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

from moto.core.base_backend import BackendDict, backend_lock
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from sandbox.aws.authorization.enforcement import Denied, Enforcement
from sandbox.aws.authorization.requests import requests_of
from sandbox.aws.authorization.resources import Place
from sandbox.aws.calls import AwsCall, CallLog, Operation, account_of, caller_of, identify
from sandbox.aws.errors import AwsError
from sandbox.aws.faults import Fault, FaultList
from sandbox.aws.http import ConnectionReset, KeepAliveServer
from sandbox.aws.operations import Handler, Operations, error_response, parameters_of
from sandbox.aws.settings import Settings

Position = Literal["any", "internet"]
RouteHandler = Callable[..., Response]

_position: contextvars.ContextVar[Position] = contextvars.ContextVar("position", default="any")


def position() -> Position:
    """Where the request now being answered comes from."""
    return _position.get()


class AwsServer:
    """AWS on loopback.

    Further parts join in before `start`: `implement` answers an operation instead of moto, `route` adds a
    path that is not AWS's, `before_reset` and `after_reset` stop and seed what the account holds, and
    `log.add_source` merges another listener's calls into the audit.

    Attributes:
        settings: Delays and quirks.
        log: The audit of calls.
        faults: The faults in force.
        enforcement: Evaluates IAM policies.
        url: The endpoint inside the VPC's network position.
        internet_url: The same account, position "internet".
    """

    def __init__(self, state_dir: Path, host: str = "127.0.0.1") -> None:
        self.state_dir = state_dir
        self.settings = Settings()
        self.log = CallLog()
        self.faults = FaultList()
        self.enforcement = Enforcement(lambda: self.settings.iam_policies)
        self._host = host
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._operations = Operations()
        self._routes: dict[str, RouteHandler] = {}
        self._url_map = Map()
        self._before_reset: list[Callable[[], None]] = []
        self._after_reset: list[Callable[[], None]] = []
        self._servers: list[KeepAliveServer] = []
        self._threads: list[threading.Thread] = []
        self.url = ""
        self.internet_url = ""
        self.route("GET", "/_sandbox/calls", self._show_calls)
        self.route("POST", "/_sandbox/calls/clear", self._clear_calls)
        self.route("POST", "/_sandbox/faults", self._add_fault)
        self.route("DELETE", "/_sandbox/faults", self._clear_faults)
        self.route("GET", "/_sandbox/settings", self._show_settings)
        self.route("POST", "/_sandbox/settings", self._change_settings)
        self.route("GET", "/_sandbox/authorizations", self._show_authorizations)
        self.route("POST", "/_sandbox/reset", self._reset)

    def implement(self, service: str, operation: str, handler: Handler) -> None:
        """Answer an operation here instead of in moto (rest-json and json protocols).

        Args:
            service: Signing name, such as `batch`.
            operation: Name as in botocore, such as `SubmitJob`.
            handler: Takes the parameters and the caller, gives the answer's members or raises AwsError.
        """
        self._operations.implement(service, operation, handler)

    def route(self, method: str, path: str, handler: RouteHandler) -> None:
        """Serve a path of the sandbox's own on both ports.

        Args:
            method: HTTP method.
            path: Path in werkzeug's rule syntax, such as `/_sandbox/nodes/<name>`.
            handler: Called with the werkzeug Request and the path's arguments by keyword; gives a Response.
        """
        endpoint = f"{method} {path}"
        self._routes[endpoint] = handler
        self._url_map.add(Rule(path, endpoint=endpoint, methods=[method]))

    def before_reset(self, stop: Callable[[], None]) -> None:
        """Have something called before the account is emptied."""
        self._before_reset.append(stop)

    def after_reset(self, seed: Callable[[], None]) -> None:
        """Have something called once the account is empty again, in the order of registration."""
        self._after_reset.append(seed)

    def start(self) -> None:
        """Listen on two ports that the OS chooses."""
        positions: tuple[Position, ...] = ("any", "internet")
        for place in positions:
            server = KeepAliveServer(self._host, self._application(place))
            thread = threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.05}, name=f"aws-{place}", daemon=True
            )
            thread.start()
            self._servers.append(server)
            self._threads.append(thread)
        self.url, self.internet_url = (f"http://{self._host}:{server.server_port}" for server in self._servers)

    def stop(self) -> None:
        """Stop listening and close all connections."""
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()
        self._servers.clear()
        self._threads.clear()

    def calls(self) -> list[AwsCall]:
        """AWS calls since the start, the last reset or the last clear."""
        return self.log.own()

    def reset(self) -> None:
        """Back to the seeded account: no faults, default settings, an empty audit."""
        self.faults.clear()
        for stop in self._before_reset:
            stop()
        _empty_moto()
        self.settings.reset()
        for seed in self._after_reset:
            seed()
        self.log.clear()
        self.enforcement.clear()

    def _application(self, place: Position) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
        def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            _position.set(place)
            if environ["PATH_INFO"].startswith("/_sandbox/"):
                return self._control(environ)(environ, start_response)
            return self._aws(environ)(environ, start_response)

        return application

    def _control(self, environ: dict[str, Any]) -> Callable[..., Iterable[bytes]]:
        try:
            endpoint, arguments = self._url_map.bind_to_environ(environ).match()
            return self._routes[endpoint](Request(environ), **arguments)
        except HTTPException as error:
            return error
        except ValueError as error:
            return _json({"message": str(error)}, 400)

    def _aws(self, environ: dict[str, Any]) -> Callable[..., Iterable[bytes]]:
        """Answer one AWS request: fault, own operation or moto; then note it in the audit."""
        body = environ["wsgi.input"].getvalue()
        operation = identify(environ, body)
        fault = self.faults.take(operation)
        if fault is not None and fault.delay:
            time.sleep(fault.delay)
        broken = fault is not None and (fault.reset or fault.status is not None)
        response: Response | None = None
        if fault is None or not broken or fault.after:
            response = self._run(operation, environ, body)
        if fault is not None and broken:
            if fault.reset:
                # 0 is no HTTP status: the client got no answer.
                self.log.record(operation, 0)
                raise ConnectionReset
            response = error_response(operation, fault.status or 500, fault.code, fault.message)
        assert response is not None
        self.log.record(operation, response.status_code)
        return response

    def _run(self, operation: Operation, environ: dict[str, Any], body: bytes) -> Response:
        try:
            self._authorize(operation, environ, body)
            own = self._operations.answer(operation, environ, body)
            return own if own is not None else Response.from_app(self._moto, environ)
        except (Denied, AwsError) as refusal:
            return _refused(operation, refusal)
        except Exception:
            # A defect of the sandbox must look like one, not like a refusal of AWS.
            traceback.print_exc()
            message = f"the sandbox failed to answer {operation.service} {operation.name}"
            return error_response(operation, 500, "InternalFailure", message)

    def _authorize(self, operation: Operation, environ: dict[str, Any], body: bytes) -> None:
        """Have the caller's policies allow the call, if they are evaluated and it is signed at all."""
        if not self.enforcement.wanted or operation.service == "unsigned":
            return
        self.enforcement.act_for(caller_of(operation.access_key))
        place = Place(account_of(operation.access_key), operation.region)
        parameters = parameters_of(operation, environ, body)
        self.enforcement.require(requests_of(operation.service, operation.name, parameters, place))

    def _show_calls(self, _: Request) -> Response:
        return _json([call.document() for call in self.log.merged()])

    def _clear_calls(self, _: Request) -> Response:
        self.log.clear()
        self.enforcement.clear()
        return _json({})

    def _show_authorizations(self, _: Request) -> Response:
        return _json([evaluation.document() for evaluation in self.enforcement.evaluations()])

    def _add_fault(self, request: Request) -> Response:
        self.faults.add(Fault.from_document(_document(request)))
        return _json({})

    def _clear_faults(self, _: Request) -> Response:
        self.faults.clear()
        return _json({})

    def _show_settings(self, _: Request) -> Response:
        return _json(self.settings.as_dict())

    def _change_settings(self, request: Request) -> Response:
        self.settings.update(_document(request))
        return _json(self.settings.as_dict())

    def _reset(self, _: Request) -> Response:
        self.reset()
        return _json({})


def _refused(operation: Operation, refusal: Denied | AwsError) -> Response:
    """A refusal in the words and with the code of the service.

    Codes of a denial: `CommonErrors` of the services' API references; of EC2, its `errors-overview`.
    """
    if isinstance(refusal, AwsError):
        return error_response(operation, refusal.status, refusal.code, refusal.message)
    if operation.service == "ec2":
        message = f"You are not authorized to perform this operation. {refusal}"
        return error_response(operation, 403, "UnauthorizedOperation", message)
    if operation.protocol == "query":
        return error_response(operation, 403, "AccessDenied", str(refusal))
    status = 400 if operation.protocol == "json" else 403
    return error_response(operation, status, "AccessDeniedException", str(refusal))


def _empty_moto() -> None:
    """Forget every backend.

    Moto's own reset first fills each one anew before it forgets it, which takes most of a second for EC2's images.
    """
    with backend_lock:
        for backends in BackendDict._instances:
            backends.clear()
        BackendDict._instances.clear()
        # What its dashboard lists, which keeps everything that ever was.
        reset_model_data()


def _document(request: Request) -> dict[str, Any]:
    document = json.loads(request.get_data() or b"{}")
    if not isinstance(document, dict):
        raise ValueError("the body must be a JSON object")
    return document


def _json(document: Any, status: int = 200) -> Response:
    return Response(json.dumps(document), status, content_type="application/json")
