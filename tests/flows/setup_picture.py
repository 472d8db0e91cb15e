"""What the tutorial leaves behind in the cluster and in AWS, in a form that can be compared."""

from collections.abc import Set
from typing import Any

import yaml
from kubernetes import client

from blocks.eks_cluster import EksCluster
from specs.mirror import moving_tag
from tasks.ownership import HASH_ANNOTATION, HASH_TAG, METADATA_ANNOTATION, OWNER_LABEL, OWNER_TAG

NAMESPACE = "my-aws-batch-namespace"
# desiredvCpus follows the jobs that run at the moment.
VOLATILE = {
    "desiredvCpus",
    "uid",
    "uuid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "selfLink",
    "generation",
}
MARKS = {
    HASH_ANNOTATION,
    METADATA_ANNOTATION,
    HASH_TAG,
    OWNER_LABEL,
    OWNER_TAG,
    "kubectl.kubernetes.io/last-applied-configuration",
}


def picture(cluster: EksCluster, *, with_marks: bool = False) -> dict[str, Any]:
    """Everything that the tutorial makes, as it is described, without identifiers and times.

    Args:
        cluster: Where.
        with_marks: Whether the marks of whoever made it belong to the picture: tags, labels, permanent image tags.
    """
    serialize = client.ApiClient().sanitize_for_serialization
    core, rbac, batch = cluster.core_v1, cluster.rbac_v1, cluster.batch
    name, role = "aws-batch-cluster-role", "aws-batch-compute-environment-role"
    aws_auth = core.read_namespaced_config_map("aws-auth", "kube-system").data["mapRoles"]
    described: dict[str, Any] = {
        "namespace": serialize(core.read_namespace(NAMESPACE)),
        "cluster role": serialize(rbac.read_cluster_role(name)),
        "cluster role binding": serialize(rbac.read_cluster_role_binding(f"{name}-binding")),
        "role": serialize(rbac.read_namespaced_role(role, NAMESPACE)),
        "role binding": serialize(rbac.read_namespaced_role_binding(f"{role}-binding", NAMESPACE)),
        "aws-auth": sorted(yaml.safe_load(aws_auth), key=lambda entry: entry["rolearn"]),
        "compute environments": batch.describe_compute_environments()["computeEnvironments"],
        "job queues": batch.describe_job_queues()["jobQueues"],
        "job definitions": batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"],
        "repositories": cluster.ecr.describe_repositories()["repositories"],
        # The permanent tags are marks of ours too: nobody copies an image under them by hand.
        "images": [
            (digest, sorted(tag for tag in image.get("imageTags", []) if with_marks or not moving_tag(tag, digest)))
            for image in cluster.ecr.describe_images(repositoryName="amazonlinux/amazonlinux")["imageDetails"]
            for digest in [image["imageDigest"]]
        ],
    }
    for repository in described["repositories"]:
        repository.pop("createdAt")
    described["images"].sort()
    return dict(without(described, VOLATILE if with_marks else VOLATILE | MARKS))


def without(document: Any, left_out: Set[str]) -> Any:
    """A document without some keys, on every level, and without what is then empty."""
    if isinstance(document, dict):
        kept = {key: without(value, left_out) for key, value in document.items() if key not in left_out}
        return {key: value for key, value in kept.items() if value not in ({}, None)}
    if isinstance(document, list):
        return [without(item, left_out) for item in document]
    return document
