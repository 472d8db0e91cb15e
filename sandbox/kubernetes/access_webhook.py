"""SubjectAccessReviews of a real kube-apiserver about what its Node authorizer and RBAC do not allow."""

from collections.abc import Callable
from typing import Any

from sandbox.kubernetes.identity import Attributes, Decision, User


def review_access(authorize: Callable[[User, Attributes], Decision], review: dict[str, Any]) -> dict[str, Any]:
    """Answer a SubjectAccessReview: allowed, or no opinion."""
    spec = review["spec"]
    # The API server's v1beta1 form says `group` where v1 says `groups`.
    groups = tuple(spec.get("groups") or spec.get("group") or ())
    arns = (spec.get("extra") or {}).get("canonicalArn") or [""]
    user = User(spec.get("user", ""), groups, spec.get("uid", ""), arns[0])
    decision = authorize(user, _attributes(spec))
    reason = {"reason": decision.reason} if decision.reason else {}
    return {**review, "status": {"allowed": decision.allowed, **reason}}


def _attributes(spec: dict[str, Any]) -> Attributes:
    asked = spec.get("resourceAttributes")
    if asked is None:
        path = spec.get("nonResourceAttributes") or {}
        return Attributes(path.get("verb", ""), path=path.get("path", ""))
    names = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Attributes(**{name: asked.get(name, "") for name in names})
