"""The bearer token of an EKS cluster: a presigned STS request, renewed before it expires."""

import base64
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

PREFIX = "k8s-aws-v1."
# EKS accepts a token for 15 minutes (aws-iam-authenticator, tokenExpiration 15 min), and botocore renews temporary
# keys no later than 10 minutes before they expire: a token of 9 minutes outlives neither.
LIFETIME_SECONDS = 9 * 60


class BearerToken:
    """A token for one cluster that is always valid when asked for; safe to share between threads.

    Args:
        presign: Makes the presigned GetCallerIdentity URL, the cluster's name signed into it.
        clock: Seconds that only grow.
    """

    def __init__(self, presign: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._presign = presign
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._made_at = float("-inf")

    def __call__(self) -> str:
        """The token, made anew when the last one has lived for 9 minutes."""
        with self._lock:
            if self._clock() - self._made_at >= LIFETIME_SECONDS:
                self._token = PREFIX + base64.urlsafe_b64encode(self._presign().encode()).decode().rstrip("=")
                self._made_at = self._clock()
            return self._token


def token_origin(token: str) -> str:
    """Where an EKS token was made out to and how long ago, in words without its secret; empty for other tokens."""
    encoded = token.removeprefix("Bearer ")
    if not encoded.startswith(PREFIX):
        return ""
    encoded = encoded.removeprefix(PREFIX)
    try:
        url = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
        made_at = datetime.strptime(parse_qs(url.query)["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except (ValueError, KeyError):
        return "a token that cannot be read"
    minutes = (datetime.now(UTC) - made_at).total_seconds() / 60
    return f"a token signed for {url.hostname} {minutes:.0f} minutes ago"
