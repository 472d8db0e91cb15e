"""Answers of a registry: bounded reading, and refusals as errors."""

import json
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from registry.errors import (
    DeniedError,
    ManifestError,
    NotFoundError,
    RegistryError,
    TagImmutableError,
    UnauthorizedError,
    UnavailableError,
)
from registry.transport import Response

_SMALL = 64 * 1024
HEALING = (429, 500, 502, 503, 504)


def read_bounded(response: Response, resource: str, most: int) -> bytes:
    """The body, if it is not larger than it may be.

    Raises:
        ManifestError: It is larger; no more than the bound was read.
    """
    content = response.read(most + 1)
    if len(content) > most:
        raise ManifestError(resource, f"an answer of more than {most} bytes", "no manifest is that large")
    return content


def read_json(response: Response, resource: str) -> dict[str, Any]:
    """The body as a JSON object."""
    try:
        document = json.loads(read_bounded(response, resource, most=1024 * 1024))
    except (ValueError, RecursionError):
        raise RegistryError(resource, "an answer that is not JSON") from None
    if not isinstance(document, dict):
        raise RegistryError(resource, "an answer that is not a JSON object")
    return document


def raise_refusal(response: Response, resource: str) -> NoReturn:
    """Raise the error that an answer other than the hoped-for one means."""
    status = response.status
    code, message = _error(response)
    answered = f"{status} {response.reason}".strip()
    if code or message:
        answered += f" ({': '.join(part for part in (code, message) if part)})"
    if status in HEALING:
        raise UnavailableError(resource, answered, retry_after=retry_after(response))
    if status == 401 or (status == 400 and not code and "Authorization" in response.request.headers):
        # 400 is how ECR answers a password that it never gave out.
        raise UnauthorizedError(resource, answered, "the credentials were not accepted", "log in again and repeat")
    if status == 403:
        expired = "expired" in message
        raise DeniedError(
            resource,
            answered,
            "the token has expired" if expired else "the credentials lack a permission here, or have expired",
            "get a new token and repeat" if expired else "ask the registry's owner for pull or push access",
        )
    if status == 404 and code == "NAME_UNKNOWN":
        raise NotFoundError(
            resource, answered, "the repository does not exist", "check its name; create it before pushing to it"
        )
    if status == 404 and code in ("MANIFEST_UNKNOWN", ""):
        raise NotFoundError(resource, answered, "no such image", "check the name, and that it was pushed")
    if code == "TAG_INVALID" and "immutable" in message:
        raise TagImmutableError(
            resource,
            answered,
            "the tag exists, points at another image, and the repository's tags are immutable",
            "copy to another tag, or let this tag be an exclusion of the repository's immutability",
        )
    raise RegistryError(resource, answered)


def _error(response: Response) -> tuple[str, str]:
    """Code and message of the first error (OCI distribution specification, "Error Codes"), or the text."""
    content = response.read(_SMALL)
    try:
        first = json.loads(content)["errors"][0]
        parts = [first.get(key) for key in ("message", "detail")]
        # The detail may be a document; where it is a text it says more, such as "no space left on device".
        return str(first.get("code", "")), ": ".join(part for part in parts if part and isinstance(part, str))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", content[:200].decode("utf-8", "replace").strip()


def retry_after(response: Response) -> float | None:
    """Seconds to wait: a number, or an HTTP date (RFC 9110)."""
    value = response.header("Retry-After")
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        then = parsedate_to_datetime(value)
        now = parsedate_to_datetime(response.header("Date"))
        return max((then - now).total_seconds(), 0.0)
    except (ValueError, TypeError):
        # No date, or one without a time zone.
        return None
