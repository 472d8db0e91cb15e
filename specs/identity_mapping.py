"""Who an IAM role is in the cluster: an entry of aws-auth's mapRoles."""

import re

from pydantic import BaseModel, ConfigDict, Field

from specs.fault import Fault, SpecError
from specs.name import ROLE_ARN, SERVICE_LINKED_ROLE
from specs.source import EKS_GUIDE, guide

BATCH_USER = "aws-batch"
"""The Kubernetes user that Batch's roles are bound to."""

NODE_USER = "system:node:{{EC2PrivateDNSName}}"
NODE_GROUPS = ("system:bootstrappers", "system:nodes")


class RoleMapping(BaseModel):
    """An entry of mapRoles: an IAM role, and who it is in the cluster."""

    model_config = ConfigDict(frozen=True)

    rolearn: str = Field(
        title="Role ARN",
        description="The ARN of the IAM role, without its path.",
        examples=["arn:aws:iam::123456789012:role/AWSServiceRoleForBatch"],
    )
    username: str = Field(
        default="",
        title="User name",
        description="The Kubernetes user that the role is.",
        examples=["aws-batch"],
    )
    groups: tuple[str, ...] = Field(
        default=(),
        title="Groups",
        description="The Kubernetes groups that the role is in.",
        examples=[["system:bootstrappers", "system:nodes"]],
    )

    @property
    def has_path(self) -> bool:
        """Whether the ARN has a path, so that it never matches (aws-iam-authenticator issue 268)."""
        match = re.fullmatch(ROLE_ARN, self.rolearn)
        return bool(match and match["path"])


def batch_role_mapping(account_id: str, partition: str = "aws") -> RoleMapping:
    """The mapping of Batch's service-linked role, its path left out as aws-auth needs it.

    Args:
        account_id: The AWS account.
        partition: The AWS partition.

    Returns:
        The mapping to the user ``aws-batch`` (AWS Batch User Guide, getting-started-eks-privateclusters).
    """
    if not re.fullmatch(r"[0-9]{12}", account_id):
        rule = "An AWS account ID has 12 digits."
        source = guide("verify-configmap-config")
        raise SpecError("RoleMapping", [Fault("rolearn", account_id, rule, "Pass the account ID.", source)])
    return RoleMapping(rolearn=f"arn:{partition}:iam::{account_id}:role/{SERVICE_LINKED_ROLE}", username=BATCH_USER)


def node_role_mapping(role_arn: str) -> RoleMapping:
    """The mapping of a node role, its path left out as aws-auth needs it.

    Args:
        role_arn: The ARN of the role in the nodes' instance profile.

    Returns:
        The mapping that lets nodes join (Amazon EKS User Guide, auth-configmap).
    """
    match = re.fullmatch(ROLE_ARN, role_arn)
    if not match:
        rule = "Nodes are mapped by the ARN of their IAM role."
        fix = "Pass the role's ARN, not the instance profile's."
        source = f"{EKS_GUIDE}/auth-configmap.html"
        raise SpecError("RoleMapping", [Fault("rolearn", role_arn, rule, fix, source)])
    arn = f"arn:{match['partition']}:iam::{match['account']}:role/{match['name']}"
    return RoleMapping(rolearn=arn, username=NODE_USER, groups=NODE_GROUPS)
