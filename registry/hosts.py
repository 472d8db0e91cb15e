"""Where a registry is reached: its own host, or another endpoint, as containerd's registry hosts redirect."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Hosts:
    """Endpoints by registry host.

    Credentials and repositories keep the name in the reference; only the address changes.

    Attributes:
        endpoints: Base URL by host; others are reached at https://HOST.
        plain_http: Reach the others at http://HOST.
    """

    endpoints: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    plain_http: bool = False

    @classmethod
    def parse(cls, text: str, *, plain_http: bool = False) -> Self:
        """Read `name=http://address,name=https://address`, the form of REGISTRY_HOSTS.

        Raises:
            ValueError: An entry has no `=`, or its address is not an http(s) URL without path.
        """
        endpoints = {}
        for entry in filter(None, (part.strip() for part in text.split(","))):
            name, equals, address = entry.partition("=")
            url = urlsplit(address)
            if not name or not equals or url.scheme not in ("http", "https") or not url.netloc:
                raise ValueError(
                    f"registry host {entry!r} is not of the form NAME=http://ADDRESS or NAME=https://ADDRESS"
                )
            if url.path not in ("", "/") or url.query or "@" in url.netloc:
                raise ValueError(
                    f"the address of registry host {name!r} has a path, query or credentials: "
                    "give scheme, host and port only"
                )
            endpoints[name] = f"{url.scheme}://{url.netloc}"
        return cls(endpoints, plain_http)

    def endpoint(self, host: str) -> str:
        """Base URL of a registry.

        docker.io is served by registry-1.docker.io. A loopback host is reached over plain http, as Docker
        does for 127.0.0.0/8 ("insecure registries").
        """
        if host in self.endpoints:
            return self.endpoints[host]
        if host == "docker.io":
            return "https://registry-1.docker.io"
        scheme = "http" if self.plain_http or _is_loopback(host) else "https"
        return f"{scheme}://{host}"


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of a URL: what credentials and pauses belong to."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
