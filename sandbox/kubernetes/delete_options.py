"""The options of a delete, from its body or its query."""

from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.status_error import Invalid, StatusError, not_supported

_POLICIES = ("Foreground", "Background", "Orphan", "nil")


@dataclass(frozen=True)
class DeleteOptions:
    """`meta/v1.DeleteOptions`.

    Nothing here owns anything else, so that all propagation policies do the same.

    Attributes:
        grace_period_seconds: Time that a pod gets to end; None for its own.
        uid: Only delete the object with this UID.
        resource_version: Only delete it in this version.
        dry_run: Check only.
    """

    grace_period_seconds: int | None = None
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False

    @classmethod
    def of(cls, body: dict[str, Any], query: dict[str, str]) -> "DeleteOptions":
        """Read them.

        Raises:
            StatusError: 422, the propagation policy is not known.
        """
        policy = body.get("propagationPolicy") or query.get("propagationPolicy") or "nil"
        if policy not in _POLICIES:
            raise options_failure("DeleteOptions", not_supported("propagationPolicy", policy, _POLICIES))
        period = body.get("gracePeriodSeconds")
        if period is None and "gracePeriodSeconds" in query:
            period = int(query["gracePeriodSeconds"])
        preconditions = body.get("preconditions") or {}
        return cls(
            period,
            preconditions.get("uid") or "",
            preconditions.get("resourceVersion") or "",
            dry_run_asked("DeleteOptions", [*(body.get("dryRun") or []), *filter(None, [query.get("dryRun")])]),
        )

    def check(self, resource: Resource, document: dict[str, Any]) -> None:
        """Check the preconditions.

        Raises:
            StatusError: 409, the object is another one or has changed.
        """
        metadata = document["metadata"]
        if self.uid and self.uid != metadata["uid"]:
            raise _conflict(
                resource,
                metadata["name"],
                f"the UID in the precondition ({self.uid}) does not match the UID in record ({metadata['uid']}). "
                "The object might have been deleted and then recreated",
            )
        if self.resource_version and self.resource_version != metadata["resourceVersion"]:
            raise _conflict(
                resource,
                metadata["name"],
                f"the ResourceVersion in the precondition ({self.resource_version}) does not match the "
                f"ResourceVersion in record ({metadata['resourceVersion']}). The object might have been modified",
            )


def dry_run_asked(kind: str, values: list[str]) -> bool:
    """Whether `dryRun=All` is asked for.

    Raises:
        StatusError: 422, it has another value.
    """
    for value in values:
        if value != "All":
            fault = Invalid("dryRun", "FieldValueNotSupported", 'supported values: "All"', f'[]string{{"{value}"}}')
            raise options_failure(kind, fault)
    return bool(values)


def options_failure(kind: str, fault: Invalid) -> StatusError:
    """422 for a query parameter or delete option."""
    causes = [{"reason": fault.kind, "message": fault.body(), "field": fault.field}]
    message = f'{kind}.meta.k8s.io "" is invalid: {fault.field}: {fault.body()}'
    return StatusError(422, "Invalid", message, {"group": "meta.k8s.io", "kind": kind, "causes": causes})


def _conflict(resource: Resource, name: str, text: str) -> StatusError:
    message = f'Operation cannot be fulfilled on {resource.qualified_kind} "{name}": {text}'
    details = {"name": name, "kind": resource.kind}
    if resource.group:
        details["group"] = resource.group
    return StatusError(409, "Conflict", message, details)
