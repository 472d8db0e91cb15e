"""SimulatePrincipalPolicy, which moto lacks."""

import json

import pytest

NODE_ROLE = "arn:aws:iam::123456789012:role/EksBatchNodeRole"


@pytest.fixture
def iam(make_tools, clean_sandbox):
    return make_tools(clean_sandbox).aws("iam")


def decisions(iam, arn, *actions, resource="*"):
    answer = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=list(actions), ResourceArns=[resource])
    assert not answer["IsTruncated"]
    return [result["EvalDecision"] for result in answer["EvaluationResults"]]


def test_what_no_policy_allows_is_denied_implicitly(iam):
    assert decisions(iam, NODE_ROLE, "ecr:BatchGetImage", "batch:SubmitJob") == ["allowed", "implicitDeny"]


def test_a_deny_wins_and_counts_on_its_resource_only(iam):
    queue = "arn:aws:batch:us-east-1:123456789012:job-queue/"
    statement = {"Effect": "Deny", "Action": "batch:SubmitJob", "Resource": f"{queue}a"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="admin", PolicyName="deny", PolicyDocument=document)
    arn = "arn:aws:iam::123456789012:user/admin"
    assert decisions(iam, arn, "batch:SubmitJob", resource=f"{queue}a") == ["explicitDeny"]
    assert decisions(iam, arn, "batch:SubmitJob", resource=f"{queue}b") == ["allowed"]


def test_nobody_is_refused(iam):
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        decisions(iam, "arn:aws:iam::123456789012:role/nobody", "batch:SubmitJob")
