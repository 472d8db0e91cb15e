"""A job's pod: where it lives, what warns about it, and the end of its log, while Batch lets it exist."""

import re
from collections.abc import Mapping
from typing import Any

from kubernetes.client.exceptions import ApiException

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.compute_environment import describe_compute_environment
from tasks.job import last_attempt
from tasks.job_queue import describe_job_queue

TAIL_LINES = 200
LIMIT_BYTES = 64 * 1024
# ECR redirects pulls to presigned URLs, which events quote: whoever has the query may read the layer.
_QUERY = re.compile(r"(?<=[^\s\"])\?X-Amz-[^\s\"]*")


def compute_environments_of(cluster: EksCluster, queue: str) -> list[dict[str, Any]]:
    """The compute environments of a queue, in its order, as Batch describes them."""
    order = (describe_job_queue(cluster, queue) or {}).get("computeEnvironmentOrder", ())
    found = [describe_compute_environment(cluster, entry["computeEnvironment"]) for entry in order]
    return [environment for environment in found if environment]


def pod_namespace(cluster: EksCluster, job: Mapping[str, Any]) -> str:
    """The namespace of a job's pod: the definition's own, else that of the queue's compute environment.

    Args:
        cluster: Gives the Batch client.
        job: As DescribeJobs answers.

    Returns:
        The namespace; empty where the queue has gone.
    """
    own = last_attempt(job)["podNamespace"]
    if own:
        return str(own)
    environments = compute_environments_of(cluster, job["jobQueue"])
    return str(environments[0]["eksConfiguration"]["kubernetesNamespace"]) if environments else ""


def read_job_log(cluster: EksCluster, job: Mapping[str, Any]) -> str | None:
    """Read the last 200 lines, at most 64 KiB, of the log of a job's pod: of the container that failed, else the first.

    Args:
        cluster: Where.
        job: As DescribeJobs answers.

    Returns:
        The text; None where it cannot be had, which never fails a run: the pod is gone or has not started, or the
        worker has no way to the cluster.
    """
    attempt = last_attempt(job)
    containers = attempt["containers"]
    failed = next((container for container in containers if container.get("exitCode")), None)
    decisive = failed or (containers[0] if containers else {})
    try:
        text: str = cluster.core_v1.read_namespaced_pod_log(
            attempt["podName"],
            pod_namespace(cluster, job),
            # kubectl shows Batch's container Default as default: Kubernetes takes lower-case names only.
            container=str(decisive.get("name", "default")).lower(),
            tail_lines=TAIL_LINES,
            limit_bytes=LIMIT_BYTES,
        )
    except (ApiException, OperationError):
        return None
    return text


def pod_warnings(cluster: EksCluster, namespace: str, pod_name: str) -> list[str]:
    """Messages of a pod's Warning events, oldest first, without signatures; none where the cluster cannot be asked."""
    selector = f"involvedObject.name={pod_name},type=Warning"
    try:
        events = cluster.core_v1.list_namespaced_event(namespace, field_selector=selector).items
    except (ApiException, OperationError):
        return []
    return [_QUERY.sub("?...", event.message or "") for event in events]
