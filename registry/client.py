"""What can be asked of a registry (OCI distribution specification v1.1), one method a question.

Small requests are tried again here. Streams are not: who streams knows where to start again.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from registry.auth import Authenticator, Scopes
from registry.credentials import CredentialProvider
from registry.digest import compute
from registry.errors import DigestMismatchError, RegistryError, UnavailableError
from registry.hosts import Hosts
from registry.manifest import ACCEPTED, LARGEST, Descriptor, Manifest, parse
from registry.reference import Reference, is_digest
from registry.response import raise_refusal, read_bounded
from registry.retry import Retry
from registry.transport import drain, exchange

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5


class RegistryClient:
    """Asks registries, and authenticates where they want it.

    Args:
        hosts: Where registries are reached.
        credentials: Gives the credential for a host; asked before each request.
        http: The client to use; `registry.transport.open_http` makes one that suits.
        retry: How small requests are tried again.
    """

    def __init__(
        self, hosts: Hosts, credentials: CredentialProvider, http: httpx.Client, retry: Retry | None = None
    ) -> None:
        self.hosts = hosts
        self.retry = retry or Retry()
        self._http = http
        self._auth = Authenticator(http, credentials)

    def digest_of(self, image: Reference) -> str | None:
        """Digest that a tag or digest resolves to; None if it does not exist (HEAD, else GET)."""

        def ask() -> str | None:
            with self._exchange("HEAD", image, _manifest(image), headers=_accept()) as response:
                if response.status_code == 404:
                    return None
                if response.status_code >= 500 or response.status_code == 429:
                    raise_refusal(response, str(image))
                # Of another refusal a HEAD shows no reason: the GET that follows does.
                digest = response.headers.get("docker-content-digest", "")
                return digest if is_digest(digest) else ""

        digest = self.retry.call(ask)
        return digest if digest != "" else self.manifest(image).digest

    def manifest(self, image: Reference) -> Manifest:
        """The manifest of a tag or digest, verified against the digest where one is known.

        Raises:
            NotFoundError: It does not exist.
            DigestMismatchError: Other bytes were served than the digest names.
            ManifestError: It cannot be copied.
        """

        def ask() -> Manifest:
            with self._exchange("GET", image, _manifest(image), headers=_accept()) as response:
                if response.status_code != 200:
                    raise_refusal(response, str(image))
                content = read_bounded(response, str(image), LARGEST)
                stated = response.headers.get("docker-content-digest", "")
                expected = image.digest or (stated if is_digest(stated) else compute(content))
                found = compute(content, like=expected)
                if found != expected:
                    raise DigestMismatchError(
                        str(image),
                        f"the manifest's bytes hash to {found}, not {expected}",
                        "the registry or something in between serves other content under this digest",
                        "nothing was stored at the destination; pull it with another tool to compare",
                    )
                return parse(str(image), content, response.headers.get("content-type", ""), expected)

        return self.retry.call(ask)

    def put_manifest(self, image: Reference, manifest: Manifest) -> None:
        """Push a manifest under a tag or its digest."""

        def push() -> None:
            headers = {"Content-Type": manifest.media_type}
            path = _manifest(image)
            with self._exchange("PUT", image, path, push=True, headers=headers, content=manifest.content) as got:
                if got.status_code not in (200, 201, 202):
                    raise_refusal(got, str(image))
                stored = got.headers.get("docker-content-digest", manifest.digest)
                if stored != manifest.digest:
                    raise DigestMismatchError(str(image), f"stored as {stored}, not {manifest.digest}")

        self.retry.call(push)

    def has_blob(self, image: Reference, blob: Descriptor) -> bool:
        """Whether the image's repository holds a blob."""

        def ask() -> bool:
            with self._exchange("HEAD", image, f"blobs/{blob.digest}") as response:
                if response.status_code not in (200, 404):
                    raise_refusal(response, f"{image.name}@{blob.digest}")
                return response.status_code == 200

        return self.retry.call(ask)

    @contextmanager
    def read_blob(self, image: Reference, blob: Descriptor) -> Iterator[Iterator[bytes]]:
        """Open a blob; gives its bytes as they arrive, not verified."""
        resource = f"{image.name}@{blob.digest}"
        headers = {"Accept-Encoding": "identity"}
        with self._exchange("GET", image, f"blobs/{blob.digest}", headers=headers) as response:
            if response.status_code != 200:
                raise_refusal(response, resource)
            yield _chunks(response, resource)

    def mount(self, image: Reference, blob: Descriptor, origin: str) -> str | None:
        """Have a blob taken over from another repository of the same registry.

        Args:
            image: Where to.
            blob: The blob.
            origin: The repository that holds it.

        Returns:
            None when it was mounted; else where to send the bytes, since a registry that does not mount
            (202) opens an upload.
        """
        query = {"mount": blob.digest, "from": origin}
        scopes = (f"repository:{origin}:pull",)

        def ask() -> str | None:
            path = "blobs/uploads/"
            with self._exchange("POST", image, path, push=True, scopes=scopes, query=query) as response:
                return None if response.status_code == 201 else _upload_location(response, image)

        return self.retry.call(ask)

    def begin_upload(self, image: Reference) -> str:
        """Open an upload; gives where to send the bytes. Tried once, as the stream that follows it."""
        with self._exchange("POST", image, "blobs/uploads/", push=True) as response:
            return _upload_location(response, image)

    def finish_upload(self, image: Reference, location: str, blob: Descriptor, chunks: Iterator[bytes]) -> None:
        """Send a blob as one streamed request and have it stored.

        One PUT with a Content-Length takes every registry that follows the specification ("POST then PUT");
        chunks by PATCH do not survive on ECR (containers-roadmap issue 2831).
        """
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
        url = _with_digest(location, blob.digest)
        with self._exchange("PUT", image, url, push=True, headers=headers, content=chunks) as response:
            if response.status_code not in (200, 201, 202, 204):
                raise_refusal(response, f"{image.name}@{blob.digest}")

    def cancel_upload(self, image: Reference, location: str) -> None:
        """Ask the registry to forget an upload; a registry that cannot forgets it by itself later."""
        try:
            with self._exchange("DELETE", image, location, push=True):
                pass
        except RegistryError:
            # The error that made us give up is the one to report.
            return

    @contextmanager
    def _exchange(
        self,
        method: str,
        image: Reference,
        path: str,
        *,
        push: bool = False,
        scopes: Scopes = (),
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        content: bytes | Iterator[bytes] | None = None,
    ) -> Iterator[httpx.Response]:
        """One request, authenticated and with redirects followed; gives any answer but a 401.

        Args:
            method: HTTP method.
            image: Names the host and repository.
            path: Path below the repository, or the whole URL of an upload.
            push: Whether the right to push is needed.
            scopes: Rights needed beyond those on the repository.
            headers: Headers of the request.
            query: Its query.
            content: Its body; an iterator can be sent once only.
        """
        endpoint = self.hosts.endpoint(image.host)
        url = httpx.URL(path if "://" in path else f"{endpoint}/v2/{image.repository}/{path}")
        if query:
            url = url.copy_merge_params(query)
        wanted = (f"repository:{image.repository}:{'pull,push' if push else 'pull'}", *scopes)
        resource = str(image)
        sent = self._auth.header(image.host, wanted)
        once = isinstance(content, Iterator)
        for attempt in (1, 2):
            request = self._request(method, url, endpoint, headers, content, sent)
            with exchange(self._http, request, resource) as response:
                if response.status_code != 401 or attempt == 2:
                    if response.status_code in _REDIRECTS and method in ("GET", "HEAD"):
                        with self._follow(response, endpoint, headers, sent, resource) as target:
                            yield target
                    elif response.status_code == 401:
                        raise_refusal(response, resource)
                    else:
                        yield response
                    return
                sent = self._auth.answer(image.host, endpoint, wanted, response, sent)
            if once:
                raise UnavailableError(resource, "the token expired while the upload was under way")

    def _request(
        self,
        method: str,
        url: httpx.URL,
        endpoint: str,
        headers: Mapping[str, str] | None,
        content: bytes | Iterator[bytes] | None,
        authorization: str | None,
    ) -> httpx.Request:
        """A request; credentials only if it goes to the registry's own scheme, host and port."""
        complete = dict(headers or {})
        if authorization and _origin(url) == _origin(httpx.URL(endpoint)):
            complete["Authorization"] = authorization
        return self._http.build_request(method, url, headers=complete, content=content)

    @contextmanager
    def _follow(
        self,
        response: httpx.Response,
        endpoint: str,
        headers: Mapping[str, str] | None,
        authorization: str | None,
        resource: str,
        hops: int = 1,
    ) -> Iterator[httpx.Response]:
        """Follow a redirect, as registries answer for blobs that lie in a storage service."""
        location = response.headers.get("location", "")
        try:
            url = response.request.url.join(location)
        except httpx.InvalidURL:
            url = httpx.URL()
        if not location or url.scheme not in ("http", "https") or hops > _MOST_REDIRECTS:
            raise RegistryError(
                resource,
                f"a redirect to {url.scheme or 'nowhere'}://{url.host} (number {hops})",
                f"only http(s) is followed, at most {_MOST_REDIRECTS} times",
                "check who answers at the registry's address",
            )
        drain(response)
        request = self._request(response.request.method, url, endpoint, headers, None, authorization)
        with exchange(self._http, request, resource) as target:
            if target.status_code in _REDIRECTS:
                with self._follow(target, endpoint, headers, authorization, resource, hops + 1) as last:
                    yield last
            else:
                yield target


def _manifest(image: Reference) -> str:
    return f"manifests/{image.identifier}"


def _accept() -> dict[str, str]:
    return {"Accept": ", ".join(ACCEPTED)}


def _origin(url: httpx.URL) -> tuple[str, bytes]:
    return url.scheme, url.netloc


def _chunks(response: httpx.Response, resource: str) -> Iterator[bytes]:
    """The body's bytes; a break is the source's failure, even when met while sending to the destination."""
    try:
        yield from response.iter_raw()
    except httpx.TransportError as error:
        raise UnavailableError(resource, f"the connection broke: {error or type(error).__name__}") from None


def _upload_location(response: httpx.Response, image: Reference) -> str:
    location = response.headers.get("location", "")
    if response.status_code != 202 or not location:
        raise_refusal(response, image.name)
    return str(response.request.url.join(location))


def _with_digest(location: str, digest: str) -> str:
    """The upload's URL with the digest; what the registry put into its query stays byte for byte."""
    separator = "&" if "?" in location else "?"
    return f"{location}{separator}digest={digest.replace(':', '%3A')}"
