"""A job's pod: where it lives, what warns about it, and the end of its log, while Batch lets it exist."""

import re
from collections.abc import Mapping
from typing import Any

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.compute_environment import describe_compute_environment
from tasks.job import decisive_container, last_attempt
from tasks.job_queue import describe_job_queue
from tasks.log_tail import KEPT_LINES, KeptLog, LineSplitter, LogTail

READ_TIMEOUT = (5, 15)
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


def open_pod_log(cluster: EksCluster, namespace: str, pod_name: str, container: str, **options: Any) -> Any:
    """Open a container's log.

    Args:
        cluster: Where.
        namespace: Of the pod.
        pod_name: The pod.
        container: One of its containers.
        options: Further keywords of `read_namespaced_pod_log`.

    Returns:
        urllib3's response; it is the caller's to close.
    """
    return cluster.core_v1.read_namespaced_pod_log(
        pod_name, namespace, container=container, _preload_content=False, **options
    )


def read_job_log(cluster: EksCluster, job: Mapping[str, Any]) -> KeptLog:
    """Read the last 200 lines of the log of a job's pod: of the container that failed, else of the first.

    Args:
        cluster: Where.
        job: As DescribeJobs answers.

    Raises:
        ApiException: If the pod is gone or has not started.
        OperationError: If the worker has no way to the cluster.
    """
    attempt, namespace = last_attempt(job), pod_namespace(cluster, job)
    container, tail, splitter = decisive_container(attempt), LogTail(), LineSplitter()
    response = open_pod_log(
        cluster, namespace, attempt["podName"], container, tail_lines=KEPT_LINES, _request_timeout=READ_TIMEOUT
    )
    try:
        for piece in response.stream(decode_content=True):
            for line in splitter.feed(piece):
                tail.add(line)
    except HTTPError:
        # What came before the connection broke is more than nothing.
        pass
    finally:
        response.close()
    for line in splitter.rest():
        tail.add(line)
    more = f", of which the last {KEPT_LINES} lines were read" if tail.lines >= KEPT_LINES else ""
    return tail.kept(f"The whole log{more}: {kubectl_logs(namespace, attempt['podName'], container)}")


def kubectl_logs(namespace: str, pod_name: str, container: str) -> str:
    """How a person reads a log, for as long as there is a pod."""
    return f"`kubectl logs -n {namespace} {pod_name} -c {container}`, until AWS Batch deletes the pod"


def pod_warnings(cluster: EksCluster, namespace: str, pod_name: str) -> list[str]:
    """Messages of a pod's Warning events, oldest first, without signatures; none where the cluster cannot be asked."""
    selector = f"involvedObject.name={pod_name},type=Warning"
    try:
        events = cluster.core_v1.list_namespaced_event(namespace, field_selector=selector).items
    except (ApiException, OperationError):
        return []
    return [_QUERY.sub("?...", event.message or "") for event in events]
