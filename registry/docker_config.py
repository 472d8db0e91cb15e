"""Credentials as `docker login`, `podman login`, `skopeo login` and `crane auth login` leave them.

Formats: Docker CLI, "docker login" (credential stores, credential helpers), and containers-auth.json(5).
"""

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from registry.credential_helper import CredentialHelper
from registry.credentials import Basic, Credential, IdentityToken
from registry.reference import DEFAULT_HOST

_DOCKER_HUB = ("index.docker.io", "registry-1.docker.io")


class DockerConfig:
    """The credentials of a config.json or auth.json.

    A host's own helper (`credHelpers`) is asked first, then the file itself (`auths`) is searched, the most
    specific key first, then the store for all hosts (`credsStore`) is asked.

    Args:
        auths: Credentials by host, or by host and the beginning of a repository's path.
        helpers: Helpers by host.
        store: The helper for all other hosts.
    """

    def __init__(
        self,
        auths: Mapping[str, Credential],
        helpers: Mapping[str, CredentialHelper],
        store: CredentialHelper | None = None,
    ) -> None:
        self._auths = auths
        self._helpers = helpers
        self._store = store

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            ValueError: It is not such a file. The message shows no content but the name of an entry.
            OSError: It cannot be read.
        """
        try:
            document = json.loads(path.read_bytes())
            auths = _credentials(_members(document, "auths"))
            helpers = {_key(host): CredentialHelper(name) for host, name in _members(document, "credHelpers").items()}
            store = document.get("credsStore")
            return cls(auths, helpers, CredentialHelper(store) if store else None)
        except (UnicodeDecodeError, json.JSONDecodeError):
            raise ValueError(f"{path} is no Docker config.json: it is not JSON") from None
        except ValueError as fault:
            raise ValueError(f"{path} is no Docker config.json: {fault}") from None

    @classmethod
    def default_path(cls, environment: Mapping[str, str] = os.environ) -> Path:
        """The file that the tools read.

        REGISTRY_AUTH_FILE, else config.json in DOCKER_CONFIG or ~/.docker, else, where that does not exist,
        podman's auth.json in XDG_RUNTIME_DIR (the order of go-containerregistry, `authn.DefaultKeychain`).
        """
        if environment.get("REGISTRY_AUTH_FILE"):
            return Path(environment["REGISTRY_AUTH_FILE"])
        docker = Path(environment.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
        podman = Path(environment.get("XDG_RUNTIME_DIR", "/nonexistent")) / "containers" / "auth.json"
        return podman if podman.is_file() and not docker.is_file() else docker

    def __call__(self, host: str, repository: str) -> Credential | None:
        """The credential for a repository, if there is one.

        Raises:
            UnauthorizedError: A helper failed.
        """
        if host in self._helpers:
            return self._helpers[host].get(_server(host))
        key = f"{host}/{repository}"
        while key:
            if key in self._auths:
                return self._auths[key]
            key = key.rpartition("/")[0]
        return self._store.get(_server(host)) if self._store else None


def _members(document: Any, name: str) -> dict[str, Any]:
    found = document.get(name) if isinstance(document, dict) else document
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError(f"{name!r} is not an object")
    return found


def _credentials(auths: Mapping[str, Any]) -> dict[str, Credential]:
    """Credentials by key. An empty entry only says that a store has them."""
    credentials: dict[str, Credential] = {}
    # A key in today's form wins over the same host as a URL.
    for key in sorted(auths, key=lambda key: "://" in key):
        try:
            credential = _credential(auths[key])
        except (ValueError, AttributeError, TypeError):
            raise ValueError(f"the entry of {_key(key)!r} has no base64 'auth' of the form user:password") from None
        if credential:
            credentials.setdefault(_key(key), credential)
    return credentials


def _credential(entry: Mapping[str, Any]) -> Credential | None:
    if entry.get("identitytoken"):
        return IdentityToken(str(entry["identitytoken"]))
    if entry.get("auth"):
        username, colon, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        if not colon:
            raise ValueError
        # Docker itself once padded passwords with zeros, and trims them.
        return Basic(username, password.strip("\0"))
    if entry.get("username") and entry.get("password"):
        return Basic(str(entry["username"]), str(entry["password"]))
    return None


def _key(key: str) -> str:
    """Host, or host and path, of a key; of a URL such as https://index.docker.io/v1/ the host only."""
    _, separator, rest = key.rpartition("://")
    host, _, path = rest.strip("/").partition("/")
    host = DEFAULT_HOST if host in _DOCKER_HUB else host
    return f"{host}/{path}" if path and not separator and path not in ("v1", "v2") else host


def _server(host: str) -> str:
    """What helpers know a host by: Docker Hub is the address of its first index."""
    return "https://index.docker.io/v1/" if host == DEFAULT_HOST else host
