"""The seeded account: what exists before the tutorial's step 2."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from moto.iam.models import iam_backends

from sandbox.aws.vpc import Vpc, create_vpc
from sandbox.names import (
    ACCOUNT_ID,
    ADMIN_USER,
    BATCH_INSTANCE_PROFILE,
    BATCH_NODE_ROLE,
    CLUSTER_NAME,
    CLUSTER_ROLE,
    KUBERNETES_VERSION,
    NODE_GROUP,
    NODE_GROUP_ROLE,
    REGION,
    role_arn,
)

if TYPE_CHECKING:
    from mypy_boto3_eks import EKSClient
    from mypy_boto3_iam import IAMClient

# amazon-eks-node-role: the worker policy, the CNI's where it has no role of its own, and pulling from ECR.
_NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly")


@dataclass(frozen=True)
class Account:
    """What the sandbox's users need to know of the account.

    Attributes:
        access_key_id: Access key of the IAM user `admin`.
        secret_access_key: Its secret.
        instance_profile_arn: Instance profile for the compute environment.
        node_role_arn: The role in that profile; not in `aws-auth` yet, as after the tutorial's prerequisites.
        vpc: The cluster's network.
    """

    access_key_id: str
    secret_access_key: str
    instance_profile_arn: str
    node_role_arn: str
    vpc: Vpc


class AccountSeeder:
    """Fills an empty account through its public APIs: user, roles, network, cluster and managed node group.

    Only the user and its key are made inside moto, because somebody has to sign the first request: asked with a key
    that it does not know, moto looks through all partitions of all accounts.
    """

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._clients: dict[tuple[str, str], Any] = {}

    def fill(self) -> Account:
        """Make everything; the account must be empty."""
        key_id, secret = _create_admin()
        iam: IAMClient = self._client("iam", key_id, secret)
        iam.attach_user_policy(UserName=ADMIN_USER, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        _create_role(iam, CLUSTER_ROLE, "eks.amazonaws.com", ["AmazonEKSClusterPolicy"])
        _create_role(iam, NODE_GROUP_ROLE, "ec2.amazonaws.com", _NODE_POLICIES)
        node_role_arn = _create_role(iam, BATCH_NODE_ROLE, "ec2.amazonaws.com", _NODE_POLICIES)
        profile = iam.create_instance_profile(InstanceProfileName=BATCH_INSTANCE_PROFILE)["InstanceProfile"]
        iam.add_role_to_instance_profile(InstanceProfileName=BATCH_INSTANCE_PROFILE, RoleName=BATCH_NODE_ROLE)
        vpc = create_vpc(self._client("ec2", key_id, secret))
        _create_cluster(self._client("eks", key_id, secret), vpc)
        return Account(key_id, secret, profile["Arn"], node_role_arn, vpc)

    def _client(self, service: Any, key_id: str, secret: str) -> Any:
        """A client, kept for the next time: making one takes longer than most of its requests."""
        if (service, key_id) not in self._clients:
            self._clients[service, key_id] = boto3.client(
                service,
                endpoint_url=self._endpoint_url,
                region_name=REGION,
                aws_access_key_id=key_id,
                aws_secret_access_key=secret,
                config=Config(proxies={}),
            )
        return self._clients[service, key_id]


def _create_admin() -> tuple[str, str]:
    iam = iam_backends[ACCOUNT_ID]["aws"]
    iam.create_user("aws", ADMIN_USER, path="/")
    key = iam.create_access_key(ADMIN_USER)
    return str(key.access_key_id), str(key.secret_access_key)


def _create_role(iam: "IAMClient", name: str, service: str, policies: "list[str] | tuple[str, ...]") -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    for policy in policies:
        iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    return arn


def _create_cluster(eks: "EKSClient", vpc: Vpc) -> None:
    eks.create_cluster(
        name=CLUSTER_NAME,
        version=KUBERNETES_VERSION,
        roleArn=role_arn(CLUSTER_ROLE),
        resourcesVpcConfig={
            "subnetIds": list(vpc.subnet_ids),
            "endpointPublicAccess": False,
            "endpointPrivateAccess": True,
        },
        # eksctl's default (eksctl user guide, access-entries).
        accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"},
        tags={"alpha.eksctl.io/cluster-name": CLUSTER_NAME},
    )
    eks.create_nodegroup(
        clusterName=CLUSTER_NAME,
        nodegroupName=NODE_GROUP,
        nodeRole=role_arn(NODE_GROUP_ROLE),
        subnets=list(vpc.subnet_ids),
        instanceTypes=["m5.large"],
        amiType="AL2023_x86_64_STANDARD",
        version=KUBERNETES_VERSION,
        labels={"alpha.eksctl.io/cluster-name": CLUSTER_NAME, "alpha.eksctl.io/nodegroup-name": NODE_GROUP},
        tags={"alpha.eksctl.io/nodegroup-name": NODE_GROUP},
    )
    # EKS does so by itself for the role of a managed node group (EKS user guide, creating-access-entries).
    eks.create_access_entry(clusterName=CLUSTER_NAME, principalArn=role_arn(NODE_GROUP_ROLE), type="EC2_LINUX")
