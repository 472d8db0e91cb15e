"""Who we are at a registry."""

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Anonymous:
    """Nobody: public images."""


@dataclass(frozen=True)
class Basic:
    """A user name and a password or token. The password shows in no repr."""

    username: str
    password: str = field(repr=False)

    def header(self) -> str:
        """Value of the Authorization header (RFC 7617)."""
        return f"Basic {base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()}"


Credential = Anonymous | Basic
CredentialProvider = Callable[[str], Credential | None]
"""Gives the credential for a registry's host. It is asked before each request, so that it can renew."""


def anonymous(_: str) -> Credential | None:
    """The provider for public images."""
    return None


class DockerConfig:
    """Credentials as `docker login`, `skopeo login` and `crane auth login` write them.

    Reads the `auths` of a config.json (Docker CLI, "Configuration files").
    """

    def __init__(self, auths: Mapping[str, Credential]) -> None:
        self._auths = auths

    @classmethod
    def read(cls, path: Path) -> "DockerConfig":
        """Read a config.json or auth.json.

        Raises:
            ValueError: It is not such a file. The message shows no content.
        """
        try:
            document = json.loads(path.read_text())
            auths = {_host(key): _credential(entry) for key, entry in document.get("auths", {}).items()}
        except (ValueError, AttributeError, TypeError):
            raise ValueError(f"{path} is no Docker config.json with base64 'auth' entries") from None
        return cls(auths)

    @classmethod
    def default_path(cls, environment: Mapping[str, str] = os.environ) -> Path:
        """REGISTRY_AUTH_FILE, else config.json in DOCKER_CONFIG, else in ~/.docker."""
        if "REGISTRY_AUTH_FILE" in environment:
            return Path(environment["REGISTRY_AUTH_FILE"])
        return Path(environment.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"

    def __call__(self, host: str) -> Credential | None:
        """The credential for a host."""
        return self._auths.get(host)


def _host(key: str) -> str:
    """The host of a key, which may be a URL such as https://index.docker.io/v1/."""
    host = key.removeprefix("https://").removeprefix("http://").partition("/")[0]
    return "docker.io" if host in ("index.docker.io", "registry-1.docker.io") else host


def _credential(entry: Mapping[str, str]) -> Credential:
    encoded = entry.get("auth")
    if encoded:
        username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        return Basic(username, password)
    if "username" in entry and "password" in entry:
        return Basic(entry["username"], entry["password"])
    return Anonymous()
