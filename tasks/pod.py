"""A job's pod: where it lives, what warns about it, and the end of its log, while Batch lets it exist."""

from collections.abc import Mapping
from typing import Any

from kubernetes.client.exceptions import ApiException

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.compute_environment import describe_compute_environment
from tasks.job_queue import describe_job_queue

TAIL_LINES = 200
LIMIT_BYTES = 64 * 1024


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
    own = job.get("eksProperties", {}).get("podProperties", {}).get("metadata", {}).get("namespace")
    if own:
        return str(own)
    environments = compute_environments_of(cluster, job["jobQueue"])
    return str(environments[0]["eksConfiguration"]["kubernetesNamespace"]) if environments else ""


def read_pod_log(cluster: EksCluster, namespace: str, pod_name: str) -> str | None:
    """Read the last 200 lines, at most 64 KiB, of a pod's log.

    Args:
        cluster: Where.
        namespace: The pod's namespace.
        pod_name: The pod.

    Returns:
        The text; None where it cannot be had, which never fails a run: the pod is gone or has not started, or the
        worker has no way to the cluster.
    """
    try:
        text: str = cluster.core_v1.read_namespaced_pod_log(
            pod_name, namespace, tail_lines=TAIL_LINES, limit_bytes=LIMIT_BYTES
        )
    except (ApiException, OperationError):
        return None
    return text


def pod_warnings(cluster: EksCluster, namespace: str, pod_name: str) -> list[str]:
    """Messages of a pod's Warning events, oldest first; none where the cluster cannot be asked."""
    selector = f"involvedObject.name={pod_name},type=Warning"
    try:
        events = cluster.core_v1.list_namespaced_event(namespace, field_selector=selector).items
    except (ApiException, OperationError):
        return []
    return [event.message or "" for event in events]
