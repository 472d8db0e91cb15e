"""Authentication: which header a request to a registry carries.

Bearer tokens are kept per host and scope until shortly before they expire. Basic credentials are asked of the
provider each time, so that a provider that renews (ECR's tokens last 12 hours) is followed in mid-copy.
"""

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlencode, urlsplit

from registry.challenge import Challenge
from registry.credentials import Basic, CredentialProvider
from registry.errors import RegistryError, UnauthorizedError
from registry.response import raise_refusal, read_json
from registry.transport import Request, Response, Transport

Scopes = tuple[str, ...]


@dataclass(frozen=True)
class _Token:
    value: str
    expires: float


class Authenticator:
    """Knows, for each host and scope, the header that was accepted last. Safe to use from several threads."""

    def __init__(
        self,
        transport: Transport,
        credentials: CredentialProvider,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._clock = clock
        self._lock = threading.Lock()
        self._basic: set[str] = set()
        self._tokens: dict[tuple[str, Scopes], _Token] = {}
        self._fetching: dict[tuple[str, Scopes], threading.Lock] = {}

    def header(self, host: str, scopes: Scopes) -> str | None:
        """The Authorization header to send, if one is known to be wanted."""
        with self._lock:
            token = self._tokens.get((host, scopes))
            basic = host in self._basic
        if token is not None and self._clock() < token.expires:
            return f"Bearer {token.value}"
        if basic:
            credential = self._credentials(host)
            if isinstance(credential, Basic):
                return credential.header()
        return None

    def answer(self, host: str, endpoint: str, scopes: Scopes, response: Response, sent: str | None) -> str:
        """The header that answers a 401.

        Args:
            host: The registry's name in references.
            endpoint: Its base URL.
            scopes: What the request needs.
            response: The 401.
            sent: The header that was refused, if one was sent.

        Raises:
            UnauthorizedError: There is no other credential to offer.
        """
        headers = response.headers("WWW-Authenticate")
        challenges = [found for found in map(Challenge.parse, headers) if found is not None]
        chosen = next((one for one in challenges if one.scheme == "bearer"), None)
        chosen = chosen or next(iter(challenges), None)
        if chosen is None:
            raise UnauthorizedError(
                host, f"401 with no challenge that is understood ({', '.join(headers) or 'no header'})"
            )
        header = self._by_basic(host) if chosen.scheme == "basic" else None
        if chosen.scheme == "bearer":
            with self._lock:
                fetching = self._fetching.setdefault((host, scopes), threading.Lock())
            with fetching:
                # Many blobs start at the same moment: one of them fetches the token for all.
                known = self.header(host, scopes)
                header = self._by_token(host, endpoint, scopes, chosen) if known in (None, sent) else known
        if header is None or header == sent:
            raise _not_accepted(host, sent)
        return header

    def _by_basic(self, host: str) -> str | None:
        credential = self._credentials(host)
        if not isinstance(credential, Basic):
            return None
        with self._lock:
            self._basic.add(host)
        return credential.header()

    def _by_token(self, host: str, endpoint: str, scopes: Scopes, challenge: Challenge) -> str:
        """Fetch a token (Docker token specification; credentials as Basic on the GET)."""
        realm = challenge.parameters.get("realm", "")
        credential = self._credentials(host)
        headers = {}
        if isinstance(credential, Basic):
            _check_realm(host, endpoint, realm)
            headers["Authorization"] = credential.header()
        parameters = [("service", service)] if (service := challenge.parameters.get("service")) else []
        parameters += [("scope", scope) for scope in _wanted(challenge.parameters.get("scope"), scopes)]
        resource = f"{host} (token)"
        url = _token_url(host, realm)
        query = "&".join(filter(None, (url.query, urlencode(parameters))))
        request = Request("GET", url._replace(query=query, fragment="").geturl(), headers)
        with self._transport.exchange(request, resource) as response:
            if response.status == 401:
                raise _not_accepted(host, headers.get("Authorization"))
            if response.status != 200:
                raise_refusal(response, resource)
            document = read_json(response, resource)
        value = document.get("token") or document.get("access_token")
        # Checked here: an error of the HTTP library about a bad header would show the token.
        if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]+", value):
            raise RegistryError(resource, "an answer without a token")
        lifetime = document.get("expires_in", 60)  # "defaults to 60" (token specification)
        seconds = float(lifetime) if isinstance(lifetime, int | float) else 60.0
        with self._lock:
            self._tokens[host, scopes] = _Token(value, self._clock() + 0.8 * seconds)
        return f"Bearer {value}"


def _wanted(scope: str | None, scopes: Scopes) -> Sequence[str]:
    """The challenge's scope; where it names repositories, ours too (a mount needs its origin's as well)."""
    if scope is None:
        return scopes
    if not scope.startswith("repository:"):
        return (scope,)
    return tuple(dict.fromkeys((*scope.split(" "), *scopes)))


def _token_url(host: str, realm: str) -> SplitResult:
    try:
        url = urlsplit(realm)
    except ValueError:
        url = urlsplit("")
    if url.scheme not in ("http", "https") or not url.hostname:
        raise UnauthorizedError(
            host,
            f"a challenge whose realm {realm!r} is no http(s) URL",
            "the registry, or something in between, is misconfigured",
        )
    return url


def _check_realm(host: str, endpoint: str, realm: str) -> None:
    """Refuse to send credentials in clear text to a host that is not the registry's own."""
    url = _token_url(host, realm)
    if url.scheme == "http" and url.netloc != urlsplit(endpoint).netloc:
        raise UnauthorizedError(
            host,
            f"a challenge that sends us to {url.scheme}://{url.netloc} for a token",
            "the credentials would go over plain http to a host that is not the registry's: they were not sent",
            "check the registry's address, and who answers there",
        )


def _not_accepted(host: str, sent: str | None) -> RegistryError:
    if sent is None:
        return UnauthorizedError(
            host,
            "401, authentication required",
            "there are no credentials for this host",
            "log in (docker login, or for ECR a token of GetAuthorizationToken), or check the image's name",
        )
    return UnauthorizedError(
        host,
        "401, the credentials were not accepted",
        "they are wrong or have expired",
        "log in again; a token of ECR is valid for 12 hours",
    )
