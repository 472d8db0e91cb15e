"""TokenReviews of a real kube-apiserver, answered as aws-iam-authenticator answers them."""

from collections.abc import Callable
from typing import Any

from sandbox.authenticator import Identity, Refused


def review_token(authenticate: Callable[[str], Identity], review: dict[str, Any]) -> dict[str, Any]:
    """Answer a TokenReview; a refusal carries an error, without which the API server would remember it."""
    try:
        identity = authenticate(review["spec"].get("token", ""))
    except Refused as error:
        return {**review, "status": {"authenticated": False, "error": str(error) or "refused"}}
    user: dict[str, Any] = {"username": identity.username, "uid": identity.uid, "groups": list(identity.groups)}
    if identity.arn:
        user["extra"] = {"canonicalArn": [identity.arn]}
    return {**review, "status": {"authenticated": True, "user": user}}
