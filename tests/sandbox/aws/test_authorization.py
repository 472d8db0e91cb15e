"""IAM policies that are evaluated at every call: conditions, whose policies count, and how a denial reads."""

import json
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from sandbox.aws.authorization.policy import AuthorizationRequest, decide

ACCOUNT = "123456789012"
QUEUE = f"arn:aws:batch:us-east-1:{ACCOUNT}:job-queue"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})


@pytest.mark.parametrize(
    ("statement", "request_", "decision"),
    [
        ({"Action": "batch:*", "Resource": "*"}, ("batch:SubmitJob", f"{QUEUE}/a"), "allowed"),
        ({"Action": "BATCH:submit?ob", "Resource": f"{QUEUE}/?"}, ("batch:SubmitJob", f"{QUEUE}/a"), "allowed"),
        ({"Action": "batch:SubmitJob", "Resource": f"{QUEUE}/A"}, ("batch:SubmitJob", f"{QUEUE}/a"), "implicitDeny"),
        ({"NotAction": "iam:*", "Resource": "*"}, ("batch:SubmitJob", "*"), "allowed"),
        ({"NotAction": "batch:*", "Resource": "*"}, ("batch:SubmitJob", "*"), "implicitDeny"),
        ({"Action": "*", "NotResource": f"{QUEUE}/*"}, ("batch:SubmitJob", f"{QUEUE}/a"), "implicitDeny"),
        ({"Effect": "Deny", "Action": "*", "Resource": "*"}, ("batch:SubmitJob", "*"), "explicitDeny"),
    ],
)
def test_a_statement_takes_in_what_its_patterns_are_like(
    statement: dict[str, Any], request_: tuple[str, str], decision: str
) -> None:
    assert decide([policy(statement)], AuthorizationRequest(*request_)) == decision


PASSED = "iam:PassedToService"


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {PASSED: ["ec2.amazonaws.com", "x"]}}, {PASSED: ("ec2.amazonaws.com",)}, True),
        ({"StringEquals": {PASSED.lower(): "ec2.amazonaws.com"}}, {PASSED: ("ec2.amazonaws.com",)}, True),
        ({"StringEquals": {PASSED: "ec2.amazonaws.com"}}, {PASSED: ("lambda.amazonaws.com",)}, False),
        ({"StringEquals": {PASSED: "ec2.amazonaws.com"}}, {}, False),
        ({"StringEqualsIfExists": {PASSED: "ec2.amazonaws.com"}}, {}, True),
        ({"StringNotEquals": {PASSED: "ec2.amazonaws.com"}}, {}, True),
        ({"StringNotLike": {PASSED: "ec2.*"}}, {PASSED: ("ec2.amazonaws.com",)}, False),
        ({"ArnLike": {"k": "arn:aws:sqs:*:*:mine-*"}}, {"k": ("arn:aws:sqs:us-east-1:1:mine-a",)}, True),
        ({"ArnLike": {"k": "arn:aws:sqs:*:mine-*"}}, {"k": ("arn:aws:sqs:us-east-1:1:mine-a",)}, False),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, {"k": ("a", "b")}, True),
        ({"ForAllValues:StringEquals": {"k": ["a"]}}, {"k": ("a", "b")}, False),
        ({"ForAllValues:StringEquals": {"k": ["a"]}}, {}, True),
        ({"ForAllValues:StringEquals": {"k": ["a"]}, "Null": {"k": "false"}}, {}, False),
        ({"ForAnyValue:StringEquals": {"k": ["a"]}}, {"k": ("a", "b")}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, {"aws:SecureTransport": ("True",)}, True),
    ],
)
def test_conditions_hold_as_the_user_guide_says(
    condition: dict[str, Any], context: dict[str, tuple[str, ...]], holds: bool
) -> None:
    document = policy({"Action": "*", "Resource": "*", "Condition": condition})
    decision = decide([document], AuthorizationRequest("a:B", "*", context))
    assert decision == ("allowed" if holds else "implicitDeny")


