"""AWS's table of what makes a compute environment INVALID: words of a reason, what they mean, what helps."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Evidence = Literal["", "batch access", "node role"]


class InvalidCause(BaseModel):
    """One row of the table.

    Attributes:
        words: What the statusReason, or the refusal of a call, holds.
        cause: What that means.
        fix: What helps.
        evidence: What the cluster itself can be asked to find the cause or see it gone; empty for nothing.
    """

    model_config = ConfigDict(frozen=True)

    words: str
    cause: str
    fix: str
    evidence: Evidence = ""


_NOT_JOINED = (
    "instances were launched but never became nodes: the cluster does not know the node role (aws-auth or access "
    "entry), the subnets or security groups keep them from the API server, or the AMI or launch template breaks the "
    "bootstrap"
)
_LET_NODES_JOIN = (
    "make the node role known (run setup_batch), check the ec2, ecr.api, ecr.dkr, s3 and sts endpoints of the subnets "
    "and userdataType for AL2023"
)
_SERVICE_ROLE = "leave serviceRole out, so that the service-linked role is used"

# https://docs.aws.amazon.com/batch/latest/userguide/batch_eks_invalid_compute_environment.html and
# https://docs.aws.amazon.com/batch/latest/userguide/invalid_compute_environment.html
INVALID_CAUSES = (
    InvalidCause(
        words="Unable to validate Kubernetes Namespace",
        cause="Batch cannot read its namespace: the namespace, the roles or bindings, the aws-auth mapping or the "
        "access entry are missing or wrong, or Batch cannot reach the API server's endpoint; after desiredState "
        "DISABLED it is expected until aws-auth and the roles are there",
        fix="repair what is named here (run setup_batch); where nothing is named, check the endpoint access of the "
        "cluster",
        evidence="batch access",
    ),
    InvalidCause(
        words="none of the nodes joined the underlying Amazon EKS Cluster",
        cause=_NOT_JOINED,
        fix=_LET_NODES_JOIN,
        evidence="node role",
    ),
    # Listed on the same page although it speaks of ECS.
    InvalidCause(
        words="none of the instances joined the underlying ECS Cluster",
        cause=_NOT_JOINED,
        fix=_LET_NODES_JOIN,
        evidence="node role",
    ),
    InvalidCause(
        words="CLIENT_ERROR - Instance profile",
        cause="`instanceRole` names no instance profile; a role's ARN is not one",
        fix="create the instance profile, or name the right one in instanceRole",
    ),
    # EC2's words of InvalidSubnetID.NotFound and InvalidGroup.NotFound.
    InvalidCause(
        words="The subnet ID '",
        cause="a subnet of the compute environment is not there (any more), or is in another account or region",
        fix="name subnets of the cluster's VPC in computeResources.subnets, or leave them out to take the cluster's",
    ),
    InvalidCause(
        words="The security group '",
        cause="a security group of the compute environment is not there (any more), or is in another VPC",
        fix="name the cluster security group in computeResources.securityGroupIds, or leave them out to take it",
    ),
    InvalidCause(
        words="Access Entry setup incomplete",
        cause="the caller lacks eks:AssociateAccessPolicy or eks:DeleteAccessEntry",
        fix="grant eks:DescribeCluster, DescribeAccessEntry, CreateAccessEntry, AssociateAccessPolicy and "
        "DeleteAccessEntry, then update the compute environment",
    ),
    InvalidCause(
        words="EKS Cluster version",
        cause="Batch does not support the cluster's Kubernetes version",
        fix="upgrade the cluster to a version that Batch supports, then create the compute environment anew",
    ),
    InvalidCause(
        words="At least one imageKubernetesVersion in EC2Configuration is not supported",
        cause="Batch does not support the Kubernetes version of ec2Configuration",
        fix="name a supported version in imageKubernetesVersion; a compute environment that has the other one must be "
        "deleted and created anew",
    ),
    # EKS's words of ResourceNotFoundException.
    InvalidCause(
        words="No cluster found for name",
        cause="the cluster was deleted before its compute environment; one of the same name is another cluster",
        fix="delete the compute environment and create it anew",
    ),
    # https://repost.aws/questions/QUvXLwojWwTu2lV7Ay4UaOEQ
    InvalidCause(
        words="EKS cluster must use API server endpoint that has public access",
        cause="Batch reaches this cluster's API server over its public endpoint only, and the cluster has none",
        fix="turn public access on beside private access, for as few addresses as possible "
        "(aws eks update-cluster-config --resources-vpc-config "
        "endpointPublicAccess=true,endpointPrivateAccess=true,publicAccessCidrs=...), or ask AWS support",
    ),
    InvalidCause(
        words="Not authorized to perform sts:AssumeRole",
        cause="Batch cannot assume the service role: its name or path is wrong",
        fix=_SERVICE_ROLE,
    ),
    InvalidCause(
        words="assumed-role/batch-replacement-role/",
        cause="Batch acts as a stand-in, since the service role is not there under the name and path that it was "
        "given with, or lacks the action that is named",
        fix=_SERVICE_ROLE,
    ),
    InvalidCause(
        words="SpotFleetRequestConfig.IamFleetRole is invalid",
        cause="the Spot fleet role's ARN is wrong",
        fix="correct spotIamFleetRole, or leave it out with a SPOT_* allocation strategy",
    ),
    InvalidCause(
        words="UserData is not MIME multipart",
        cause="the launch template's user data is not MIME multipart",
        fix="wrap it as MIME multipart",
    ),
)


def known_cause(text: str) -> InvalidCause | None:
    """The row whose words are in a statusReason or in the refusal of a call; None where there is none."""
    return next((cause for cause in INVALID_CAUSES if cause.words in text), None)
