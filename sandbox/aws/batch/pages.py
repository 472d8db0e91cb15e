"""Pages of a listing: `maxResults`, `nextToken`."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sandbox.aws.batch.refusals import execution_exception

Item = TypeVar("Item")


def token(position: Any) -> str:
    """An opaque token for a position in a listing."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def position(parameters: Mapping[str, Any]) -> Any | None:
    """The position that the request's `nextToken` stands for.

    Raises:
        AwsError: The token is none of ours (our wording).
    """
    text = parameters.get("nextToken")
    if not text:
        return None
    try:
        return json.loads(base64.urlsafe_b64decode(text))
    except (binascii.Error, ValueError):
        raise execution_exception("Invalid nextToken") from None


def size(parameters: Mapping[str, Any], most: int) -> int:
    """How many results the page may have; more than `most` are never given."""
    wanted = parameters.get("maxResults")
    if wanted is None:
        return most
    if wanted < 1:
        raise execution_exception("maxResults must be at least 1")
    return min(int(wanted), most)


def cut(items: Sequence[Item], parameters: Mapping[str, Any], most: int = 100) -> tuple[Sequence[Item], str | None]:
    """One page of a short list, and the token of the next one."""
    start = position(parameters) or 0
    end = start + size(parameters, most)
    return items[start:end], token(end) if end < len(items) else None
