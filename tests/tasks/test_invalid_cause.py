"""Every row of AWS's table of INVALID compute environments, with the words that AWS writes."""

import pytest

from tasks.invalid_cause import INVALID_CAUSES, known_cause

COMMON = (
    "Common issues preventing {} joining are the following: networking configuration preventing communication to "
    "Amazon EKS Cluster, incorrect Amazon EKS Instance Profile or Kubernetes RBAC policy preventing authorization to "
    "Amazon EKS Cluster, customized AMI or LaunchTemplate configurations affecting Amazon EKS/Kubernetes node "
    "bootstrap."
)
INVALIDATED = "Your compute environment has been INVALIDATED and scaled down because "
ROWS = [
    ("At least one imageKubernetesVersion in EC2Configuration is not supported.", "version of ec2Configuration"),
    ("CLIENT_ERROR - EKS Cluster version [1.29] is unsupported", "the cluster's Kubernetes version"),
    (
        "CLIENT_ERROR - Instance profile arn:aws:iam::123456789012:instance-profile/Gone does not exist",
        "names no instance profile",
    ),
    ("CLIENT_ERROR - The subnet ID 'subnet-0123' does not exist", "a subnet of the compute environment"),
    ("CLIENT_ERROR - The security group 'sg-0123' does not exist", "a security group of the compute environment"),
    ("CLIENT_ERROR - Unable to validate Kubernetes Namespace", "cannot read its namespace"),
    (
        "CLIENT_ERROR - Access Entry setup incomplete on cluster [my-cluster]. Retry by calling "
        "UpdateComputeEnvironment.",
        "eks:AssociateAccessPolicy",
    ),
    ("CLIENT_ERROR - No cluster found for name: my-cluster.", "deleted before its compute environment"),
    (
        f"{INVALIDATED}none of the nodes joined the underlying Amazon EKS Cluster. {COMMON.format('nodes')}",
        "never became nodes",
    ),
    (
        f"{INVALIDATED}none of the instances joined the underlying ECS Cluster. {COMMON.format('instances')}",
        "never became nodes",
    ),
    (
        "CLIENT_ERROR - Not authorized to perform sts:AssumeRole (Service: AWSSecurityTokenService; Status Code: 403)",
        "cannot assume the service role",
    ),
    (
        "CLIENT_ERROR - User: arn:aws:sts::123456789012:assumed-role/batch-replacement-role/aws-batch is not "
        "authorized to perform: ecs:ListClusters",
        "a stand-in",
    ),
    ("CLIENT_ERROR - Parameter: SpotFleetRequestConfig.IamFleetRole is invalid.", "Spot fleet role"),
    ("CLIENT_ERROR - Launch Template UserData is not MIME multipart format", "not MIME multipart"),
    (
        "EKS cluster must use API server endpoint that has public access and is accessible to the public internet.",
        "over its public endpoint only",
    ),
]


@pytest.mark.parametrize(("text", "words"), ROWS)
def test_a_reason_has_its_own_cause(text: str, words: str) -> None:
    known = known_cause(text)
    assert known is not None
    assert words in known.cause
    assert known.fix


def test_each_row_is_shown_above() -> None:
    assert {known_cause(text) for text, _ in ROWS} == set(INVALID_CAUSES)


@pytest.mark.parametrize(
    "text",
    [
        "ComputeEnvironment Healthy",
        "Scheduling policy arn:aws:batch:us-east-1:123456789012:scheduling-policy/x does not exist",
        "User: arn:aws:sts::123456789012:assumed-role/worker/x is not authorized to perform: sts:AssumeRole on "
        "resource: arn:aws:iam::123456789012:role/other",
    ],
)
def test_other_texts_are_not_taken_for_one(text: str) -> None:
    assert known_cause(text) is None
