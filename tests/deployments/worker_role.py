"""A worker's role in the sandbox's account and cluster: its policies, its place in the cluster, a session of it."""

import json
from typing import Any, Literal

import yaml
from kubernetes import utils
from prefect_aws import AwsCredentials
from pydantic import SecretStr

from blocks.eks_cluster import EksCluster
from deployments.fill_in import filled_in
from deployments.iam.policies import policy
from deployments.register import PROJECT
from sandbox.names import ACCOUNT_ID, CLUSTER_NAME, REGION

RBAC = PROJECT / "deployments" / "rbac"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}, "Action": "sts:AssumeRole"}
    ],
}
PLACEHOLDERS = {
    "REGION": REGION,
    "ACCOUNT_ID": ACCOUNT_ID,
    "CLUSTER_NAME": CLUSTER_NAME,
    "NODE_ROLE_NAME": "EksBatchNodeRole",
    "INSTANCE_PROFILE_NAME": "EksBatchInstanceProfile",
    "JOB_ROLE_NAME": "team/BatchJobs",
}
# Which policies each worker of the tests holds, ...
POLICIES = {
    "changes": ("changes", "prerequisites", "optional"),
    "cluster": ("cluster",),
    "internet": ("internet",),
    "jobs": ("jobs",),
    "both": ("changes", "internet"),
}
# ... and which of the documents in deployments/rbac are for it; its requests keep to the first.
ROLES = {"changes": ("changes", "jobs"), "cluster": (), "internet": (), "jobs": ("jobs",), "both": ("changes", "jobs")}


def policies_of(role: str) -> dict[str, dict[str, Any]]:
    """The documents of a worker's policies by name, as an administrator fills them in."""
    values = PLACEHOLDERS | {"WORKER_ROLE_NAME": role}
    return {name: json.loads(filled_in(json.dumps(policy(name)), values)) for name in POLICIES[role]}


def documents(name: str) -> list[dict[str, Any]]:
    """The documents in a file of deployments/rbac."""
    return list(yaml.safe_load_all((RBAC / f"{name}.yaml").read_text()))


def apply_roles(admin: EksCluster) -> None:
    """What an administrator applies before the first setup."""
    for name in ("namespace", "changes", "jobs"):
        utils.create_from_yaml(admin.core_v1.api_client, yaml_objects=documents(name))


def make_worker(admin: EksCluster, role: str, mapping: Literal["access-entry", "aws-auth"]) -> EksCluster:
    """Make a worker's role, with its policies and its place in the cluster; gives the cluster as it calls it."""
    arn = admin.iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    for name, document in policies_of(role).items():
        made = admin.iam.create_policy(PolicyName=f"{role}-{name}", PolicyDocument=json.dumps(document))
        admin.iam.attach_role_policy(RoleName=role, PolicyArn=made["Policy"]["Arn"])
    groups = [f"batch-eks-flows:{name}" for name in ROLES[role]]
    values = PLACEHOLDERS | {"WORKER_ROLE_NAME": role}
    if mapping == "access-entry":
        entry = json.loads(filled_in((RBAC / "access-entry.json").read_text(), values))
        admin.eks.create_access_entry(**{**entry, "kubernetesGroups": groups})
    else:
        (entry,) = yaml.safe_load(filled_in((RBAC / "aws-auth-entry.yaml").read_text(), values))
        added = yaml.safe_dump([{**entry, "groups": groups}])
        found = admin.core_v1.read_namespaced_config_map("aws-auth", "kube-system").data["mapRoles"]
        admin.core_v1.patch_namespaced_config_map("aws-auth", "kube-system", {"data": {"mapRoles": found + added}})
    return as_role(admin, arn)


def as_role(admin: EksCluster, arn: str) -> EksCluster:
    """The cluster as a session of a role calls it."""
    keys = admin.sts.assume_role(RoleArn=arn, RoleSessionName="worker")["Credentials"]
    credentials = AwsCredentials(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=SecretStr(keys["SecretAccessKey"]),
        aws_session_token=keys["SessionToken"],
    )
    return EksCluster(cluster_name=CLUSTER_NAME, aws_credentials=credentials)
