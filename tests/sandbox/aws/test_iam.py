"""Batch's service-linked role, and the private names of moto that the AWS endpoint relies on."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws import iam
from sandbox.aws.server import AwsServer


def test_the_role_has_its_name_and_path(client: Callable[..., Any]) -> None:
    role = client("iam").create_service_linked_role(AWSServiceName="batch.amazonaws.com")["Role"]
    assert role["RoleName"] == "AWSServiceRoleForBatch"
    assert role["Arn"] == ("arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch")
    assert client("iam").get_role(RoleName="AWSServiceRoleForBatch")["Role"]["Arn"] == role["Arn"]


def test_a_second_one_is_refused_in_aws_s_words(client: Callable[..., Any]) -> None:
    client("iam").create_service_linked_role(AWSServiceName="batch.amazonaws.com")
    with pytest.raises(ClientError) as refused:
        client("iam").create_service_linked_role(AWSServiceName="batch.amazonaws.com")
    assert refused.value.response["Error"]["Code"] == "InvalidInput"
    assert refused.value.response["Error"]["Message"] == (
        "Service role name AWSServiceRoleForBatch has been taken in this account, please try a different suffix."
    )


def test_other_services_are_left_alone(client: Callable[..., Any]) -> None:
    role = client("iam").create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")["Role"]
    assert role["RoleName"] == "AWSServiceRoleForAutoScaling"


def test_a_role_s_arn_is_no_instance_profile(client: Callable[..., Any]) -> None:
    client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    profile = client("iam").create_instance_profile(InstanceProfileName="p")["InstanceProfile"]
    assert iam.instance_profile_exists("123456789012", profile["Arn"])
    assert iam.instance_profile_exists("123456789012", "p")
    assert not iam.instance_profile_exists("123456789012", "arn:aws:iam::123456789012:role/r")
    assert not iam.instance_profile_exists("123456789012", "r")


def test_managed_policies_start_unattached_after_each_reset(client: Callable[..., Any], aws: AwsServer) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    client("iam").create_user(UserName="u")
    client("iam").attach_user_policy(UserName="u", PolicyArn=arn)
    assert client("iam").get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    aws.reset()
    assert client("iam").get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 0


def test_managed_policies_exist(client: Callable[..., Any]) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    assert client("iam").get_policy(PolicyArn=arn)["Policy"]["PolicyName"] == "AmazonEKSWorkerNodePolicy"
