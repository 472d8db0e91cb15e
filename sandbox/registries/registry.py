"""The two registries: public.ecr.aws (pull only) and the account's private ECR."""

import asyncio
import base64
import binascii
import time
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from sandbox.registries.amazonlinux import add_amazonlinux
from sandbox.registries.distribution import Distribution
from sandbox.registries.manifests import Manifest
from sandbox.registries.pull_through import PullThrough
from sandbox.registries.pushing import Pushing
from sandbox.registries.refusal import RefusalError
from sandbox.registries.repositories import Repositories, Repository
from sandbox.registries.tokens import Tokens

# GetAuthorizationToken: "valid for 12 hours" (ECR API reference).
TWELVE_HOURS = 12 * 3600.0
# Whose credentials a request carries.
OWNER = web.RequestKey("owner", str)


class UpstreamRegistry(Distribution):
    """Plays public.ecr.aws: read-only, anonymous pulls with a bearer token.

    The challenge's scope is the constant "aws", as ECR Public answers, not a repository scope.

    Args:
        state_dir: Where it keeps its blobs.
        clock: Gives the time.
        login: User and password without which it gives nobody a token, as private registries do.
    """

    def __init__(
        self, state_dir: Path, clock: Callable[[], float] = time.time, login: tuple[str, str] | None = None
    ) -> None:
        super().__init__(Repositories(state_dir / "upstream", "public", clock))
        self._login = login
        self._tokens = Tokens(TWELVE_HOURS, clock)
        add_amazonlinux(self.repositories)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Name the paths that are served."""
        super().add_routes(router)
        router.add_get("/token/", self._token)

    def reset(self) -> None:
        """Back to the seeded image, without faults."""
        self.faults.clear()
        self.referrers_api = True
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
        """Give anybody a token; refuse credentials other than the one pair that there may be."""
        wanted = _basic(*self._login) if self._login else None
        if request.headers.get("Authorization") != wanted:
            raise web.HTTPUnauthorized(text="Not Authorized")
        return web.json_response({"token": self._tokens.issue()[0]})


def _basic(user: str, password: str) -> str:
    """The Authorization header of HTTP's Basic scheme."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


class PrivateRegistry(Pushing):
    """Plays ACCOUNT.dkr.ecr.REGION.amazonaws.com.

    Attributes:
        account_id: The account whose registry it is.
        region: Its region.
        create_on_push: Makes a repository for a push where a repository creation template with
            CREATE_ON_PUSH matches its name, else gives None. The ECR API sets it.
        pull_through: Its pull-through cache; the ECR API gives it its rules.
        denial: Says why somebody may not make a request (method, path, query), or nothing. The ECR API sets it.
        import_denial: Says why somebody may not have an image fetched into a repository, or nothing. Likewise.
    """

    def __init__(
        self,
        state_dir: Path,
        account_id: str = "123456789012",
        region: str = "us-east-1",
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(Repositories(state_dir / "private", account_id, clock), ports=3)
        self.account_id = account_id
        self.region = region
        self.tokens = Tokens(TWELVE_HOURS, clock)
        self.create_on_push: Callable[[str], Repository | None] = lambda _: None
        self.denial: Callable[[str, str, str, str], str] = lambda *_: ""
        self.import_denial: Callable[[str, str], str] = lambda *_: ""
        self.pull_through = PullThrough(self.repositories)

    @property
    def vpc_address(self) -> str:
        """Host and port of the same registry as a private VPC sees it: without a route to the internet."""
        return f"127.0.0.1:{self._server.ports[2]}"

    @property
    def hostnames(self) -> frozenset[str]:
        """Names by which an image reference may call this registry."""
        return frozenset({self.address, f"{self.account_id}.dkr.ecr.{self.region}.amazonaws.com"})

    def stop(self) -> None:
        """Close all connections."""
        super().stop()
        self.pull_through.close()

    def reset(self) -> None:
        """No repositories, no faults, mounting off. Tokens given out stay valid, as they would at AWS."""
        self.faults.clear()
        self.referrers_api = True
        self.blob_mounting = False
        self.pull_through.reset()
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
        owner = self.tokens.owner(token)
        denial = self.denial(owner, request.method, request.path, request.query_string)
        if denial:
            # As docker shows it: "denied: User: ... is not authorized to perform: ecr:InitiateLayerUpload ...".
            raise RefusalError(403, "DENIED", denial)
        request[OWNER] = owner

    async def find_manifest(self, request: web.Request) -> Manifest | None:
        """The manifest that a request names, out of the pull-through cache where that covers it."""
        name = request.match_info["name"]
        if not self.pull_through.covers(name):
            return await super().find_manifest(request)
        reference, from_vpc = request.match_info["reference"], self._is_from_vpc(request)

        def check_import() -> None:
            denial = self.import_denial(request[OWNER], name)
            if denial:
                raise RefusalError(403, "DENIED", denial)

        manifest = await asyncio.to_thread(
            self.pull_through.pull, name, reference, from_vpc=from_vpc, check_import=check_import
        )
        return manifest or await super().find_manifest(request)

    async def find_blob(self, request: web.Request) -> str | None:
        """URL of the blob that a request names; the upstream's own until it is imported."""
        name, digest = request.match_info["name"], request.match_info["digest"]
        held = self.repositories.find(name)
        if not self.pull_through.covers(name) or (held is not None and digest in held.blobs):
            return await super().find_blob(request)
        from_vpc = self._is_from_vpc(request)
        url = await asyncio.to_thread(self.pull_through.blob_url, name, digest, from_vpc=from_vpc)
        return url or await super().find_blob(request)

    def _is_from_vpc(self, request: web.Request) -> bool:
        assert request.transport is not None
        return bool(request.transport.get_extra_info("sockname")[1] == self._server.ports[2])

    def unknown_repository(self, name: str) -> Repository:
        """Answer for a repository that does not exist, in ECR's words."""
        text = f"The repository with name '{name}' does not exist in the registry with id '{self.account_id}'"
        raise RefusalError(404, "NAME_UNKNOWN", text)

    def pushed_repository(self, name: str) -> Repository:
        """The repository that a creation template makes for a push, or ECR's refusal."""
        return self.create_on_push(name) or self.unknown_repository(name)
