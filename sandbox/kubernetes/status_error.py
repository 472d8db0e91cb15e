"""Refusals of the API server: `Status` objects with the reasons and texts of a real one.

The texts are those of `k8s.io/apimachinery/pkg/api/errors`, compared with kube-apiserver 1.20.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.resources import Resource

_MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


class StatusError(Exception):
    """A request that is refused.

    Attributes:
        code: HTTP status.
        reason: The Status object's machine-readable reason.
        message: The Status object's text.
        details: The Status object's details, None when it has none.
    """

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def status(self) -> dict[str, Any]:
        """The `Status` object of the answer."""
        document: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }
        if self.details is None:
            del document["details"]
        if not self.reason:
            del document["reason"]
        return document


@dataclass(frozen=True)
class Invalid:
    """One fault of an object (`field.Error`).

    Attributes:
        field: Path of the field, such as `spec.containers[0].name`.
        kind: `FieldValueInvalid`, `FieldValueRequired`, ...
        detail: What is wrong with it, without the leading words.
        value: The bad value as Go prints it (`"x"`, `rbac.RoleRef{...}`), for the kinds that show it.
    """

    field: str
    kind: str
    detail: str
    value: str = ""

    def body(self) -> str:
        """The message without the field."""
        if self.kind == "FieldValueRequired":
            return "Required value" + (f": {self.detail}" if self.detail else "")
        if self.kind == "FieldValueForbidden":
            return f"Forbidden: {self.detail}"
        words = {
            "FieldValueInvalid": "Invalid value",
            "FieldValueNotSupported": "Unsupported value",
            "FieldValueDuplicate": "Duplicate value",
            "FieldValueTooLong": "Too long",
            "FieldValueNotFound": "Not found",
        }[self.kind]
        shown = "" if self.kind == "FieldValueTooLong" else f": {self.value}"
        return f"{words}{shown}" + (f": {self.detail}" if self.detail else "")


def invalid(field: str, value: object, detail: str) -> Invalid:
    """A value that is not allowed."""
    return Invalid(field, "FieldValueInvalid", detail, quoted(value))


def required(field: str, detail: str = "") -> Invalid:
    """A value that is missing."""
    return Invalid(field, "FieldValueRequired", detail)


def forbidden_field(field: str, detail: str) -> Invalid:
    """A field that may not be set or changed."""
    return Invalid(field, "FieldValueForbidden", detail)


def not_supported(field: str, value: object, supported: Sequence[str]) -> Invalid:
    """A value outside an enumeration."""
    choices = ", ".join(json.dumps(choice) for choice in supported)
    return Invalid(field, "FieldValueNotSupported", f"supported values: {choices}", quoted(value))


def duplicate(field: str, value: object) -> Invalid:
    """A value that is already there."""
    return Invalid(field, "FieldValueDuplicate", "", quoted(value))


def quoted(value: object) -> str:
    """A value as Go's validation prints it."""
    return (
        json.dumps(value, ensure_ascii=False, separators=(",", ":")) if not isinstance(value, GoValue) else str(value)
    )


class GoValue(str):
    """A text that is already as Go prints it (`%#v` of a struct)."""


def invalid_object(resource: Resource, name: str, faults: Sequence[Invalid]) -> StatusError:
    """422 for an object with faults."""
    texts = [f"{fault.field}: {fault.body()}" for fault in faults]
    shown = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    causes = [{"reason": fault.kind, "message": fault.body(), "field": fault.field} for fault in faults]
    details: dict[str, Any] = {"name": name, "group": resource.group, "kind": resource.kind, "causes": causes}
    return StatusError(
        422, "Invalid", f'{resource.qualified_kind} "{name}" is invalid: {shown}', _without_empty(details)
    )


def not_found(resource: Resource, name: str) -> StatusError:
    """404 for an object that is not there."""
    return StatusError(404, "NotFound", f'{resource.qualified} "{name}" not found', _named(resource, name))


def path_not_found() -> StatusError:
    """404 for a path that is not served."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(resource: Resource, name: str) -> StatusError:
    """409 for a name that is taken."""
    message = f'{resource.qualified} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, _named(resource, name))


def conflict(resource: Resource, name: str, detail: str = _MODIFIED) -> StatusError:
    """409 for an object that has changed since it was read."""
    message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {detail}'
    return StatusError(409, "Conflict", message, _named(resource, name))


def forbidden(resource: Resource, name: str, detail: str) -> StatusError:
    """403 for a change of an object."""
    shown = (
        f'{resource.qualified} "{name}" is forbidden: {detail}'
        if name
        else f"{resource.qualified} is forbidden: {detail}"
    )
    return StatusError(403, "Forbidden", shown, _named(resource, name))


def bad_request(message: str) -> StatusError:
    """400."""
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    """401."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> StatusError:
    """405."""
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message, {})


def unsupported_media_type(supported: Sequence[str]) -> StatusError:
    """415."""
    message = f"the body of the request was in an unknown format - accepted media types include: {', '.join(supported)}"
    return StatusError(415, "UnsupportedMediaType", message)


def expired(message: str) -> StatusError:
    """410 for a resourceVersion or continue token that is too old."""
    return StatusError(410, "Expired", message)


def _named(resource: Resource, name: str) -> dict[str, Any]:
    return _without_empty({"name": name, "group": resource.group, "kind": resource.plural})


def _without_empty(details: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in details.items() if value}
