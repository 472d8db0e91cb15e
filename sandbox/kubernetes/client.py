"""A small JSON client of the Kubernetes API, for the sandbox's own parts: Batch, kubelets, the authenticator."""

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

_TIMEOUT = httpx.Timeout(30.0)


class ApiError(Exception):
    """The API server refused a request.

    Attributes:
        status: HTTP status.
        reason: The Status object's reason, such as `NotFound`; empty when the answer was no Status.
        message: The Status object's message.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class ApiClient:
    """Talks JSON to one API server; may be used from several threads at once.

    Args:
        url: `https://HOST:PORT`.
        ca_file: CA certificate that the server's certificate must be signed by.
        token: Bearer token, or what gives a fresh one at every request.
    """

    def __init__(self, url: str, ca_file: Path, token: str | Callable[[], str]) -> None:
        self._token = token
        context = ssl.create_default_context(cafile=str(ca_file))
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self._http = httpx.Client(base_url=url, verify=context, timeout=_TIMEOUT, limits=limits, trust_env=False)

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """GET an object, a list, or a review."""
        return self._request("GET", path, None, query)

    def post(self, path: str, body: Mapping[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """POST an object."""
        return self._request("POST", path, body, query)

    def put(self, path: str, body: Mapping[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """PUT an object."""
        return self._request("PUT", path, body, query)

    def patch(self, path: str, body: Mapping[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """PATCH an object with a strategic merge patch."""
        return self._request("PATCH", path, body, query, "application/strategic-merge-patch+json")

    def delete(self, path: str, body: Mapping[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """DELETE an object or a collection; `body` holds delete options."""
        return self._request("DELETE", path, body, query)

    def text(self, path: str, **query: str) -> str:
        """GET something that is not JSON, such as a pod's log."""
        response = self._http.get(path, params=query, headers=self._headers())
        if response.is_error:
            raise _error(response)
        return response.text

    def watch(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Watch a collection: one dictionary (`type`, `object`) an event, until the server ends the stream.

        Raises:
            ApiError: The watch was refused, or an ERROR event came (410 when the resourceVersion is too old).
        """
        parameters = {"watch": "true", **query}
        timeout = httpx.Timeout(30.0, read=None)
        with self._http.stream("GET", path, params=parameters, headers=self._headers(), timeout=timeout) as response:
            if response.is_error:
                response.read()
                raise _error(response)
            for line in response.iter_lines():
                event: dict[str, Any] = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise ApiError(status.get("code", 500), status.get("reason", ""), status.get("message", ""))
                yield event

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _headers(self) -> dict[str, str]:
        token = self._token if isinstance(self._token, str) else self._token()
        return {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str],
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        headers = self._headers()
        content = None
        if body is not None:
            headers["Content-Type"] = content_type
            content = json.dumps(body)
        response = self._http.request(method, path, params=query, headers=headers, content=content)
        if response.is_error:
            raise _error(response)
        document: dict[str, Any] = response.json()
        return document


def _error(response: httpx.Response) -> ApiError:
    try:
        status = response.json()
        return ApiError(response.status_code, status.get("reason", ""), status.get("message", ""))
    except ValueError:
        return ApiError(response.status_code, "", response.text)
