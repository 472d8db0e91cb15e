"""One HTTP exchange, its failures turned into our errors."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from registry.errors import UnavailableError, UnreachableError

# Connections: one to ask and a few to stream, kept for the whole copy. A host that does not answer within ten
# seconds has no route; a registry may take long over the last byte of a big layer.
_TIMEOUT = httpx.Timeout(connect=10.0, read=120.0, write=120.0, pool=None)

_SMALL = 64 * 1024


def open_http() -> httpx.Client:
    """The HTTP client that registries are reached with: proxies and CA bundles from the environment."""
    return httpx.Client(
        timeout=_TIMEOUT,
        follow_redirects=False,
        headers={"User-Agent": "batch-eks-flows"},
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
    )


@contextmanager
def exchange(http: httpx.Client, request: httpx.Request, resource: str) -> Iterator[httpx.Response]:
    """Send a request; the response's body is not read yet.

    Raises:
        UnavailableError: The connection broke, now or while the body is read inside the `with` block.
        UnreachableError: There was none.
    """
    try:
        response = http.send(request, stream=True)
        try:
            yield response
            drain(response)
        finally:
            response.close()
    except httpx.ConnectTimeout:
        raise _unreachable(
            resource,
            request.url,
            "no connection within the time limit",
            "no route or a firewall: a private VPC reaches no public registry",
        ) from None
    except httpx.ConnectError as error:
        if "reset" in str(error).lower():
            raise UnavailableError(resource, "the connection was reset") from None
        raise _unreachable(resource, request.url, f"{error}", "the name, port or TLS is wrong") from None
    except httpx.TimeoutException:
        raise UnavailableError(resource, "no answer within the time limit") from None
    except httpx.TransportError as error:
        # Reset, closed, body cut off. The exception's text names no URL and no header.
        raise UnavailableError(resource, f"the connection broke: {error or type(error).__name__}") from None


def drain(response: httpx.Response) -> None:
    """Read the rest of a small body that nobody asked for: only then can the connection be used again."""
    if response.is_stream_consumed:
        return
    left = _SMALL
    for chunk in response.iter_raw():
        left -= len(chunk)
        if left < 0:
            return


def _unreachable(resource: str, url: httpx.URL, answered: str, cause: str) -> UnreachableError:
    address = f"{url.scheme}://{url.netloc.decode()}"
    return UnreachableError(
        resource,
        f"cannot connect to {address} ({answered})",
        cause,
        "check REGISTRY_HOSTS, the host and the proxy; plain http needs --plain-http",
    )
