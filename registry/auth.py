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
from registry.credentials import Basic, CredentialProvider, IdentityToken
from registry.errors import RegistryError, UnauthorizedError
from registry.response import raise_refusal, read_json
from registry.streams import Streams
from registry.transport import Request, Response

Scopes = tuple[str, ...]


@dataclass(frozen=True)
class _Token:
    value: str
    expires: float


class Authenticator:
    """Knows, for each host and scope, the header that was accepted last. Safe to use from several threads."""

    def __init__(
        self,
        streams: Streams,
        credentials: CredentialProvider,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._streams = streams
        self._credentials = credentials
        self._clock = clock
        self._lock = threading.Lock()
        self._basic: set[str] = set()
        self._tokens: dict[tuple[str, Scopes], _Token] = {}
        self._fetching: dict[tuple[str, Scopes], threading.Lock] = {}

    def header(self, host: str, repository: str, scopes: Scopes) -> str | None:
        """The Authorization header to send, if one is known to be wanted."""
        with self._lock:
            token = self._tokens.get((host, scopes))
            basic = host in self._basic
        if token is not None and self._clock() < token.expires:
            return f"Bearer {token.value}"
        if basic:
            credential = self._credentials(host, repository)
            if isinstance(credential, Basic):
                return credential.header()
        return None

    def answer(
        self, host: str, repository: str, endpoint: str, scopes: Scopes, response: Response, sent: str | None
    ) -> str:
        """The header that answers a 401.

        Args:
            host: The registry's name in references.
            repository: The repository that was asked for.
            endpoint: The registry's base URL.
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
        header = self._by_basic(host, repository) if chosen.scheme == "basic" else None
        if chosen.scheme == "bearer":
            with self._lock:
                fetching = self._fetching.setdefault((host, scopes), threading.Lock())
            with fetching:
                # Many blobs start at the same moment: one of them fetches the token for all.
                known = self.header(host, repository, scopes)
                new = known in (None, sent)
                header = self._by_token(host, repository, endpoint, scopes, chosen) if new else known
        if header is None or header == sent:
            raise _not_accepted(host, offered=sent is not None)
        return header

    def _by_basic(self, host: str, repository: str) -> str | None:
        credential = self._credentials(host, repository)
        if isinstance(credential, IdentityToken):
            raise UnauthorizedError(
                host,
                "401, it wants a user name and a password",
                "the last login left an identity token, which only a token service takes",
                "log in again with a password or an access token",
            )
        if credential is None:
            return None
        with self._lock:
            self._basic.add(host)
        return credential.header()

    def _by_token(self, host: str, repository: str, endpoint: str, scopes: Scopes, challenge: Challenge) -> str:
        """Fetch a token.

        Nobody and passwords by GET (Docker token specification), identity tokens by POST ("Docker Registry v2
        authentication using OAuth2", grant_type refresh_token).
        """
        realm = challenge.parameters.get("realm", "")
        credential = self._credentials(host, repository)
        if credential is not None:
            _check_realm(host, endpoint, realm)
        url = _token_url(host, realm)
        parameters = [("service", service)] if (service := challenge.parameters.get("service")) else []
        wanted = _wanted(challenge.parameters.get("scope"), scopes)
        if isinstance(credential, IdentityToken):
            request = _refresh(url, [*parameters, ("scope", " ".join(wanted))], credential)
        else:
            parameters += [("scope", scope) for scope in wanted]
            query = "&".join(filter(None, (url.query, urlencode(parameters))))
            headers = {"Authorization": credential.header()} if credential else {}
            request = Request("GET", url._replace(query=query, fragment="").geturl(), headers)
        resource = f"{host} (token)"
        with self._streams.exchange(request, resource) as response:
            # 400 is the answer to an identity token that is no longer valid (RFC 6749, 5.2, invalid_grant).
            if response.status == 401 or (response.status == 400 and isinstance(credential, IdentityToken)):
                raise _not_accepted(host, offered=credential is not None)
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


def _refresh(url: SplitResult, parameters: list[tuple[str, str]], credential: IdentityToken) -> Request:
    """The request that an identity token is exchanged with; the token is in its body, not in its URL."""
    form = [
        ("grant_type", "refresh_token"),
        *parameters,
        ("client_id", "batch-eks-flows"),
        ("refresh_token", credential.token),
    ]
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Request("POST", url._replace(fragment="").geturl(), headers, urlencode(form).encode())


def _wanted(scope: str | None, scopes: Scopes) -> Sequence[str]:
    """The challenge's scope; where it names repositories, ours too.

    A push after a question needs more than the question did, a mount its origin as well.
    """
    if scope is None:
        return scopes
    if not scope.startswith("repository:"):
        return (scope,)
    further = [one for one in scope.split(" ") if not any(_includes(ours, one) for ours in scopes)]
    return tuple(dict.fromkeys((*further, *scopes)))


def _includes(scope: str, other: str) -> bool:
    """Whether a scope (`repository:NAME:ACTIONS`) gives all that another one does."""
    (resource, _, actions), (other_resource, _, other_actions) = scope.rpartition(":"), other.rpartition(":")
    return resource == other_resource and set(other_actions.split(",")) <= set(actions.split(","))


def _token_url(host: str, realm: str) -> SplitResult:
    try:
        url = urlsplit(realm)
        url.port  # noqa: B018 - refuses a port that is no number
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
    """Refuse to send credentials in clear text, but to the very address where the registry is reached so."""
    url = _token_url(host, realm)
    if url.scheme == "http" and (url.scheme, url.netloc) != urlsplit(endpoint)[:2]:
        raise UnauthorizedError(
            host,
            f"a challenge that sends us to {url.scheme}://{url.netloc.rpartition('@')[2]} for a token",
            "the credentials would go over plain http, which is not how the registry is reached: they were not sent",
            "check the registry's address, and who answers there",
        )


def _not_accepted(host: str, *, offered: bool) -> RegistryError:
    if not offered:
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
