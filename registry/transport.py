"""One HTTP exchange, its failures turned into our errors."""

import http.client
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from registry.connections import ANSWER_SECONDS, CONNECT_SECONDS, Connections, goes_through_proxy, proxy_headers
from registry.errors import UnavailableError, UnreachableError

Chunks = Iterator[bytes | memoryview]

_SMALL = 64 * 1024
_USER_AGENT = "batch-eks-flows"
# What may stand in a request's target as it is (RFC 3986); the rest of what a redirect brings is quoted.
_TARGET = "/:?#[]@!$&'()*+,;=%~-._"
_LAST_WORDS_SECONDS = 2.0


@dataclass(frozen=True)
class Request:
    """A request.

    Attributes:
        method: HTTP method.
        url: The whole URL.
        headers: Its headers.
        body: Its body. Chunks can be sent once only, and need a Content-Length among the headers.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body: bytes | Chunks | None = None


class Response:
    """An answer whose body is read by whoever asked.

    Attributes:
        request: What it answers.
        status: Its status.
        reason: The status in words.
    """

    def __init__(self, request: Request, answer: http.client.HTTPResponse, resource: str) -> None:
        self.request: Final = request
        self.status: Final = answer.status
        self.reason: Final = answer.reason
        self._answer = answer
        self._resource = resource

    def header(self, name: str) -> str:
        """A header's value, or an empty text."""
        return self._answer.headers.get(name, "")

    def headers(self, name: str) -> list[str]:
        """All values of a header."""
        return list(self._answer.headers.get_all(name, ()))

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer; gives the count, which is smaller at the body's end only, whole or cut off.

        Raises:
            UnavailableError: The connection broke.
        """
        try:
            return self._answer.readinto(buffer)
        except (OSError, http.client.HTTPException) as error:
            raise _broken(self._resource, error) from None

    def read(self, most: int) -> bytes:
        """The body, or its first bytes.

        Raises:
            UnavailableError: The connection broke, or the body was cut off.
        """
        try:
            content = self._answer.read(most)
        except (OSError, http.client.HTTPException) as error:
            raise _broken(self._resource, error) from None
        if len(content) < most and self._answer.length:
            raise UnavailableError(self._resource, f"the body was cut off, {self._answer.length} bytes were to come")
        return content

    def finish(self) -> bool:
        """Read the rest of a small body that nobody asked for: only then can the connection be used again."""
        if not self._answer.isclosed():
            self.read(_SMALL)
        return self._answer.isclosed() and not self._answer.will_close


class Transport:
    """Sends requests. Safe to use from several threads.

    Args:
        connect_seconds: How long a connection may take to come about.
        answer_seconds: How long the other side may be silent.
        ca_file: Certificate authorities that are trusted beside the system's; empty for none.
    """

    def __init__(
        self,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        ca_file: str = "",
    ) -> None:
        self._connections = Connections(connect_seconds, answer_seconds, ca_file)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._connections.close()

    @contextmanager
    def exchange(self, request: Request, resource: str) -> Iterator[Response]:
        """Send a request; the response's body is not read yet.

        Raises:
            UnavailableError: The connection broke.
            UnreachableError: There was none.
        """
        url = urlsplit(request.url)
        connection, answer = self._answer(url, request, resource)
        reusable = False
        try:
            response = Response(request, answer, resource)
            yield response
            reusable = response.finish()
        finally:
            answer.close()
            if reusable:
                self._connections.give_back(url, connection)
            else:
                connection.close()

    def _answer(
        self, url: SplitResult, request: Request, resource: str
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Send over a connection that is kept, or a new one."""
        kept = self._connections.take_idle(url)
        if kept is not None:
            try:
                return kept, self._send(kept, url, request, resource)
            except UnavailableError:
                # The other side may have closed it just now: not a failure, unless the body is gone.
                if isinstance(request.body, Iterator):
                    raise
        connection = self._open(url, resource)
        return connection, self._send(connection, url, request, resource)

    def _open(self, url: SplitResult, resource: str) -> http.client.HTTPConnection:
        try:
            return self._connections.open(url)
        except ConnectionResetError:
            raise UnavailableError(resource, "the connection was reset") from None
        except TimeoutError:
            raise _unreachable(
                resource,
                url,
                "no connection within the time limit",
                "no route or a firewall: a private VPC reaches no public registry",
            ) from None
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise _unreachable(
                resource, url, str(error) or type(error).__name__, "the name, port or TLS is wrong"
            ) from None

    def _send(
        self, connection: http.client.HTTPConnection, url: SplitResult, request: Request, resource: str
    ) -> http.client.HTTPResponse:
        try:
            self._send_head(connection, url, request)
            if isinstance(request.body, Iterator):
                return _send_chunks(connection, request.body)
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _broken(resource, error) from None
        except BaseException:
            connection.close()
            raise

    def _send_head(self, connection: http.client.HTTPConnection, url: SplitResult, request: Request) -> None:
        target = quote(url._replace(scheme="", netloc="", fragment="").geturl(), safe=_TARGET) or "/"
        headers = {"User-Agent": _USER_AGENT, **request.headers}
        if goes_through_proxy(url):
            target = f"{url.scheme}://{url.netloc}{target}"
            headers |= proxy_headers(url)
        if isinstance(request.body, bytes):
            headers["Content-Length"] = str(len(request.body))
        elif request.body is None and request.method in ("POST", "PUT"):
            headers["Content-Length"] = "0"
        connection.putrequest(request.method, target, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(request.body if isinstance(request.body, bytes) else None)


def _send_chunks(connection: http.client.HTTPConnection, chunks: Chunks) -> http.client.HTTPResponse:
    for chunk in chunks:
        try:
            connection.send(chunk)
        except OSError as broken:
            return _last_words(connection, broken)
    return connection.getresponse()


def _last_words(connection: http.client.HTTPConnection, broken: OSError) -> http.client.HTTPResponse:
    """The refusal of a registry that had heard enough and hung up: it says why, the broken connection does not."""
    connection.sock.settimeout(_LAST_WORDS_SECONDS)
    try:
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException):
        raise broken from None
    if answer.status < 400:
        raise broken
    answer.will_close = True
    return answer


def _broken(resource: str, error: Exception) -> UnavailableError:
    """Reset, closed, silent, cut off. Texts that may show a URL or a header are left out."""
    if isinstance(error, socket.timeout):
        return UnavailableError(resource, "no answer within the time limit")
    told = isinstance(error, OSError | http.client.IncompleteRead) and str(error)
    return UnavailableError(resource, f"the connection broke: {told or type(error).__name__}")


def _unreachable(resource: str, url: SplitResult, answered: str, cause: str) -> UnreachableError:
    return UnreachableError(
        resource,
        f"cannot connect to {url.scheme}://{url.hostname}{f':{url.port}' if url.port else ''} ({answered})",
        cause,
        "check REGISTRY_HOSTS, the host and the proxy; plain http needs --plain-http",
    )
