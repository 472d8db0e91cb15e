"""Which AWS operation a request is, and the audit of all of them."""

import functools
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, unquote

import botocore.loaders
from botocore.exceptions import UnknownServiceError
from moto.iam.models import get_account_id_from, iam_backends
from moto.sts.models import sts_backends

_READING = re.compile(
    r"^(Describe|List|Get|BatchGet|BatchCheck|BatchDescribe|Head|Lookup|Search|Simulate|Filter|Test|Validate"
    r"|AssumeRole|Decode|Select|Query|Scan|Preview|GET |HEAD )"
)
_KEPT = 300_000


@dataclass(frozen=True, slots=True)
class AwsCall:
    """One request that reached the sandbox."""

    service: str
    operation: str
    mutating: bool
    status: int
    user: str
    at: float
    """Seconds since the epoch when it was answered."""

    def document(self) -> dict[str, Any]:
        """The call as `GET /_sandbox/calls` shows it."""
        return asdict(self)


@dataclass(frozen=True)
class Operation:
    """What a request asks for, as far as it can be told without running it."""

    service: str
    name: str
    protocol: Literal["json", "query", "rest-json", "other"]
    access_key: str
    region: str
    uri_parameters: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False

    @property
    def mutating(self) -> bool:
        """Whether the operation changes something: neither a reading one nor a dry run."""
        return not self.dry_run and not _READING.match(self.name)


def identify(environ: Mapping[str, Any], body: bytes) -> Operation:
    """Tell service and operation of a request.

    The service is the one that the request is signed for (SigV4 credential scope, in the header or in the
    presigned URL). The operation is named by `X-Amz-Target` in the json protocols, by `Action` in the query
    ones, and in rest-json by method and path as botocore's service model has them.
    """
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    key, region, service = _credential_scope(environ.get("HTTP_AUTHORIZATION", ""), query)
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return Operation(service, target.rpartition(".")[2], "json", key, region)
    if "Action" not in query and environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        query = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    if "Action" in query:
        dry_run = query.get("DryRun", ["false"])[0].lower() == "true"
        return Operation(service, query["Action"][0], "query", key, region, dry_run=dry_run)
    method = environ["REQUEST_METHOD"]
    path = environ.get("RAW_URI", environ["PATH_INFO"]).partition("?")[0]
    for name, verb, pattern in _rest_operations(service):
        match = pattern.fullmatch(path) if verb == method else None
        if match:
            parameters = {label: unquote(value) for label, value in match.groupdict().items()}
            return Operation(service, name, "rest-json", key, region, parameters)
    return Operation(service, f"{method} {environ['PATH_INFO']}", "other", key, region)


def _credential_scope(authorization: str, query: Mapping[str, list[str]]) -> tuple[str, str, str]:
    """Access key, region and service of a SigV4 request's `KEY/DATE/REGION/SERVICE/aws4_request`."""
    match = re.search(r"Credential=([^,\s]+)", authorization)
    scope = (match.group(1) if match else query.get("X-Amz-Credential", [""])[0]).split("/")
    if len(scope) != 5:
        return "", "us-east-1", "unsigned"
    return scope[0], scope[2], scope[3].lower()


@functools.cache
def _rest_operations(service: str) -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    try:
        model = botocore.loaders.Loader().load_service_model(service, "service-2")
    except UnknownServiceError:
        return ()
    if "rest-json" not in model["metadata"].get("protocols", [model["metadata"]["protocol"]]):
        return ()
    operations = []
    for name, operation in model["operations"].items():
        uri = re.escape(operation["http"]["requestUri"].partition("?")[0]).replace(r"\{", "{").replace(r"\}", "}")
        uri = re.sub(r"\{(\w+)\\\+\}", r"(?P<\1>.+)", uri)
        uri = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", uri)
        operations.append((name, operation["http"]["method"], re.compile(uri + "/?")))
    return tuple(operations)


def account_of(access_key: str) -> str:
    """The account that an access key belongs to (moto's own rule; unknown keys belong to 123456789012)."""
    return str(get_account_id_from(access_key))


def caller_of(access_key: str) -> str:
    """ARN of the user or assumed role behind an access key; the key itself if nobody owns it."""
    account = account_of(access_key)
    key = iam_backends[account]["global"].access_keys.get(access_key)
    if key is not None and key.user_name:
        return f"arn:aws:iam::{account}:user/{key.user_name}"
    role = sts_backends[account]["global"].get_assumed_role_from_access_key(access_key)
    return str(role.arn) if role is not None else access_key or "anonymous"


class CallLog:
    """The audit: the sandbox's AWS calls, and those of further sources: the Kubernetes API, the private registry."""

    def __init__(self) -> None:
        self._calls: deque[AwsCall] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()
        self._sources: list[tuple[Callable[[], Iterable[AwsCall]], Callable[[], None] | None]] = []
        self._since = 0.0

    def record(self, operation: Operation, status: int) -> None:
        """Note an answered request."""
        user = caller_of(operation.access_key)
        call = AwsCall(operation.service, operation.name, operation.mutating, status, user, time.time())
        with self._lock:
            self._calls.append(call)

    def add_source(self, calls: Callable[[], Iterable[AwsCall]], clear: Callable[[], None] | None = None) -> None:
        """Merge another listener's calls into the audit."""
        self._sources.append((calls, clear))

    def own(self) -> list[AwsCall]:
        """AWS calls since the start, the last reset or the last clear."""
        with self._lock:
            return list(self._calls)

    def merged(self) -> list[AwsCall]:
        """Calls of all sources in time order."""
        calls = self.own()
        for source, _ in self._sources:
            calls.extend(call for call in source() if call.at >= self._since)
        return sorted(calls, key=lambda call: call.at)

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()
            self._since = time.time()
        for _, clear in self._sources:
            if clear is not None:
                clear()
