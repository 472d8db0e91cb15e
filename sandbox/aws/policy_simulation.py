"""What moto's IAM lacks: SimulatePrincipalPolicy.

Observed on moto 5.2.5: the operation is not there. Moto's own evaluation of policies is used, which knows neither
conditions nor permissions boundaries.
"""

from collections.abc import Iterable
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.exceptions import NoSuchEntity
from moto.iam.responses import IamResponse


def install() -> None:
    """Have moto's IAM answer SimulatePrincipalPolicy, for the whole process."""
    IamResponse.simulate_principal_policy = _simulate_principal_policy


def _simulate_principal_policy(self: Any) -> ActionResult:
    """Say of each action on each resource what the policies of a user or role decide (IAM API reference).

    A Deny anywhere is `explicitDeny`; what nothing allows is `implicitDeny`.
    """
    policies = [IAMPolicy(policy) for policy in _policies_of(self.backend, self._get_param("PolicySourceArn"))]
    results = [
        {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": _decision(policies, action, resource),
            "MatchedStatements": [],
            "MissingContextValues": [],
        }
        for resource in self._get_param("ResourceArns", []) or ["*"]
        for action in self._get_param("ActionNames", [])
    ]
    return ActionResult({"EvaluationResults": results, "IsTruncated": False})


def _policies_of(backend: Any, arn: str) -> Iterable[Any]:
    for principal in (*backend.roles.values(), *backend.users.values()):
        if principal.arn == arn:
            return [*principal.policies.values(), *principal.managed_policies.values()]
    raise NoSuchEntity(f"Entity with arn {arn} does not exist.")


def _decision(policies: Iterable[IAMPolicy], action: str, resource: str) -> str:
    found = {policy.is_action_permitted(action, resource) for policy in policies}
    if PermissionResult.DENIED in found:
        return "explicitDeny"
    return "allowed" if PermissionResult.PERMITTED in found else "implicitDeny"
