"""Bearer tokens per scope, against a registry that gives them out for a password."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from registry.auth import Authenticator
from registry.client import RegistryClient
from registry.credentials import Basic, Credential, CredentialProvider, IdentityToken
from registry.errors import NotFoundError, RegistryError, UnauthorizedError, UnavailableError
from registry.hosts import Hosts
from registry.manifest import Descriptor
from registry.reference import Reference
from registry.retry import Retry
from registry.streams import Streams
from registry.transport import Request

DIGEST = "sha256:" + "d" * 64
BLOB = Descriptor(DIGEST, 4, "x/y")


@dataclass
class TokenRegistry:
    """What the registry accepts, and what it was asked."""

    address: str = ""
    valid: set[str] = field(default_factory=set)
    scopes: list[list[str]] = field(default_factory=list)
    key: str = "token"
    lifetime: int = 300
    put_status: int = 0
    logins: set[str] = field(default_factory=lambda: {Basic("me", "s3cret").header()})
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    basic: str = ""

    def challenge(self, repository: str, actions: str) -> str:
        realm = f"http://{self.address}/token"
        return f'Bearer realm="{realm}",service="tests",scope="repository:{repository}:{actions}"'


@pytest.fixture
def registry() -> Iterator[TokenRegistry]:
    state = TokenRegistry()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Keep the tests' output quiet."""

        def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def handle_any(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            authorization = self.headers.get("Authorization", "")
            if url.path == "/token":
                form = parse_qs(body.decode())
                if self.command == "POST" and form.get("refresh_token") != ["r3fresh"]:
                    self.answer(400, b'{"error": "invalid_grant"}')
                    return
                if self.command == "GET" and authorization not in state.logins:
                    self.answer(401)
                    return
                state.forms.append(form)
                state.scopes.append((form if self.command == "POST" else parse_qs(url.query))["scope"])
                token = f"token-{len(state.scopes)}"
                state.valid.add(token)
                self.answer(200, json.dumps({state.key: token, "expires_in": state.lifetime}).encode())
            elif authorization.removeprefix("Bearer ") not in state.valid:
                actions = "pull" if self.command in ("GET", "HEAD") else "pull,push"
                repository = url.path.removeprefix("/v2/").partition("/manifests/")[0].partition("/blobs/")[0]
                self.answer(401, WWW_Authenticate=state.basic or state.challenge(repository, actions))
            elif self.command == "POST":
                self.answer(202, Location="/v2/a/b/blobs/uploads/1?_state=x%3D%3D")
            elif self.command == "PUT" and state.put_status:
                self.answer(state.put_status)
            else:
                self.answer(200 if self.command == "HEAD" else 201, Docker_Content_Digest=DIGEST)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def login(_host: str, _repository: str) -> Credential | None:
    return Basic("me", "s3cret")


def client(streams: Streams, credentials: CredentialProvider = login) -> RegistryClient:
    return RegistryClient(Hosts(), credentials, Retry(sleep=lambda _: None), streams)


@pytest.fixture
def streams() -> Iterator[Streams]:
    opened = Streams()
    yield opened
    opened.close()


@pytest.fixture
def image(registry: TokenRegistry) -> Reference:
    return Reference.parse(f"{registry.address}/a/b:1")


@pytest.mark.parametrize("key", ["token", "access_token"])
def test_one_token_serves_all_requests_of_a_scope(
    registry: TokenRegistry, streams: Streams, image: Reference, key: str
) -> None:
    registry.key = key
    asking = client(streams)
    for _ in range(3):
        assert asking.digest_of(image) == DIGEST
    assert registry.scopes == [["repository:a/b:pull"]]
    for _ in range(2):
        assert asking.digest_of(image, push=True) == DIGEST
        assert asking.has_blob(image, BLOB)
        asking.begin_upload(image)
    assert registry.scopes[1:] == [["repository:a/b:pull,push"]]


def test_a_mount_asks_for_its_origin_too(registry: TokenRegistry, streams: Streams, image: Reference) -> None:
    location = client(streams).mount(image, BLOB, "other/repository")
    assert location == f"http://{registry.address}/v2/a/b/blobs/uploads/1?_state=x%3D%3D"
    assert registry.scopes == [["repository:a/b:pull,push", "repository:other/repository:pull"]]


def test_a_token_is_renewed_before_it_expires(registry: TokenRegistry, streams: Streams) -> None:
    now = 0.0
    auth = Authenticator(streams, login, clock=lambda: now)
    endpoint, scopes = f"http://{registry.address}", ("repository:a/b:pull",)
    with streams.exchange(Request("GET", f"{endpoint}/v2/"), "a/b") as refused:
        header = auth.answer(registry.address, "a/b", endpoint, scopes, refused, None)
    assert auth.header(registry.address, "a/b", scopes) == header
    now = registry.lifetime * 0.9
    assert auth.header(registry.address, "a/b", scopes) is None


def test_a_registry_reached_over_https_gets_no_credentials_sent_in_clear(
    registry: TokenRegistry, streams: Streams
) -> None:
    auth, scopes = Authenticator(streams, login), ("repository:a/b:pull",)
    with streams.exchange(Request("GET", f"http://{registry.address}/v2/"), "a/b") as refused:
        with pytest.raises(UnauthorizedError, match=r"plain http, which is not how.*were not sent"):
            auth.answer(registry.address, "a/b", f"https://{registry.address}", scopes, refused, None)
        assert registry.scopes == []
        auth.answer(registry.address, "a/b", f"http://{registry.address}", scopes, refused, None)
    assert len(registry.scopes) == 1


def test_a_token_that_was_revoked_is_fetched_anew(registry: TokenRegistry, streams: Streams, image: Reference) -> None:
    asking = client(streams)
    asking.digest_of(image)
    registry.valid.clear()
    assert asking.digest_of(image) == DIGEST
    assert len(registry.scopes) == 2


def test_an_upload_whose_token_was_revoked_is_begun_again(
    registry: TokenRegistry, streams: Streams, image: Reference
) -> None:
    asking = client(streams)
    location = asking.begin_upload(image)
    registry.valid.clear()
    with pytest.raises(UnavailableError, match="token expired"):
        asking.finish_upload(image, location, BLOB, iter([b"body"]))
    asking.finish_upload(image, asking.begin_upload(image), BLOB, iter([b"body"]))


def test_wrong_credentials_are_not_shown(registry: TokenRegistry, streams: Streams, image: Reference) -> None:
    asking = client(streams, lambda *_: Basic("me", "wr0ng"))
    with pytest.raises(UnauthorizedError, match="not accepted") as caught:
        asking.digest_of(image)
    assert "wr0ng" not in f"{caught.value!r} {caught.value}"
    with pytest.raises(UnauthorizedError, match="no credentials"):
        client(streams, lambda *_: None).digest_of(image)


def test_an_identity_token_is_exchanged_in_a_body(registry: TokenRegistry, streams: Streams, image: Reference) -> None:
    registry.key = "access_token"
    asking = client(streams, lambda *_: IdentityToken("r3fresh"))
    asking.mount(image, BLOB, "other/repository")
    assert registry.forms == [
        {
            "grant_type": ["refresh_token"],
            "service": ["tests"],
            "scope": ["repository:a/b:pull,push repository:other/repository:pull"],
            "client_id": ["batch-eks-flows"],
            "refresh_token": ["r3fresh"],
        }
    ]
    asking.begin_upload(image)
    assert len(registry.forms) == 2


def test_an_identity_token_that_is_refused_or_of_no_use_is_not_shown(
    registry: TokenRegistry, streams: Streams, image: Reference
) -> None:
    asking = client(streams, lambda *_: IdentityToken("s3cret"))
    with pytest.raises(UnauthorizedError, match="not accepted") as caught:
        asking.digest_of(image)
    assert "s3cret" not in f"{caught.value!r} {caught.value}"
    registry.basic = 'Basic realm="tests"'
    with pytest.raises(UnauthorizedError, match=r"identity token.*log in again with a password"):
        asking.digest_of(image)


def test_each_repository_has_its_own_login(registry: TokenRegistry, streams: Streams) -> None:
    logins = {"a/b": Basic("team-a", "x"), "c/d": Basic("team-c", "x")}
    registry.logins = {login.header() for login in logins.values()}
    asking = client(streams, lambda _, repository: logins.get(repository))
    for repository in logins:
        assert asking.digest_of(Reference.parse(f"{registry.address}/{repository}:1")) == DIGEST
    with pytest.raises(UnauthorizedError, match="no credentials"):
        asking.digest_of(Reference.parse(f"{registry.address}/e/f:1"))


@pytest.mark.parametrize(("status", "error"), [(404, NotFoundError), (507, RegistryError), (302, RegistryError)])
def test_an_upload_that_is_refused_says_what_was_answered(
    registry: TokenRegistry, streams: Streams, image: Reference, status: int, error: type[RegistryError]
) -> None:
    asking = client(streams)
    registry.put_status = status
    with pytest.raises(error, match=f"{status} "):
        asking.finish_upload(image, asking.begin_upload(image), BLOB, iter([b"body"]))
