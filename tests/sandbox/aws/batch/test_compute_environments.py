"""Compute environments: what is refused, updates and deletion."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

WITH_PATH = "arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
R = "computeResources__"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"computeEnvironmentName": "My CE"}, r"Provided name My CE is not supported pattern"),
        ({"computeEnvironmentName": "n" * 129}, "is not supported pattern"),
        ({"state": "DISABLED"}, "must be created in the ENABLED state"),
        ({"type": "UNMANAGED", "computeResources": None}, "ServiceRole is required"),
        ({"type": "SOMETIMES"}, "must be one of MANAGED, UNMANAGED"),
        ({"eksConfiguration": None}, "AWS Batch on EKS only"),
        ({"computeResources": None}, "computeResources must be specified"),
        ({"unmanagedvCpus": 4}, "UNMANAGED"),
        ({"eksConfiguration__kubernetesNamespace": "default"}, "can't be default"),
        ({"eksConfiguration__kubernetesNamespace": "kube-x"}, "can't start with kube-"),
        ({"eksConfiguration__kubernetesNamespace": "Upper"}, "must be fewer than 64"),
        ({"eksConfiguration__kubernetesNamespace": "n" * 64}, "must be fewer than 64"),
        ({"eksConfiguration__eksClusterArn": "my-test-cluster"}, "is not valid"),
        (
            {"eksConfiguration__eksClusterArn": "arn:aws:eks:us-east-1:123456789012:cluster/other"},
            "No cluster found for name: other.",
        ),
        ({R + "type": "FARGATE"}, "not supported for EKS"),
        ({R + "allocationStrategy": None}, "allocationStrategy must be specified"),
        ({R + "allocationStrategy": "BEST_FIT"}, "BEST_FIT"),
        (
            {R + "allocationStrategy": "SPOT_CAPACITY_OPTIMIZED"},
            "Invalid compute resource allocation strategy SPOT_CAPACITY_OPTIMIZED for type EC2",
        ),
        (
            {R + "type": "SPOT", R + "allocationStrategy": "BEST_FIT_PROGRESSIVE_ORDERED"},
            "Invalid compute resource allocation strategy",
        ),
        ({R + "subnets": []}, "subnets must be specified"),
        ({R + "instanceRole": None}, "instanceRole must be specified"),
        ({R + "instanceTypes": None}, "instanceTypes must be specified"),
        ({R + "securityGroupIds": None}, "securityGroupIds or a launch template"),
        ({R + "instanceTypes": ["m99"]}, "Instance type m99 is not supported"),
        ({R + "instanceTypes": ["m5", "m6g"]}, "same architecture"),
        ({R + "minvCpus": 129}, "minvCpus must be between 0 and maxvCpus"),
        ({R + "minvCpus": 4, R + "desiredvCpus": 2}, "desiredvCpus must be between"),
        ({R + "bidPercentage": 50}, "SPOT"),
        ({R + "scalingPolicy": {"minScaleDownDelayMinutes": 5}}, "20 and 10080"),
        ({R + "launchTemplate": {"version": "1"}}, "but not both"),
        ({R + "ec2Configuration": [{"imageType": "ECS_AL2"}]}, "imageType ECS_AL2"),
        (
            {R + "ec2Configuration": [{"imageType": "EKS_AL2023", "imageKubernetesVersion": "1.21"}]},
            r"At least one imageKubernetesVersion in EC2Configuration is not supported\.",
        ),
        ({"tags": {f"k{n}": "v" for n in range(51)}}, "at most 50"),
    ],
)
def test_refused_at_once(tutorial: Any, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=words) as refused:
        tutorial.client("batch").create_compute_environment(**tutorial.environment("refused", **changes))
    assert refused.value.response["Error"]["Code"] == "ClientException"


def test_a_second_one_of_the_name_is_a_conflict(tutorial: Any) -> None:
    with pytest.raises(ClientError, match="Object already exists") as refused:
        tutorial.client("batch").create_compute_environment(**tutorial.environment("My-Eks-CE1"))
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_a_valid_one_as_it_is_described(tutorial: Any) -> None:
    (found,) = tutorial.client("batch").describe_compute_environments(computeEnvironments=["My-Eks-CE1"])[
        "computeEnvironments"
    ]
    assert (found["status"], found["statusReason"]) == ("VALID", "ComputeEnvironment Healthy")
    assert found["eksConfiguration"]["kubernetesNamespace"] == "my-aws-batch-namespace"
    assert found["eksConfiguration"]["accessEntry"] == {"status": "INACTIVE"}
    assert found["containerOrchestrationType"] == "EKS"
    assert found["serviceRole"] == WITH_PATH
    assert found["computeResources"]["ec2Configuration"] == [{"imageType": "EKS_AL2023"}]
    assert len(found["uuid"]) == 36
    assert "ecsClusterArn" not in found


def test_the_service_linked_role_is_made(tutorial: Any) -> None:
    assert tutorial.client("iam").get_role(RoleName="AWSServiceRoleForBatch")["Role"]["Arn"] == WITH_PATH


def test_a_missing_events_rule_is_forgiven(tutorial: Any) -> None:
    """The rules of the tutorial's own text have none; only newer pages do."""
    assert not any("events" in rule["resources"] for rule in tutorial.rules()["cluster role"])
    assert tutorial.environment_settles("My-Eks-CE1")["status"] == "VALID"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"computeEnvironment": "nowhere"}, "nowhere does not exist"),
        ({"serviceRole": "arn:aws:iam::123456789012:role/other"}, "service-linked role"),
        ({"computeResources": {"desiredvCpus": 2}}, "desiredvCpus can't be specified"),
        ({"computeResources": {"maxvCpus": 4, "minvCpus": 8}}, "minvCpus"),
        ({"computeResources": {"instanceTypes": ["m99"]}}, "m99"),
        ({"computeResources": {"allocationStrategy": "BEST_FIT"}}, "must be one of"),
        ({"unmanagedvCpus": 1}, "managed"),
        ({"updatePolicy": {"jobExecutionTimeoutMinutes": 7201}}, "at most 7200"),
    ],
)
def test_updates_that_are_refused(tutorial: Any, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=words):
        tutorial.client("batch").update_compute_environment(**{"computeEnvironment": "My-Eks-CE1", **changes})


