"""Identity-based policies and what they decide.

Source: IAM User Guide, reference_policies_evaluation-logic (a Deny wins, what nothing allows is denied) and
reference_policies_elements_condition_operators. Moto's own evaluation knows no conditions. Not played: permissions
boundaries, session policies, policies of resources and organizations, policy variables.
"""

import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Decision = Literal["allowed", "explicitDeny", "implicitDeny"]
"""As SimulatePrincipalPolicy names it ([B:iam:PolicyEvaluationDecisionType])."""


@dataclass(frozen=True)
class AuthorizationRequest:
    """Whether somebody may do one thing to one resource.

    Attributes:
        action: Such as `batch:CreateJobQueue`.
        resource: An ARN, or `*` for an action without resource types.
        context: Values of condition keys.
    """

    action: str
    resource: str = "*"
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def decide(documents: Iterable[str], request: AuthorizationRequest) -> Decision:
    """What policies decide together.

    Args:
        documents: The policies as JSON.
        request: What is asked.
    """
    effects = {
        statement["Effect"]
        for document in documents
        for statement in _statements(document)
        if _matches(statement, request)
    }
    if "Deny" in effects:
        return "explicitDeny"
    return "allowed" if "Allow" in effects else "implicitDeny"


@functools.lru_cache(maxsize=2000)
def _statements(document: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(_as_list(json.loads(document)["Statement"]))


def _matches(statement: Mapping[str, Any], request: AuthorizationRequest) -> bool:
    return (
        _names(statement, "Action", request.action, re.IGNORECASE)
        and _names(statement, "Resource", request.resource)
        and all(
            _holds(operator, key, _as_list(values), request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _names(statement: Mapping[str, Any], element: str, value: str, flags: int = 0) -> bool:
    """Whether an element such as Action, or its NotAction, takes a value in."""
    if f"Not{element}" in statement:
        return not any(_is_like(value, pattern, flags) for pattern in _as_list(statement[f"Not{element}"]))
    return any(_is_like(value, pattern, flags) for pattern in _as_list(statement[element]))


def _is_like(value: str, pattern: str, flags: int = 0) -> bool:
    return _compiled(pattern, flags).fullmatch(value) is not None


@functools.lru_cache(maxsize=20_000)
def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), flags | re.DOTALL)


def _is_arn_like(value: str, pattern: str) -> bool:
    """Whether each of the six parts of an ARN is like that of the pattern: no wildcard goes over a colon."""
    parts, patterns = value.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) and all(map(_is_like, parts, patterns))


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "StringLike": _is_like,
    "ArnEquals": _is_arn_like,
    "ArnLike": _is_arn_like,
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
}


def _holds(operator: str, key: str, wanted: Sequence[str], context: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether one condition holds.

    Raises:
        ValueError: The operator is not played.
    """
    lowered = {name.lower(): values for name, values in context.items()}
    values = lowered.get(key.lower(), ())
    quantifier, _, name = operator.rpartition(":")
    if name == "Null":
        return all((not values) == (str(each).lower() == "true") for each in wanted)
    base = name.removesuffix("IfExists")
    if not values and base != name:
        return True
    positive = base.replace("Not", "", 1)
    if positive not in _OPERATORS:
        raise ValueError(f"the sandbox does not evaluate the condition operator {operator}")
    fits = _OPERATORS[positive]
    found = [any(fits(value, str(each)) for each in wanted) for value in values]
    if positive != base:
        return not any(found)
    return all(found) if quantifier == "ForAllValues" else any(found)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
