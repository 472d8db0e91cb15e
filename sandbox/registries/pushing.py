"""The pushing half of the OCI distribution specification, with the ways of Amazon ECR."""

from aiohttp import web

from sandbox.registries import manifests
from sandbox.registries.blobs import Upload
from sandbox.registries.distribution import TAG, Distribution
from sandbox.registries.manifests import DIGEST
from sandbox.registries.refusal import RefusalError
from sandbox.registries.repositories import Repository

# ECR quota "Maximum layer size": 52,000 MiB.
LARGEST_LAYER = 52_000 * 1024 * 1024


class Pushing(Distribution):
    """A registry that can be pushed to, as ECR can."""

    # ECR account setting BLOB_MOUNTING (botocore PutAccountSetting); off unless the account opted in.
    blob_mounting = False

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Name the paths that are served."""
        super().add_routes(router)
        router.add_put("/v2/{name:.+}/manifests/{reference}", self._put_manifest)
        router.add_post("/v2/{name:.+}/blobs/uploads/", self._begin)
        upload = "/v2/{name:.+}/blobs/uploads/{upload}"
        router.add_patch(upload, self._append)
        router.add_put(upload, self._complete)
        router.add_delete(upload, self._cancel)
        router.add_get(upload, self._progress)

    def pushed_repository(self, name: str) -> Repository:
        """The repository to push to; a subclass may create it."""
        return self.unknown_repository(name)

    def _target(self, request: web.Request) -> Repository:
        try:
            return self.repository(request)
        except RefusalError as refusal:
            if refusal.code != "NAME_UNKNOWN":
                raise
            return self.pushed_repository(request.match_info["name"])

    async def _begin(self, request: web.Request) -> web.Response:
        """Mount a blob, or open an upload."""
        repository = self._target(request)
        digest = request.query.get("mount")
        if digest and self.blob_mounting:
            origin = self.repositories.find(request.query.get("from", ""))
            # "Not for pull-through images" (ECR User Guide, blob mounting).
            cached = repository.pulled_through or (origin is not None and origin.pulled_through)
            if origin is not None and digest in origin.blobs and not cached:
                repository.blobs.add(digest)
                return _created(repository, digest)
        upload = self.repositories.blobs.begin()
        return web.Response(status=202, headers=_state(repository, upload))

    async def _append(self, request: web.Request) -> web.Response:
        """Take one request's bytes.

        ECR answers 201 where the specification says 202, and its Range stops advancing after the first PATCH
        (containers-roadmap issue 2831). Reports differ on what becomes of later bytes; here they are dropped,
        which is what the Range says.
        """
        repository = self._target(request)
        upload = self._open_upload(request)
        upload.requests += 1
        if upload.requests == 1:
            await self._receive(request, upload)
        else:
            async for _ in request.content.iter_chunked(1024 * 1024):
                pass
        return web.Response(status=201, headers=_state(repository, upload))

    async def _complete(self, request: web.Request) -> web.Response:
        """Take the rest of the bytes and make the upload a blob, if the digest is right."""
        repository = self._target(request)
        upload = self._open_upload(request)
        await self._receive(request, upload)
        wanted = request.query.get("digest", "")
        if not DIGEST.fullmatch(wanted) or upload.digest != wanted:
            self.repositories.blobs.abandon(upload)
            raise RefusalError(400, "DIGEST_INVALID", f"provided digest did not match uploaded content: {wanted}")
        repository.blobs.add(self.repositories.blobs.commit(upload))
        return _created(repository, wanted)

    async def _cancel(self, request: web.Request) -> web.Response:
        self.repositories.blobs.abandon(self._open_upload(request))
        return web.Response(status=204)

    async def _progress(self, request: web.Request) -> web.Response:
        return web.Response(status=204, headers=_state(self._target(request), self._open_upload(request)))

    async def _put_manifest(self, request: web.Request) -> web.Response:
        repository = self._target(request)
        reference = request.match_info["reference"]
        content = await request.content.read(manifests.LARGEST + 1)
        while len(content) <= manifests.LARGEST and (more := await request.content.read(manifests.LARGEST)):
            content += more
        manifest = manifests.parse(content, request.content_type, self.repositories.clock())
        if ":" in reference and reference != manifest.digest:
            raise RefusalError(400, "DIGEST_INVALID", f"provided digest did not match uploaded content: {reference}")
        if ":" not in reference and not TAG.fullmatch(reference):
            raise RefusalError(400, "TAG_INVALID", f"invalid tag: {reference}")
        self.repositories.put(repository, manifest, None if ":" in reference else reference)
        headers = {
            "Location": f"/v2/{repository.name}/manifests/{manifest.digest}",
            "Docker-Content-Digest": manifest.digest,
        }
        if manifest.subject and self.referrers_api:
            headers["OCI-Subject"] = manifest.subject
        return web.Response(status=201, headers=headers)

    def _open_upload(self, request: web.Request) -> Upload:
        upload = self.repositories.blobs.upload(request.match_info["upload"])
        if upload is None:
            raise RefusalError(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        return upload

    async def _receive(self, request: web.Request, upload: Upload) -> None:
        if upload.size + (request.content_length or 0) > LARGEST_LAYER:
            raise RefusalError(413, "SIZE_INVALID", f"layer larger than {LARGEST_LAYER} bytes")
        before = upload.size
        async for chunk in request.content.iter_any():
            upload.write(chunk)
        expected = request.content_length
        if expected is not None and upload.size - before != expected:
            raise RefusalError(400, "SIZE_INVALID", "the body ended before its Content-Length")


def _state(repository: Repository, upload: Upload) -> dict[str, str]:
    return {
        "Location": f"/v2/{repository.name}/blobs/uploads/{upload.id}",
        "Docker-Upload-UUID": upload.id,
        "Range": f"0-{max(upload.size - 1, 0)}",
    }


def _created(repository: Repository, digest: str) -> web.Response:
    headers = {"Location": f"/v2/{repository.name}/blobs/{digest}", "Docker-Content-Digest": digest}
    return web.Response(status=201, headers=headers)
