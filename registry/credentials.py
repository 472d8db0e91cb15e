"""Who we are at a registry."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Basic:
    """A user name and a password or token. The password shows in no repr."""

    username: str
    password: str = field(repr=False)

    def header(self) -> str:
        """Value of the Authorization header (RFC 7617)."""
        return f"Basic {base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()}"


@dataclass(frozen=True)
class IdentityToken:
    """A refresh token that a login left instead of a password, as at Azure's registries. It shows in no repr.

    It is good at the registry's token service only ("Docker Registry v2 authentication using OAuth2").
    """

    token: str = field(repr=False)


Credential = Basic | IdentityToken
CredentialProvider = Callable[[str, str], Credential | None]
"""Gives the credential for a host and a repository there. It is asked before each request, so that it can renew."""


def anonymous(_host: str, _repository: str) -> Credential | None:
    """The provider for public images."""
    return None
