"""What a trust policy allows, judged as far as the request is known beforehand."""

import json
from typing import Any

import pytest

from specs.role_trust import Assumption, by_pod_identity, by_web_identity, trust_faults, trusts_everybody

ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE"
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"
POD_IDENTITY = by_pod_identity("arn:aws:eks:us-east-1:123456789012:cluster/ours", "batch", "jobs")
IRSA = by_web_identity(PROVIDER, "batch", "jobs")
# As the pages of AWS have them: pod-id-role, associate-service-account-role.
FROM_PAGE = {
    "Sid": "AllowEksAuthToAssumeRoleForPodIdentity",
    "Effect": "Allow",
    "Principal": {"Service": "pods.eks.amazonaws.com"},
    "Action": ["sts:AssumeRole", "sts:TagSession"],
}
IRSA_FROM_PAGE = {
    "Effect": "Allow",
    "Principal": {"Federated": PROVIDER},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {
        "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": "system:serviceaccount:batch:jobs"}
    },
}


def tagged(operator: str, key: str, *values: str) -> dict[str, Any]:
    return {**FROM_PAGE, "Condition": {operator: {f"aws:RequestTag/{key}": list(values)}}}


def of_subject(operator: str, subject: str) -> dict[str, Any]:
    return {**IRSA_FROM_PAGE, "Condition": {operator: {f"{ISSUER}:sub": subject}}}


@pytest.mark.parametrize(
    ("statements", "assumption"),
    [
        (FROM_PAGE, POD_IDENTITY),
        ([FROM_PAGE], POD_IDENTITY),
        ([{**FROM_PAGE, "Action": action} for action in ("sts:AssumeRole", "sts:TagSession")], POD_IDENTITY),
        ([{**FROM_PAGE, "Action": "STS:*"}], POD_IDENTITY),
        ([{**FROM_PAGE, "Principal": {"Service": ["ec2.amazonaws.com", "pods.eks.amazonaws.com"]}}], POD_IDENTITY),
        ([tagged("StringEquals", "kubernetes-namespace", "other", "batch")], POD_IDENTITY),
        ([tagged("StringLike", "kubernetes-service-account", "j*")], POD_IDENTITY),
        ([tagged("ArnEquals", "eks-cluster-arn", "arn:aws:eks:*:cluster/ours")], POD_IDENTITY),
        # Nothing is known of it beforehand.
        ([{**FROM_PAGE, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}], POD_IDENTITY),
        ([tagged("StringNotEquals", "kubernetes-namespace", "batch")], POD_IDENTITY),
        ([IRSA_FROM_PAGE], IRSA),
        ([of_subject("StringLike", "system:serviceaccount:batch:*")], IRSA),
        (json.loads(POD_IDENTITY.statement()), POD_IDENTITY),
        (json.loads(IRSA.statement()), IRSA),
    ],
)
def test_what_lets_the_pods_have_the_role(statements: Any, assumption: Assumption) -> None:
    assert trust_faults({"Statement": statements}, assumption) == []
    assert not trusts_everybody({"Statement": statements}, assumption)


@pytest.mark.parametrize(
    ("statements", "assumption", "words"),
    [
        ([], POD_IDENTITY, ["sts:AssumeRole", "sts:TagSession"]),
        ([{**FROM_PAGE, "Action": "sts:AssumeRole"}], POD_IDENTITY, ["sts:TagSession"]),
        ([{**FROM_PAGE, "Effect": "Deny"}], POD_IDENTITY, ["sts:AssumeRole", "sts:TagSession"]),
        ([{**FROM_PAGE, "Principal": {"Service": "ec2.amazonaws.com"}}], POD_IDENTITY, ["AssumeRole", "TagSession"]),
        (
            [tagged("StringEquals", "kubernetes-namespace", "other")],
            POD_IDENTITY,
            ["kubernetes-namespace must be other, and is batch"] * 2,
        ),
        ([FROM_PAGE], IRSA, ["sts:AssumeRoleWithWebIdentity"]),
        ([{**IRSA_FROM_PAGE, "Principal": {"Federated": f"{PROVIDER}2"}}], IRSA, ["sts:AssumeRoleWithWebIdentity"]),
        (
            [of_subject("StringEquals", "system:serviceaccount:batch:*")],
            IRSA,
            [r":sub must be system:serviceaccount:batch:*, and is system:serviceaccount:batch:jobs"],
        ),
        (
            [{**IRSA_FROM_PAGE, "Condition": {"StringEquals": {f"{ISSUER}:aud": "other"}}}],
            IRSA,
            [":aud must be other, and is sts.amazonaws.com"],
        ),
    ],
)
def test_what_does_not_says_why(statements: Any, assumption: Assumption, words: list[str]) -> None:
    faults = trust_faults({"Statement": statements}, assumption)
    assert len(faults) == len(words)
    assert all(word in fault for word, fault in zip(words, faults, strict=True))


def test_a_web_identity_without_a_subject_is_everybody_s() -> None:
    policy = {"Statement": [{key: value for key, value in IRSA_FROM_PAGE.items() if key != "Condition"}]}
    assert trust_faults(policy, IRSA) == []
    assert trusts_everybody(policy, IRSA)
    assert not trusts_everybody({"Statement": []}, IRSA)
