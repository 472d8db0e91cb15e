"""Operations that the sandbox answers itself, before moto is asked."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from sandbox.aws.calls import Operation, account_of, caller_of
from sandbox.aws.errors import AwsError


@dataclass(frozen=True)
class Caller:
    """Who calls, and where."""

    account: str
    region: str
    arn: str


Handler = Callable[[dict[str, Any], Caller], Mapping[str, Any] | None]
"""Takes the request's parameters, gives the answer's members; raises AwsError."""


class Operations:
    """Handlers by service and operation, for the rest-json and json protocols."""

    def __init__(self) -> None:
        self._handlers: dict[tuple[str, str], Handler] = {}

    def implement(self, service: str, operation: str, handler: Handler) -> None:
        """Answer an operation here instead of in moto."""
        self._handlers[service, operation] = handler

    def answer(self, operation: Operation, environ: Mapping[str, Any], body: bytes) -> Response | None:
        """Answer a request, or None when it is moto's."""
        handler = self._handlers.get((operation.service, operation.name))
        if handler is None:
            return None
        try:
            parameters = parameters_of(operation, environ, body)
            caller = Caller(account_of(operation.access_key), operation.region, caller_of(operation.access_key))
            answer = handler(parameters, caller)
        except AwsError as error:
            return error_response(operation, error.status, error.code, error.message)
        content_type = "application/x-amz-json-1.1" if operation.protocol == "json" else "application/json"
        headers = {"x-amzn-RequestId": str(uuid4())}
        return Response(json.dumps(answer or {}), 200, headers, content_type=content_type)


def parameters_of(operation: Operation, environ: Mapping[str, Any], body: bytes) -> dict[str, Any]:
    """Members of the request: JSON body or form, labels of the path, and the query string (lists where repeated).

    Raises:
        AwsError: The body is not what the protocol has.
    """
    if operation.protocol == "query":
        text = environ.get("QUERY_STRING", "") or body.decode("utf-8", "replace")
        return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}
    try:
        parameters = json.loads(body) if body else {}
    except ValueError:
        raise AwsError("SerializationException", "Unable to parse the request body as JSON") from None
    if not isinstance(parameters, dict):
        raise AwsError("SerializationException", "Start of structure or map found where not expected.")
    for name, values in parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True).items():
        parameters[name] = values if len(values) > 1 else values[0]
    parameters.update(operation.uri_parameters)
    return parameters


def error_response(operation: Operation, status: int, code: str, message: str) -> Response:
    """An error in the form of the operation's protocol, with a request id."""
    request_id = str(uuid4())
    headers = {"x-amzn-RequestId": request_id}
    if operation.protocol != "query":
        headers["x-amzn-ErrorType"] = code
        document = {"__type": code, "message": message}
        return Response(json.dumps(document), status, headers, content_type="application/json")
    parts = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if operation.service == "ec2":
        text = f"<Response><Errors><Error>{parts}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    else:
        kind = "Sender" if status < 500 else "Receiver"
        text = (
            f"<ErrorResponse><Error><Type>{kind}</Type>{parts}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return Response(text, status, headers, content_type="text/xml")
