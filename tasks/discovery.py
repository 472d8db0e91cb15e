"""What the tutorial has people look up by hand: subnets, security group, account, and the role behind the nodes."""

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict

from blocks.aws_errors import error_code
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.private_registry import PrivateRegistry
from tasks.step import step


class ClusterFacts(BaseModel):
    """What setup needs to know of the cluster and its account.

    Attributes:
        arn: ARN of the cluster.
        account_id: Its account.
        region: Its region.
        partition: Its partition.
        subnets: Subnets of the cluster, for the nodes.
        security_group: The security group that EKS made for the cluster and its nodes.
        node_role_arn: The role in the instance profile of Batch's nodes.
        registry: Host of the account's private ECR registry.
    """

    model_config = ConfigDict(frozen=True)

    arn: str
    account_id: str
    region: str
    partition: str
    subnets: tuple[str, ...]
    security_group: str
    node_role_arn: str
    registry: str


@step("discovery of {cluster.cluster_name}")
def discover(cluster: EksCluster, instance_profile: str, node_role_arn: str = "") -> ClusterFacts:
    """Look up what the documents of the tutorial leave as placeholders.

    Args:
        cluster: Where.
        instance_profile: Name or ARN of the nodes' instance profile.
        node_role_arn: The role in it, where the worker cannot ask IAM (its endpoint exists in us-east-1 only, so a
            private VPC elsewhere has none); empty to look it up.

    Raises:
        OperationError: If the cluster or the profile does not exist, or the profile holds no role.
    """
    network = cluster.description["resourcesVpcConfig"]
    return ClusterFacts(
        arn=cluster.arn,
        account_id=cluster.account_id,
        region=cluster.region,
        partition=cluster.partition,
        subnets=tuple(network.get("subnetIds", ())),
        security_group=network.get("clusterSecurityGroupId", ""),
        node_role_arn=node_role_arn or _role_in(cluster, instance_profile),
        registry=PrivateRegistry(cluster).host,
    )


def _role_in(cluster: EksCluster, instance_profile: str) -> str:
    name = instance_profile.rsplit("/", 1)[-1]
    try:
        profile = cluster.iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    except ClientError as error:
        if error_code(error) != "NoSuchEntity":
            raise
        raise OperationError(
            f"instance profile {name}",
            "no instance profile of this name",
            "`instanceRole` takes an instance profile; a role made with the API or the CLI has none until it is given "
            "one, and its name is not the role's",
            f"aws iam create-instance-profile --instance-profile-name {name}, then add-role-to-instance-profile, "
            "or name an existing profile (aws iam list-instance-profiles)",
        ) from error
    if not profile["Roles"]:
        raise OperationError(
            f"instance profile {name}",
            "it holds no role",
            "nodes that start with it have no rights at all",
            f"aws iam add-role-to-instance-profile --instance-profile-name {name} --role-name <node role>",
        )
    return profile["Roles"][0]["Arn"]
