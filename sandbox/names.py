"""The fixed names of the sandbox's account and cluster: those of the AWS Batch tutorial for private clusters."""

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
ZONES = ("us-east-1a", "us-east-1b", "us-east-1d")

CLUSTER_NAME = "my-test-cluster"
CLUSTER_ARN = f"arn:aws:eks:{REGION}:{ACCOUNT_ID}:cluster/{CLUSTER_NAME}"
KUBERNETES_VERSION = "1.33"

ADMIN_USER = "admin"
ADMIN_ARN = f"arn:aws:iam::{ACCOUNT_ID}:user/{ADMIN_USER}"

NODE_GROUP = "ng-1"
NODE_GROUP_ROLE = f"eksctl-{CLUSTER_NAME}-nodegroup-{NODE_GROUP}-NodeInstanceRole"
CLUSTER_ROLE = f"eksctl-{CLUSTER_NAME}-cluster-ServiceRole"
BATCH_NODE_ROLE = "EksBatchNodeRole"
BATCH_INSTANCE_PROFILE = "EksBatchInstanceProfile"
BATCH_SERVICE_ROLE = "AWSServiceRoleForBatch"


def role_arn(name: str, path: str = "/") -> str:
    """The ARN of a role of the sandbox's account."""
    return f"arn:aws:iam::{ACCOUNT_ID}:role{path}{name}"


# The upstream of pull-through caches that wants a login: the secret's `username` and `accessToken`.
DOCKER_HUB = "registry-1.docker.io"
DOCKER_HUB_LOGIN = ("sandbox", "sandbox-access-token")