def test_an_operator_that_is_not_played_is_no_silent_denial() -> None:
    document = policy({"Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}})
    with pytest.raises(ValueError, match="does not evaluate the condition operator IpAddress"):
        decide([document], AuthorizationRequest("a:B", "*", {"aws:SourceIp": ("10.0.0.1",)}))


@pytest.fixture
def nobody(make_tools, clean_sandbox):
    """Makes clients of a user of the group `crew`, who may do what the group may; policies are evaluated."""
    admin = make_tools(clean_sandbox).aws("iam")
    admin.create_group(GroupName="crew")
    admin.create_user(UserName="nobody")
    admin.add_user_to_group(GroupName="crew", UserName="nobody")
    key = admin.create_access_key(UserName="nobody")["AccessKey"]
    tools = make_tools(clean_sandbox)
    tools.env = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    clean_sandbox.settings(iam_policies=True)
    yield tools, admin
    clean_sandbox.settings(iam_policies=False)


USER = f"arn:aws:iam::{ACCOUNT}:user/nobody"


def test_a_denial_reads_as_the_service_s_own(nobody) -> None:
    tools, _ = nobody
    role = f"arn:aws:iam::{ACCOUNT}:role/EksBatchNodeRole"
    for service, operation, parameters, code, status, resource in (
        ("batch", "DeleteJobQueue", {"jobQueue": "jq"}, "AccessDeniedException", 403, f"{QUEUE}/jq"),
        ("ecr", "GetAuthorizationToken", {}, "AccessDeniedException", 400, "*"),
        ("iam", "GetRole", {"RoleName": "EksBatchNodeRole"}, "AccessDenied", 403, role),
        ("ec2", "DescribeVpcs", {}, "UnauthorizedOperation", 403, "*"),
    ):
        with pytest.raises(ClientError) as refused:
            getattr(tools.aws(service), xform_name(operation))(**parameters)
        error = refused.value.response
        assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
        assert (
            f"User: {USER} is not authorized to perform: {service}:{operation} on resource: {resource} "
            f"because no identity-based policy allows the {service}:{operation} action" in error["Error"]["Message"]
        )


def test_what_is_allowed_goes_through_and_a_dependent_action_is_asked_for_too(nobody) -> None:
    tools, admin = nobody
    assert tools.aws("sts").get_caller_identity()["Arn"] == USER, "which needs no permission"
    environment = {"Action": "batch:CreateComputeEnvironment", "Resource": "*"}
    admin.put_group_policy(GroupName="crew", PolicyName="some", PolicyDocument=policy(environment))
    request: dict[str, Any] = {
        "computeEnvironmentName": "ce",
        "type": "MANAGED",
        "eksConfiguration": {
            "eksClusterArn": f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/my-test-cluster",
            "kubernetesNamespace": "ns",
        },
        "computeResources": {
            "type": "EC2",
            "allocationStrategy": "BEST_FIT_PROGRESSIVE",
            "maxvCpus": 1,
            "instanceTypes": ["m5"],
            "subnets": ["subnet-1"],
            "securityGroupIds": ["sg-1"],
            "instanceRole": "EksBatchInstanceProfile",
        },
    }
    with pytest.raises(ClientError, match=r"iam:PassRole on resource: arn:aws:iam::\d+:role/EksBatchNodeRole"):
        tools.aws("batch").create_compute_environment(**request)
    passing = {"Action": "iam:PassRole", "Resource": "*"}
    admin.put_group_policy(GroupName="crew", PolicyName="some", PolicyDocument=policy(environment, passing))
    request["eksConfiguration"]["accessEntry"] = {"desiredState": "ENABLED"}
    with pytest.raises(ClientError, match=r"eks:DescribeCluster on resource"):
        tools.aws("batch").create_compute_environment(**request)
    everything = {"Action": ["batch:*", "iam:*", "eks:*"], "Resource": "*"}
    admin.put_group_policy(GroupName="crew", PolicyName="some", PolicyDocument=policy(everything))
    assert tools.aws("batch").create_compute_environment(**request)["computeEnvironmentName"] == "ce"


def test_the_registry_asks_for_the_actions_of_ecr_s_api(nobody, clean_sandbox) -> None:
    tools, admin = nobody
    logging_in = {"Action": ["ecr:GetAuthorizationToken", "ecr:CreateRepository"], "Resource": "*"}
    admin.put_user_policy(UserName="nobody", PolicyName="login", PolicyDocument=policy(logging_in))
    tools.env["PRIVATE_REGISTRY"] = clean_sandbox.env["PRIVATE_REGISTRY"]
    with pytest.raises(Exception, match="403 Forbidden"):
        tools.push_image("some/image")
    denied = [each for each in clean_sandbox.authorizations() if each["decision"] != "allowed"]
    repository = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/some/image"
    assert [(each["action"], each["resource"]) for each in denied] == [("ecr:InitiateLayerUpload", repository)]
    pushing = ["ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"]
    document = policy({"Action": pushing, "Resource": repository})
    admin.put_user_policy(UserName="nobody", PolicyName="push", PolicyDocument=document)
    assert tools.push_image("some/image").endswith("/some/image:1")
