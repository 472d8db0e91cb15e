"""The tutorial's own commands and setup_batch leave the same cluster and the same Batch."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from blocks.eks_cluster import EksCluster
from flows.setup import setup_batch
from sandbox.remote import RemoteSandbox
from specs.mirror import moving_tag, permanent_tag
from specs.platform import PlatformSpec
from tasks.ownership import HASH_ANNOTATION, HASH_TAG, OWNER_LABEL, OWNER_TAG

SCRIPT = Path(__file__).with_name("tutorial.sh")
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
MARKS = {HASH_ANNOTATION, HASH_TAG, OWNER_LABEL, OWNER_TAG, "kubectl.kubernetes.io/last-applied-configuration"}


def plain(document: Any) -> Any:
    """A description without identifiers, times and the marks of whoever made it."""
    if isinstance(document, dict):
        kept = {key: plain(value) for key, value in document.items() if key not in VOLATILE | MARKS}
        return {key: value for key, value in kept.items() if value not in ({}, None)}
    if isinstance(document, list):
        return [plain(item) for item in document]
    return document


def picture(cluster: EksCluster) -> dict[str, Any]:
    """Everything that the tutorial makes, as it is described."""
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
            (digest, [tag for tag in image.get("imageTags", []) if not moving_tag(tag, digest)])
            for image in cluster.ecr.describe_images(repositoryName="amazonlinux/amazonlinux")["imageDetails"]
            for digest in [image["imageDigest"]]
        ],
    }
    for repository in described["repositories"]:
        repository.pop("createdAt")
    described["images"].sort()
    return dict(plain(described))


@pytest.mark.skipif(not (shutil.which("kubectl") and shutil.which("skopeo")), reason="needs kubectl and skopeo")
def test_the_tutorial_s_commands_leave_what_setup_leaves(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    setup_batch(cluster, platform)
    ours = picture(cluster)
    sandbox.reset()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", str(SCRIPT)],
        env=os.environ | sandbox.env | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    by_hand = picture(EksCluster(cluster_name=sandbox.env["EKS_CLUSTER"]))
    assert by_hand == ours

    # What was made by hand is what is wanted: nothing is taken over, and only the image gets its permanent tag.
    (digest,) = (digest for digest, tags in ours["images"] if tags)
    (image,) = setup_batch(cluster, platform).changed
    assert [change.field for change in image.changes] == [f"tag {permanent_tag('2', digest)}"]
    assert not setup_batch(cluster, platform).changed
