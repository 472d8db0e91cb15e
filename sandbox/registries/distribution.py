"""The pulling half of the OCI distribution specification v1.1, on aiohttp."""

import hashlib
import hmac
import json
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from aiohttp import web

from sandbox.registries.call_record import CallRecord
from sandbox.registries.faults import BlobResponse, FaultList, Handler
from sandbox.registries.manifests import DIGEST, OCI_INDEX, Manifest
from sandbox.registries.refusal import RefusalError
from sandbox.registries.repositories import Repositories, Repository
from sandbox.registries.server import Server

# "End-4" of the specification; ECR's repositoryName pattern accepts the same names.
NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
PAGE = 1000


class Distribution(ABC):
    """A registry that can be pulled from.

    Blobs are not served by the registry itself: it redirects to a storage host with a signed URL, as ECR does
    to S3 and ECR Public to its CDN. The storage refuses requests that carry credentials, as S3 does.

    Attributes:
        repositories: What it holds.
        calls: The requests answered.
        faults: Faults in force, and the requests seen.
        referrers_api: Whether it has the referrers API, as ECR; registries of before 2023 have not.
    """

    referrers_api = True

    def __init__(self, repositories: Repositories, ports: int = 2) -> None:
        self.repositories = repositories
        self.calls = CallRecord()
        self.faults = FaultList()
        self._signing_key = secrets.token_bytes(32)
        self._application = web.Application(middlewares=[self.calls.middleware, self.faults.middleware, self._guard])
        self.add_routes(self._application.router)
        self._server = Server(self._application, ports)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Name the paths that are served."""
        router.add_get("/v2/", self._ping)
        router.add_get("/v2/{name:.+}/manifests/{reference}", self._manifest)
        router.add_get("/v2/{name:.+}/blobs/{digest}", self._blob)
        router.add_get("/v2/{name:.+}/tags/list", self._tags)
        router.add_get("/v2/{name:.+}/referrers/{digest}", self._referrers)
        router.add_get("/storage/{digest}", self._storage)

    def start(self) -> None:
        """Listen on a port for the registry and one for its storage."""
        self._server.start()

    def stop(self) -> None:
        """Close all connections."""
        self._server.stop()

    @property
    def address(self) -> str:
        """Host and port of the registry, as image references name it."""
        return f"127.0.0.1:{self._server.ports[0]}"

    @property
    def storage_url(self) -> str:
        """Where blobs really lie: another host name than the registry's."""
        return f"http://localhost:{self._server.ports[1]}/storage/"

    def storage_url_of(self, digest: str) -> str:
        """Signed URL of a blob."""
        signature = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={self._sign(digest)}"
        return f"{self.storage_url}{digest}?{signature}"

    @abstractmethod
    def authorize(self, request: web.Request) -> None:
        """Refuse a request that carries no valid credential, by raising RefusalError or a web error."""

    def repository(self, request: web.Request) -> Repository:
        """The repository that a request names."""
        name = request.match_info["name"]
        if not NAME.fullmatch(name) or len(name) > 256:
            raise RefusalError(400, "NAME_INVALID", f"invalid repository name: '{name}'")
        return self.repositories.find(name) or self.unknown_repository(name)

    def unknown_repository(self, name: str) -> Repository:
        """Answer for a repository that does not exist."""
        raise RefusalError(404, "NAME_UNKNOWN", f"repository name not known to registry: {name}")

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.path.startswith("/v2/"):
                self.authorize(request)
            response = await handler(request)
        except RefusalError as refusal:
            response = refusal.response()
        except web.HTTPException as refusal:
            refusal.headers.update(VERSION)
            raise
        if not response.prepared:
            response.headers.update(VERSION)
        return response

    async def _ping(self, _: web.Request) -> web.Response:
        return web.json_response({})

    async def find_manifest(self, request: web.Request) -> Manifest | None:
        """The manifest that a request names."""
        return self.repository(request).find(request.match_info["reference"])

    async def find_blob(self, request: web.Request) -> str | None:
        """URL of the blob that a request names, in the storage of this registry or of another one."""
        digest = request.match_info["digest"]
        return self.storage_url_of(digest) if digest in self.repository(request).blobs else None

    async def _manifest(self, request: web.Request) -> web.Response:
        manifest = await self.find_manifest(request)
        if manifest is None:
            # ECR's text; "docker pull" shows it as "manifest unknown: Requested image not found".
            raise RefusalError(404, "MANIFEST_UNKNOWN", "Requested image not found")
        return _content(manifest)

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        url = await self.find_blob(request)
        digest = request.match_info["digest"]
        if url is None:
            raise RefusalError(404, "BLOB_UNKNOWN", "blob unknown to registry")
        if request.method == "HEAD" and url.startswith(self.storage_url):
            size = self.repositories.blobs.size(digest)
            response = web.StreamResponse(headers={"Docker-Content-Digest": digest})
            response.content_length = size
            return response
        return web.Response(status=307, headers={"Location": url, "Docker-Content-Digest": digest})

    async def _storage(self, request: web.Request) -> web.StreamResponse:
        """Serve a signed URL with Range, refusing what S3 refuses."""
        digest = request.match_info["digest"]
        if "Authorization" in request.headers:
            # S3's answer to a presigned URL with an Authorization header.
            text = (
                "<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed; only the "
                "X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header "
                "should be specified</Message></Error>"
            )
            return web.Response(status=400, text=text, content_type="application/xml")
        if not hmac.compare_digest(request.query.get("X-Amz-Signature", ""), self._sign(digest)):
            text = "<Error><Code>SignatureDoesNotMatch</Code></Error>"
            return web.Response(status=403, text=text, content_type="application/xml")
        return BlobResponse(self.repositories.blobs.path(digest), {"Content-Type": "application/octet-stream"})

    def _sign(self, digest: str) -> str:
        return hmac.new(self._signing_key, digest.encode(), hashlib.sha256).hexdigest()

    async def _tags(self, request: web.Request) -> web.Response:
        """Tags in lexical order, `n` a page from `last` on, the next page in a Link header."""
        repository = self.repository(request)
        try:
            size = min(int(request.query.get("n", PAGE)), PAGE)
        except ValueError:
            raise RefusalError(400, "PAGINATION_NUMBER_INVALID", "n must be a number") from None
        last = request.query.get("last", "")
        tags = sorted(tag for tag in list(repository.tags) if tag > last)
        page = tags[: max(size, 0)]
        headers = {}
        if page and len(tags) > len(page):
            headers["Link"] = f'</v2/{repository.name}/tags/list?n={size}&last={quote(page[-1])}>; rel="next"'
        return web.json_response({"name": repository.name, "tags": page}, headers=headers)

    async def _referrers(self, request: web.Request) -> web.Response:
        """An index of the manifests that refer to a digest; empty when there are none (specification 1.1)."""
        if not self.referrers_api:
            raise web.HTTPNotFound
        repository = self.repository(request)
        digest = request.match_info["digest"]
        if not DIGEST.fullmatch(digest):
            raise RefusalError(400, "DIGEST_INVALID", f"invalid digest: {digest}")
        entries = [manifest.descriptor() for manifest in repository.referrers(digest)]
        headers: dict[str, str] = {}
        wanted = request.query.get("artifactType")
        if wanted:
            entries = [entry for entry in entries if entry.get("artifactType") == wanted]
            headers["OCI-Filters-Applied"] = "artifactType"
        index: Mapping[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        return web.Response(body=json.dumps(index).encode(), content_type=OCI_INDEX, headers=headers)


def _content(manifest: Manifest) -> web.Response:
    response = web.Response(body=manifest.content, headers={"Docker-Content-Digest": manifest.digest})
    response.content_type = manifest.media_type
    return response
