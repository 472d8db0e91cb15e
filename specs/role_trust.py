"""Whether an IAM role's trust policy lets the pods of a service account have the role."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from specs.wire import mapping

POD_IDENTITY_PRINCIPAL = "pods.eks.amazonaws.com"
STS_AUDIENCE = "sts.amazonaws.com"

# Beside StringEquals the operators that are judged here; of a condition with any other the benefit of the doubt.
# ArnEquals takes wildcards too (IAM User Guide, reference_policies_elements_condition_operators).
_LIKE = ("stringlike", "arnlike", "arnequals")


@dataclass(frozen=True)
class Assumption:
    """How pods come by a role.

    Attributes:
        kind: The key of the principal in a trust policy.
        principal: Who assumes the role.
        actions: By which actions.
        context: What is known of the request: value by condition key.
        identifying: Condition keys without which the role trusts every service account of the cluster; empty where
            something else than the trust policy says which one has it.
    """

    kind: Literal["Service", "Federated"]
    principal: str
    actions: tuple[str, ...]
    context: Mapping[str, str]
    identifying: tuple[str, ...] = ()

    def statement(self) -> str:
        """A statement of a trust policy that allows it, as JSON."""
        conditions = {"Condition": {"StringEquals": dict(self.context)}} if self.identifying else {}
        action = list(self.actions) if len(self.actions) > 1 else self.actions[0]
        principal = {self.kind: self.principal}
        return json.dumps({"Effect": "Allow", "Principal": principal, "Action": action, **conditions})


def by_pod_identity(cluster_arn: str, namespace: str, account: str) -> Assumption:
    """How EKS Pod Identity assumes a role (EKS User Guide, pod-id-role and pod-id-abac).

    Args:
        cluster_arn: The cluster.
        namespace: The service account's namespace.
        account: Its name.
    """
    tags = {
        "eks-cluster-arn": cluster_arn,
        "eks-cluster-name": cluster_arn.rpartition("/")[2],
        "kubernetes-namespace": namespace,
        "kubernetes-service-account": account,
    }
    context = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    return Assumption("Service", POD_IDENTITY_PRINCIPAL, ("sts:AssumeRole", "sts:TagSession"), context)


def by_web_identity(provider_arn: str, namespace: str, account: str) -> Assumption:
    """How an AWS SDK assumes a role with a service account's token (EKS User Guide, associate-service-account-role).

    Args:
        provider_arn: The cluster's OIDC provider in IAM.
        namespace: The service account's namespace.
        account: Its name.
    """
    issuer = provider_arn.partition(":oidc-provider/")[2]
    context = {f"{issuer}:aud": STS_AUDIENCE, f"{issuer}:sub": f"system:serviceaccount:{namespace}:{account}"}
    actions = ("sts:AssumeRoleWithWebIdentity",)
    return Assumption("Federated", provider_arn, actions, context, identifying=(f"{issuer}:sub",))


def trust_faults(policy: Mapping[str, Any], assumption: Assumption) -> list[str]:
    """Why a trust policy does not allow an assumption.

    Deny statements and condition operators other than equality are not judged.

    Args:
        policy: The role's AssumeRolePolicyDocument.
        assumption: How the role is to be assumed.

    Returns:
        A sentence for each action that is not allowed; empty where all are.
    """
    return [
        f"its trust policy does not allow {assumption.principal} {action}{_near_miss(policy, assumption, action)}"
        for action in assumption.actions
        if not any(_unmet(statement, assumption) == [] for statement in _statements(policy, assumption, action))
    ]


def trusts_everybody(policy: Mapping[str, Any], assumption: Assumption) -> bool:
    """Whether it allows the assumption without asking which service account it is.

    Args:
        policy: The role's AssumeRolePolicyDocument.
        assumption: How the role is to be assumed.
    """
    allowing = [
        statement
        for action in assumption.actions
        for statement in _statements(policy, assumption, action)
        if _unmet(statement, assumption) == []
    ]
    identifying = {key.lower() for key in assumption.identifying}
    asked = [{key.lower() for _, key, _ in _conditions(statement)} for statement in allowing]
    return bool(identifying) and any(not identifying & keys for keys in asked)


def _statements(policy: Mapping[str, Any], assumption: Assumption, action: str) -> Iterator[Mapping[str, Any]]:
    """The statements that allow an action to the principal, whatever their conditions."""
    found = policy.get("Statement", ())
    for statement in found if isinstance(found, list) else [found]:
        principals = _texts(mapping(mapping(statement).get("Principal")).get(assumption.kind))
        actions = (each.lower() for each in _texts(mapping(statement).get("Action")))
        is_allowed = mapping(statement).get("Effect") == "Allow" and assumption.principal in principals
        if is_allowed and any(fnmatchcase(action.lower(), each) for each in actions):
            yield statement


def _near_miss(policy: Mapping[str, Any], assumption: Assumption, action: str) -> str:
    unmet = [each for statement in _statements(policy, assumption, action) for each in _unmet(statement, assumption)]
    return f" here: {'; '.join(unmet)}" if unmet else ""


def _unmet(statement: Mapping[str, Any], assumption: Assumption) -> list[str]:
    """The conditions that are known not to hold."""
    known = {key.lower(): value for key, value in assumption.context.items()}
    return [
        f"{key} must be {' or '.join(wanted)}, and is {known[key.lower()]}"
        for operator, key, wanted in _conditions(statement)
        if key.lower() in known and not _holds(operator, wanted, known[key.lower()])
    ]


def _conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    for operator, keys in mapping(statement.get("Condition")).items():
        for key, wanted in mapping(keys).items():
            yield operator, key, _texts(wanted)


def _holds(operator: str, wanted: list[str], value: str) -> bool:
    name = operator.lower().rpartition(":")[2].removesuffix("ifexists")
    if name == "stringequals":
        return value in wanted
    return name not in _LIKE or any(fnmatchcase(value, each) for each in wanted)


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(each) for each in value or ()]
