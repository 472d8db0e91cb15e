"""Connections to registries: kept open and used again, with the proxies and certificates of the environment.

The standard library's HTTP client rather than a larger one: its `readinto` fills our own buffer and its `send`
takes a view of it, which halves the processor time of a copy, and it is loaded in a third of the time.
"""

import os
import select
import ssl
import threading
from base64 import b64encode
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import SplitResult, unquote, urlsplit

from registry.errors import UnreachableError

# A host that does not answer within ten seconds has no route; a registry may take long over the last byte of a
# big layer.
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 120.0

_Origin = tuple[str, str]


class Connections:
    """Open connections by scheme, host and port. Safe to use from several threads.

    Proxies are those of `https_proxy`, `http_proxy`, `no_proxy`. Certificates are the system's, or SSL_CERT_FILE's
    (OpenSSL), and Mozilla's where neither is there.

    Args:
        connect_seconds: How long a connection may take to come about.
        answer_seconds: How long the other side may be silent.
        ca_file: Certificate authorities that are trusted too; empty for none.
    """

    def __init__(
        self,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        ca_file: str = "",
    ) -> None:
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._idle: dict[_Origin, list[HTTPConnection]] = {}
        self._context: ssl.SSLContext | None = None

    def take_idle(self, url: SplitResult) -> HTTPConnection | None:
        """A connection that was used before and is still open, if there is one."""
        while True:
            with self._lock:
                idle = self._idle.get(_origin(url))
                connection = idle.pop() if idle else None
            # One that can be read from was closed by the other side: nobody was asked anything.
            if connection is None or not _is_readable(connection):
                return connection
            connection.close()

    def open(self, url: SplitResult) -> HTTPConnection:
        """A new connection.

        Raises:
            OSError: It did not come about.
            UnreachableError: The proxy's address is none that can be used.
        """
        connection = self._connection(url)
        connection.connect()
        connection.sock.settimeout(self._answer_seconds)
        return connection

    def give_back(self, url: SplitResult, connection: HTTPConnection) -> None:
        """Keep a connection whose last answer was read to its end."""
        with self._lock:
            self._idle.setdefault(_origin(url), []).append(connection)

    def close(self) -> None:
        """Close all that are not in use."""
        with self._lock:
            idle = [connection for kept in self._idle.values() for connection in kept]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def _connection(self, url: SplitResult) -> HTTPConnection:
        host, port = url.hostname or "", url.port
        proxy = _proxy(url)
        if proxy is None:
            if url.scheme == "https":
                return HTTPSConnection(host, port, timeout=self._connect_seconds, context=self._tls())
            return HTTPConnection(host, port, timeout=self._connect_seconds)
        if proxy.scheme != "http" or not proxy.hostname:
            raise UnreachableError(
                url.netloc,
                f"the proxy {proxy.scheme}://{proxy.hostname} cannot be used",
                "only proxies of the form http://HOST:PORT are known",
                "correct http_proxy or https_proxy, or name the host in no_proxy",
            )
        if url.scheme == "http":
            return HTTPConnection(proxy.hostname, proxy.port, timeout=self._connect_seconds)
        tunnel = HTTPSConnection(proxy.hostname, proxy.port, timeout=self._connect_seconds, context=self._tls())
        tunnel.set_tunnel(host, port, proxy_headers(url))
        return tunnel

    def _tls(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = ssl.create_default_context()
                if not self._context.get_ca_certs() and not os.environ.get("SSL_CERT_DIR"):
                    import certifi  # here, since it is seldom needed

                    self._context.load_verify_locations(certifi.where())
                if self._ca_file:
                    self._context.load_verify_locations(self._ca_file)
            return self._context


def proxy_headers(url: SplitResult) -> dict[str, str]:
    """Proxy-Authorization where the proxy's address has a user name."""
    proxy = _proxy(url)
    if proxy is None or proxy.username is None:
        return {}
    secret = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(secret.encode()).decode()}"}


def goes_through_proxy(url: SplitResult) -> bool:
    """Whether a request names its whole URL, as an http proxy wants it."""
    return url.scheme == "http" and _proxy(url) is not None


def _proxy(url: SplitResult) -> SplitResult | None:
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass  # here, since it is slow to load and seldom needed

    address = getproxies().get(url.scheme) or getproxies().get("all")
    if not address or proxy_bypass(url.netloc):
        return None
    return urlsplit(address if "://" in address else f"http://{address}")


def _origin(url: SplitResult) -> _Origin:
    return url.scheme, url.netloc


def _is_readable(connection: HTTPConnection) -> bool:
    polling = select.poll()
    polling.register(connection.sock, select.POLLIN)
    return bool(polling.poll(0))
