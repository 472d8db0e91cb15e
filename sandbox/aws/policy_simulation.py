"""What moto's IAM lacks: SimulatePrincipalPolicy. Observed on moto 5.2.5: the operation is not there."""

from typing import Any

from moto.core.responses import ActionResult
from moto.iam.exceptions import NoSuchEntity
from moto.iam.responses import IamResponse

from sandbox.aws.authorization.policy import AuthorizationRequest, decide
from sandbox.aws.authorization.principals import policies_of


def install() -> None:
    """Have moto's IAM answer SimulatePrincipalPolicy, for the whole process."""
    IamResponse.simulate_principal_policy = _simulate_principal_policy


def _simulate_principal_policy(self: Any) -> ActionResult:
    """Say of each action on each resource what the policies of a user or role decide (IAM API reference).

    A Deny anywhere is `explicitDeny`; what nothing allows is `implicitDeny`. A condition on a key that is not among
    `ContextEntries` is evaluated as one that the request lacks.
    """
    arn = self._get_param("PolicySourceArn")
    try:
        documents = policies_of(arn, self.current_account)
    except LookupError as error:
        raise NoSuchEntity(str(error)) from None
    context = {
        entry["ContextKeyName"]: tuple(entry["ContextKeyValues"]) for entry in self._get_param("ContextEntries", [])
    }
    results = [
        {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": decide(documents, AuthorizationRequest(action, resource, context)),
            "MatchedStatements": [],
            "MissingContextValues": [],
        }
        for resource in self._get_param("ResourceArns", []) or ["*"]
        for action in self._get_param("ActionNames", [])
    ]
    return ActionResult({"EvaluationResults": results, "IsTruncated": False})
