"""What can be asked of a registry (OCI distribution specification v1.1), one method a question.

Small requests are tried again here. Streams are not: who streams knows where to start again.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Self
from urllib.parse import urlencode, urljoin, urlsplit

from registry.auth import Authenticator, Scopes
from registry.credentials import CredentialProvider
from registry.digest import compute
from registry.errors import DigestMismatchError, RegistryError, UnavailableError
from registry.hosts import Hosts, origin
from registry.manifest import ACCEPTED, LARGEST, OCI_INDEX, Descriptor, Manifest, parse
from registry.reference import Reference, is_digest
from registry.response import HEALING, raise_refusal, read_bounded
from registry.retry import Retry
from registry.streams import Streams
from registry.transport import Chunks, Request, Response

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_MOST_PAGES = 100
_NEXT_PAGE = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')
_NONE: Mapping[str, str] = MappingProxyType({})


class RegistryClient:
    """Asks registries, and authenticates where they want it. Safe to use from several threads.

    A context manager: what is its own is closed at the end.

    Args:
        hosts: Where registries are reached.
        credentials: Gives the credential for a host; asked before each request.
        retry: How small requests are tried again.
        streams: Threads, connections and pauses to share with other clients; some of its own if left out.
    """

    def __init__(
        self,
        hosts: Hosts,
        credentials: CredentialProvider,
        retry: Retry | None = None,
        streams: Streams | None = None,
    ) -> None:
        self.hosts = hosts
        self.retry = retry or Retry()
        self.streams = streams or Streams(self.retry)
        self._has_own_streams = streams is None
        self._auth = Authenticator(self.streams, credentials)
        self._without_ranges: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the threads and connections that are its own."""
        if self._has_own_streams:
            self.streams.close()

    def digest_of(self, image: Reference, *, push: bool = False) -> str | None:
        """Digest that a tag or digest resolves to; None if it does not exist (HEAD, else GET).

        Args:
            image: The image.
            push: Whether its repository is about to be pushed to: one token then serves for both.

        Raises:
            DigestMismatchError: The image is pinned, and the registry names another one.
        """

        def ask() -> str | None:
            with self._exchange("HEAD", image, _manifest(image), push=push, headers=_accept()) as response:
                if response.status == 404:
                    return None
                if response.status in HEALING:
                    raise_refusal(response, str(image))
                # Of another refusal a HEAD shows no reason: the GET that follows does.
                # Nor does it prove a pin of another algorithm.
                digest = response.header("Docker-Content-Digest")
                return digest if is_digest(digest) and _is_alike(digest, image.digest or digest) else ""

        digest = self.retry.call(ask)
        if digest == "":
            return self.manifest(image).digest
        if digest is not None and image.digest not in (None, digest):
            raise DigestMismatchError(
                str(image),
                f"the registry names the digest {digest}",
                "the registry or something in between serves other content under this digest",
                "check who answers at the registry's address; pull it with another tool to compare",
            )
        return digest

    def manifest(self, image: Reference) -> Manifest:
        """The manifest of a tag or digest, verified against the digest where one is known.

        Raises:
            NotFoundError: It does not exist.
            DigestMismatchError: Other bytes were served than the digest names.
            ManifestError: It cannot be copied.
        """

        def ask() -> Manifest:
            with self._exchange("GET", image, _manifest(image), headers=_accept()) as response:
                if response.status != 200:
                    raise_refusal(response, str(image))
                content = read_bounded(response, str(image), LARGEST)
                stated = response.header("Docker-Content-Digest")
                expected = image.digest or (stated if is_digest(stated) else compute(content))
                found = compute(content, like=expected)
                if found != expected:
                    raise DigestMismatchError(
                        str(image),
                        f"the manifest's bytes hash to {found}, not {expected}",
                        "the registry or something in between serves other content under this digest",
                        "nothing was stored at the destination; pull it with another tool to compare",
                    )
                return parse(str(image), content, response.header("Content-Type"), expected)

        return self.retry.call(ask)

    def put_manifest(self, image: Reference, manifest: Manifest) -> bool:
        """Push a manifest under a tag or its digest.

        Returns:
            Whether the registry lists it as a referrer of its subject (OCI-Subject); else the client has to.
        """

        def push() -> bool:
            headers = {"Content-Type": manifest.media_type}
            path = _manifest(image)
            with self._exchange("PUT", image, path, push=True, headers=headers, body=manifest.content) as got:
                if got.status not in (200, 201, 202):
                    raise_refusal(got, str(image))
                stored = got.header("Docker-Content-Digest") or manifest.digest
                if stored != manifest.digest:
                    raise DigestMismatchError(str(image), f"stored as {stored}, not {manifest.digest}")
                return bool(got.header("OCI-Subject"))

        return self.retry.call(push)

    def referrers(self, image: Reference) -> tuple[Descriptor, ...] | None:
        """What refers to a digest, page after page; None where the registry has no referrers API."""
        found: list[Descriptor] = []
        page = f"referrers/{image.identifier}"

        def ask() -> tuple[Manifest | None, str]:
            with self._exchange("GET", image, page, headers={"Accept": OCI_INDEX}) as response:
                if response.status in HEALING:
                    raise_refusal(response, str(image))
                if response.status != 200 or not response.header("Content-Type").startswith(OCI_INDEX):
                    return None, ""
                index = parse(str(image), read_bounded(response, str(image), LARGEST), OCI_INDEX)
                link = _NEXT_PAGE.search(response.header("Link"))
                return index, _joined(response.request.url, link[1]) if link else ""

        for _ in range(_MOST_PAGES):
            index, page = self.retry.call(ask)
            if index is None:
                return None
            found += index.children
            if not page:
                return tuple(found)
        raise RegistryError(str(image), f"more than {_MOST_PAGES} pages of referrers", "nobody has that many")

    def has_blob(self, image: Reference, blob: Descriptor) -> bool:
        """Whether the image's repository, which is about to be pushed to, holds a blob."""

        def ask() -> bool:
            with self._exchange("HEAD", image, f"blobs/{blob.digest}", push=True) as response:
                if response.status not in (200, 404):
                    raise_refusal(response, f"{image.name}@{blob.digest}")
                return response.status == 200

        return self.retry.call(ask)

    @contextmanager
    def open_blob(
        self, image: Reference, blob: Descriptor, start: int = 0, end: int | None = None
    ) -> Iterator[Response]:
        """Open a blob, whole or a range of it; its bytes are not verified. Tried once.

        Args:
            image: Names the repository.
            blob: The blob.
            start: First byte.
            end: The byte after the last one; None for all the rest.

        Raises:
            UnavailableError: The connection broke, or the registry serves no ranges (it is then remembered).
            DigestMismatchError: The blob ends before the range begins.
        """
        resource = f"{image.name}@{blob.digest}"
        headers = {"Accept-Encoding": "identity"}
        ranged = start > 0 or end is not None
        if ranged:
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        with self._exchange("GET", image, f"blobs/{blob.digest}", headers=headers) as response:
            if ranged and response.status == 416:
                raise DigestMismatchError(resource, f"it ends before byte {start}, of {blob.size} that were promised")
            if response.status not in (200, 206):
                raise_refusal(response, resource)
            if ranged and not response.header("Content-Range").startswith(f"bytes {start}-"):
                self._without_ranges.add(image.host)
                raise UnavailableError(resource, f"the whole blob, where it was asked for from byte {start}")
            yield response

    def serves_ranges(self, host: str) -> bool:
        """Whether a registry has not yet answered a range with something else."""
        return host not in self._without_ranges

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
                return None if response.status == 201 else _upload_location(response, image)

        return self.retry.call(ask)

    def begin_upload(self, image: Reference) -> str:
        """Open an upload; gives where to send the bytes. Tried once, as the stream that follows it."""
        with self._exchange("POST", image, "blobs/uploads/", push=True) as response:
            return _upload_location(response, image)

    def finish_upload(self, image: Reference, location: str, blob: Descriptor, chunks: Chunks) -> None:
        """Send a blob as one streamed request and have it stored.

        One PUT with a Content-Length takes every registry that follows the specification ("POST then PUT");
        chunks by PATCH do not survive on ECR (containers-roadmap issue 2831).
        """
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
        url = _with_digest(location, blob.digest)
        with self._exchange("PUT", image, url, push=True, headers=headers, body=chunks) as response:
            if response.status not in (200, 201, 202, 204):
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
        headers: Mapping[str, str] = _NONE,
        query: Mapping[str, str] = _NONE,
        body: bytes | Chunks | None = None,
    ) -> Iterator[Response]:
        """One request, authenticated and with redirects followed; gives any answer but a 401.

        Args:
            method: HTTP method.
            image: Names the host and repository.
            path: Path below the repository, or the whole URL of an upload.
            push: Whether the right to push is needed.
            scopes: Rights needed beyond those on the repository.
            headers: Headers of the request.
            query: Its query.
            body: Its body; chunks can be sent once only.
        """
        endpoint = self.hosts.endpoint(image.host)
        url = path if "://" in path else f"{endpoint}/v2/{image.repository}/{path}"
        if query:
            url = f"{url}?{urlencode(query)}"
        wanted = (f"repository:{image.repository}:{'pull,push' if push else 'pull'}", *scopes)
        resource = str(image)
        sent = self._auth.header(image.host, image.repository, wanted)
        for attempt in (1, 2):
            request = _request(method, url, endpoint, headers, body, sent)
            with self.streams.exchange(request, resource) as response:
                renewed = self._auth.header(image.host, image.repository, wanted) if response.status == 403 else None
                if attempt == 1 and renewed not in (None, sent):
                    # ECR answers 403 to a token that has expired, and the provider has a new one by now.
                    sent = renewed
                elif response.status != 401 or attempt == 2:
                    if response.status in _REDIRECTS and method in ("GET", "HEAD"):
                        with self._follow(response, endpoint, headers, sent, resource) as target:
                            yield target
                    elif response.status == 401:
                        raise_refusal(response, resource)
                    else:
                        yield response
                    return
                else:
                    sent = self._auth.answer(image.host, image.repository, endpoint, wanted, response, sent)
            if isinstance(body, Iterator):
                raise UnavailableError(resource, "the token expired while the upload was under way")

    @contextmanager
    def _follow(
        self,
        response: Response,
        endpoint: str,
        headers: Mapping[str, str],
        authorization: str | None,
        resource: str,
        hops: int = 1,
    ) -> Iterator[Response]:
        """Follow a redirect, as registries answer for blobs that lie in a storage service."""
        location = response.header("Location")
        url = _joined(response.request.url, location)
        parts = urlsplit(url)
        if not location or parts.scheme not in ("http", "https") or hops > _MOST_REDIRECTS:
            raise RegistryError(
                resource,
                f"a redirect to {parts.scheme or 'nowhere'}://{parts.hostname or ''} (number {hops})",
                f"only http(s) is followed, at most {_MOST_REDIRECTS} times",
                "check who answers at the registry's address",
            )
        request = _request(response.request.method, url, endpoint, headers, None, authorization)
        response.finish()
        with self.streams.exchange(request, resource) as target:
            if target.status in _REDIRECTS:
                with self._follow(target, endpoint, headers, authorization, resource, hops + 1) as last:
                    yield last
            else:
                yield target


