"""The two registries: public.ecr.aws (pull only) and the account's private ECR."""

import base64
import binascii
import time
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from sandbox.registries.amazonlinux import add_amazonlinux
from sandbox.registries.distribution import Distribution
from sandbox.registries.pushing import Pushing
from sandbox.registries.refusal import RefusalError
from sandbox.registries.repositories import Repositories, Repository
from sandbox.registries.tokens import Tokens

# GetAuthorizationToken: "valid for 12 hours" (ECR API reference).
TWELVE_HOURS = 12 * 3600.0


class UpstreamRegistry(Distribution):
    """Plays public.ecr.aws: read-only, anonymous pulls with a bearer token.

    The challenge's scope is the constant "aws", as ECR Public answers, not a repository scope.
    """

    def __init__(self, state_dir: Path, clock: Callable[[], float] = time.time) -> None:
        super().__init__(Repositories(state_dir / "upstream", "public", clock))
        self._tokens = Tokens(TWELVE_HOURS, clock)
        add_amazonlinux(self.repositories)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Name the paths that are served."""
        super().add_routes(router)
        router.add_get("/token/", self._token)

    def reset(self) -> None:
        """Back to the seeded image, without faults."""
        self.faults.clear()
        self.repositories.reset()
        add_amazonlinux(self.repositories)

    def authorize(self, request: web.Request) -> None:
        """Refuse a request without a valid bearer token, and any push."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or self._tokens.check(token) != "valid":
            challenge = f'Bearer realm="http://{self.address}/token/",service="public.ecr.aws",scope="aws"'
            raise RefusalError(401, "DENIED", "Not Authorized", {"WWW-Authenticate": challenge})
        if request.method not in ("GET", "HEAD"):
            raise RefusalError(403, "DENIED", "requested access to the resource is denied")

    async def _token(self, request: web.Request) -> web.Response:
        """Give anybody a token; refuse credentials, which nobody has here."""
        if "Authorization" in request.headers:
            raise web.HTTPUnauthorized(text="Not Authorized")
        return web.json_response({"token": self._tokens.issue()[0]})


class PrivateRegistry(Pushing):
    """Plays ACCOUNT.dkr.ecr.REGION.amazonaws.com.

    Attributes:
        account_id: The account whose registry it is.
        region: Its region.
        create_on_push: Makes a repository for a push where a repository creation template with
            CREATE_ON_PUSH matches its name, else gives None. The ECR API sets it.
    """

    def __init__(
        self,
        state_dir: Path,
        account_id: str = "123456789012",
        region: str = "us-east-1",
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(Repositories(state_dir / "private", account_id, clock))
        self.account_id = account_id
        self.region = region
        self.tokens = Tokens(TWELVE_HOURS, clock)
        self.create_on_push: Callable[[str], Repository | None] = lambda _: None

    @property
    def hostnames(self) -> frozenset[str]:
        """Names by which an image reference may call this registry."""
        return frozenset({self.address, f"{self.account_id}.dkr.ecr.{self.region}.amazonaws.com"})

    def reset(self) -> None:
        """No repositories, no faults, mounting off. Tokens given out stay valid, as they would at AWS."""
        self.faults.clear()
        self.blob_mounting = False
        self.repositories.reset()

    def authorize(self, request: web.Request) -> None:
        """Accept Basic AWS:TOKEN.

        Without credentials ECR answers 401 with a Basic challenge and a plain text; with an expired token 403
        (containerd and docker show "Your authorization token has expired. Reauthenticate and try again.");
        with a password it never gave out 400 ("login attempt ... failed with status: 400 Bad Request").
        """
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            challenge = f'Basic realm="http://{self.address}/",service="ecr.amazonaws.com"'
            raise web.HTTPUnauthorized(text="Not Authorized\n", headers={"WWW-Authenticate": challenge})
        try:
            user, _, token = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise web.HTTPBadRequest(text="Bad Request") from None
        worth = self.tokens.check(token)
        if worth == "expired":
            text = "Your authorization token has expired. Reauthenticate and try again."
            raise RefusalError(403, "DENIED", text)
        if user != "AWS" or worth == "unknown":
            raise web.HTTPBadRequest(text="Bad Request")

    def unknown_repository(self, name: str) -> Repository:
        """Answer for a repository that does not exist, in ECR's words."""
        text = f"The repository with name '{name}' does not exist in the registry with id '{self.account_id}'"
        raise RefusalError(404, "NAME_UNKNOWN", text)

    def pushed_repository(self, name: str) -> Repository:
        """The repository that a creation template makes for a push, or ECR's refusal."""
        return self.create_on_push(name) or self.unknown_repository(name)
