"""Pages of ECR's listings: `maxResults` and `nextToken`."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.aws.errors import AwsError


def page(member: str, items: Sequence[Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """One page: 100 items unless maxResults says otherwise (ECR API reference), and the next page's token."""
    size = int(parameters.get("maxResults") or 100)
    token = parameters.get("nextToken")
    try:
        start = int(base64.b64decode(token, validate=True)) if token else 0
    except (binascii.Error, ValueError):
        raise AwsError("InvalidParameterException", "Invalid parameter at 'nextToken'") from None
    answer: dict[str, Any] = {member: list(items[start : start + size])}
    if start + size < len(items):
        answer["nextToken"] = base64.b64encode(str(start + size).encode()).decode()
    return answer