def _request(
    method: str,
    url: str,
    endpoint: str,
    headers: Mapping[str, str],
    body: bytes | Chunks | None,
    authorization: str | None,
) -> Request:
    """A request; credentials only if it goes to the registry's own scheme, host and port."""
    complete = dict(headers)
    if authorization and origin(url) == origin(endpoint):
        complete["Authorization"] = authorization
    return Request(method, url, complete, body)


def _manifest(image: Reference) -> str:
    return f"manifests/{image.identifier}"


def _accept() -> dict[str, str]:
    return {"Accept": ", ".join(ACCEPTED)}


def _is_alike(digest: str, other: str) -> bool:
    """Whether two digests are of one algorithm."""
    return digest.partition(":")[0] == other.partition(":")[0]


def _joined(url: str, location: str) -> str:
    """A Location, which may be relative; an empty text if it is no URL."""
    try:
        joined = urljoin(url, location)
        urlsplit(joined).port  # noqa: B018 - refuses a port that is no number
    except ValueError:
        return ""
    return joined


def _upload_location(response: Response, image: Reference) -> str:
    location = response.header("Location")
    if response.status != 202 or not location:
        raise_refusal(response, image.name)
    url = _joined(response.request.url, location)
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise RegistryError(
            image.name,
            f"an upload whose address is {urlsplit(url).scheme or 'no'} URL",
            "bytes are sent to http(s) only",
            "check who answers at the registry's address",
        )
    return url


def _with_digest(location: str, digest: str) -> str:
    """The upload's URL with the digest; what the registry put into its query stays byte for byte."""
    separator = "&" if "?" in location else "?"
    return f"{location}{separator}digest={digest.replace(':', '%3A')}"