def test_deletion_wants_disabled_and_no_queue(tutorial: Any) -> None:
    batch = tutorial.client("batch")
    batch.create_compute_environment(**tutorial.environment("short-lived"))
    with pytest.raises(ClientError, match="Cannot delete, resource is being modified"):
        batch.delete_compute_environment(computeEnvironment="short-lived")
    tutorial.environment_settles("short-lived")
    order = [{"order": 1, "computeEnvironment": "short-lived"}]
    batch.create_job_queue(jobQueueName="on-it", priority=1, computeEnvironmentOrder=order)
    tutorial.queue_settles("on-it")
    with pytest.raises(ClientError, match="state must be DISABLED"):
        batch.delete_compute_environment(computeEnvironment="short-lived")
    batch.update_compute_environment(computeEnvironment="short-lived", state="DISABLED")
    tutorial.environment_settles("short-lived")
    with pytest.raises(ClientError, match="Cannot delete, found existing JobQueue relationship"):
        batch.delete_compute_environment(computeEnvironment="short-lived")

    other = [{"order": 1, "computeEnvironment": "My-Eks-CE1"}]
    tutorial.control("POST", "/_sandbox/settings", {"relationship_delay": 3})
    batch.update_job_queue(jobQueue="on-it", computeEnvironmentOrder=other)
    tutorial.queue_settles("on-it")
    # The relationship is seen for a moment longer.
    with pytest.raises(ClientError, match="Cannot delete, found existing JobQueue relationship"):
        batch.delete_compute_environment(computeEnvironment="short-lived")
    tutorial.control("POST", "/_sandbox/settings", {"relationship_delay": 0.3})

    def deleted() -> bool:
        try:
            batch.delete_compute_environment(computeEnvironment="short-lived")
        except ClientError:
            return False
        return True

    tutorial.wait(deleted)
    (deleting,) = batch.describe_compute_environments(computeEnvironments=["short-lived"])["computeEnvironments"]
    assert deleting["status"] == "DELETING"
    named = {"computeEnvironments": ["short-lived"]}
    tutorial.wait(lambda: not batch.describe_compute_environments(**named)["computeEnvironments"])
    batch.delete_compute_environment(computeEnvironment="short-lived")
