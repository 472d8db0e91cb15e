"""Access and token reviews: what may somebody do, and who is it."""

from collections.abc import Callable
from typing import Any

from sandbox.kubernetes.identity import Attributes, Decision, User
from sandbox.kubernetes.policy_rules import Rule
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.status_error import GoValue, StatusError, invalid, invalid_object

Document = dict[str, Any]
Authorize = Callable[[User, Attributes], Decision]

_NULL = GoValue('"null"')


def review(
    resource: Resource,
    document: Document,
    namespace: str,
    user: User,
    authorize: Authorize,
    rules: Callable[[User, str], list[Rule]],
) -> Document:
    """Answer an access review, or a review of the user itself.

    Raises:
        StatusError: 422 or 400, it does not say what to review.
    """
    spec = document.get("spec") or {}
    if resource.kind == "SelfSubjectRulesReview":
        status = _rules_status(rules(user, spec.get("namespace", "")))
        return {**document, "spec": {}, "status": status}
    if resource.kind == "SelfSubjectReview":
        return {**document, "status": {"userInfo": user_info(user)}}
    subject = user
    if resource.kind != "SelfSubjectAccessReview":
        if not spec.get("user") and not spec.get("groups"):
            raise _invalid(resource, "spec.user", "", "at least one of user or group must be specified")
        subject = User(spec.get("user", ""), tuple(spec.get("groups") or []))
    asked = spec.get("resourceAttributes")
    path = spec.get("nonResourceAttributes")
    if (asked is None) == (path is None):
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        if asked is not None:
            text = "cannot be specified in combination with resourceAttributes"
            raise _invalid(resource, "spec.nonResourceAttributes", _NULL, text)
        raise _invalid(resource, "spec.resourceAttributes", _NULL, text)
    if resource.kind == "LocalSubjectAccessReview":
        if asked is None:
            text = "disallowed on this kind of request"
            raise _invalid(resource, "spec.nonResourceAttributes", _NULL, text)
        if asked.get("namespace") != namespace:
            text = "must match metadata.namespace"
            raise _invalid(resource, "spec.resourceAttributes.namespace", asked.get("namespace", ""), text)
    return {**document, "status": _status(authorize(subject, _attributes(asked, path)))}


def user_info(user: User) -> Document:
    """A user as reviews show it."""
    info: Document = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        info["uid"] = user.uid
    if user.arn:
        info["extra"] = {"canonicalArn": [user.arn]}
    return info


def _attributes(asked: Document | None, path: Document | None) -> Attributes:
    if asked is None:
        given = path or {}
        return Attributes(given.get("verb", ""), path=given.get("path", ""))
    names = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Attributes(**{name: asked.get(name, "") for name in names})


def _status(decision: Decision) -> Document:
    status: Document = {"allowed": decision.allowed}
    if decision.reason:
        status["reason"] = decision.reason
    return status


def _rules_status(rules: list[Rule]) -> Document:
    resource_rules, other_rules = [], []
    for rule in rules:
        if rule.get("nonResourceURLs"):
            other_rules.append({"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]})
        else:
            names = ("verbs", "apiGroups", "resources", "resourceNames")
            resource_rules.append({name: rule[name] for name in names if rule.get(name)})
    # EKS authorizes by a webhook behind RBAC, for access policies, and so do the sandbox's control planes.
    unknown = "webhook authorizer does not support user rule resolution"
    return {
        "resourceRules": resource_rules,
        "nonResourceRules": other_rules,
        "incomplete": True,
        "evaluationError": unknown,
    }


def _invalid(resource: Resource, field: str, value: object, text: str) -> StatusError:
    error = invalid_object(resource, "", [invalid(field, value, text)])
    details = {**(error.details or {})}
    details.pop("kind", None)
    message = error.message.replace(resource.qualified_kind, f".{resource.group}", 1)
    return StatusError(error.code, error.reason, message, details)
