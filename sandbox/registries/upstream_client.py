"""How ECR itself reads an upstream registry: manifests, where blobs lie, and their bytes."""

import re
from dataclasses import dataclass, field
from urllib.parse import urljoin

import httpx

from sandbox.registries.blobs import BlobStore
from sandbox.registries.manifests import MEDIA_TYPES, Manifest, parse


class UpstreamUnreachableError(Exception):
    """The upstream gives no answer, or fails."""


class UpstreamDeniedError(Exception):
    """The upstream does not accept the credentials, or wants some."""


@dataclass
class UpstreamClient:
    """Reads one upstream.

    Attributes:
        http: Sends the requests.
        endpoint: URL of the registry.
        login: User and password; none for an anonymous client.
    """

    http: httpx.Client
    endpoint: str
    login: tuple[str, str] | None = None
    _authorization: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Sign in.

        Raises:
            UpstreamDeniedError: The upstream does not accept the credentials.
            UpstreamUnreachableError: It gives no answer.
        """
        self._get("/v2/")

    def manifest(self, repository: str, reference: str, now: float) -> Manifest | None:
        """The manifest of a tag or digest; None where there is none.

        Args:
            repository: Name at the upstream.
            reference: The tag or digest.
            now: Time that it counts as pushed at.

        Raises:
            UpstreamDeniedError: The upstream does not accept the credentials.
            UpstreamUnreachableError: It gives no answer.
        """
        answer = self._get(f"/v2/{repository}/manifests/{reference}", {"Accept": ", ".join(MEDIA_TYPES)})
        if answer.status_code == 404:
            return None
        return parse(answer.content, answer.headers["Content-Type"], now)

    def blob_url(self, repository: str, digest: str) -> str | None:
        """Where a blob's bytes lie: the upstream's storage, by a signed URL; None where there is no such blob."""
        answer = self._get(f"/v2/{repository}/blobs/{digest}")
        location = answer.headers.get("Location")
        return urljoin(f"{self.endpoint}/", location) if location else None

    def fetch(self, repository: str, digest: str, blobs: BlobStore) -> None:
        """Bring a blob's bytes into a store.

        Raises:
            UpstreamUnreachableError: It has no such blob, gives no answer, or other bytes.
        """
        url = self.blob_url(repository, digest)
        if url is None:
            raise UpstreamUnreachableError(f"{repository}@{digest} is not there")
        upload = blobs.begin()
        try:
            with self.http.stream("GET", url) as answer:
                answer.raise_for_status()
                for chunk in answer.iter_raw():
                    upload.write(chunk)
            if upload.digest != digest:
                raise UpstreamUnreachableError(f"{repository}@{digest} has the bytes of {upload.digest}")
        except (httpx.HTTPError, UpstreamUnreachableError) as error:
            blobs.abandon(upload)
            raise UpstreamUnreachableError(str(error)) from error
        blobs.commit(upload)

    def _get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        answer = self._send(f"{self.endpoint}{path}", {**(headers or {}), **self._authorization})
        if answer.status_code == 401 and not self._authorization:
            self._authorization = {"Authorization": f"Bearer {self._token(answer.headers['WWW-Authenticate'])}"}
            return self._get(path, headers)
        if answer.status_code in (401, 403):
            raise UpstreamDeniedError(answer.text)
        return answer

    def _token(self, challenge: str) -> str:
        """The token that a challenge asks for (distribution, "Token Authentication Specification")."""
        fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        answer = self._send(fields.pop("realm"), {}, fields, self.login)
        if answer.status_code != 200:
            raise UpstreamDeniedError(answer.text)
        return str(answer.json()["token"])

    def _send(
        self,
        url: str,
        headers: dict[str, str],
        query: dict[str, str] | None = None,
        login: tuple[str, str] | None = None,
    ) -> httpx.Response:
        try:
            answer = self.http.get(url, headers=headers, params=query, auth=login)
        except httpx.HTTPError as error:
            raise UpstreamUnreachableError(str(error)) from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise UpstreamUnreachableError(f"{answer.status_code}")
        return answer
