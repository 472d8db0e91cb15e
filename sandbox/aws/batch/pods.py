"""The pod of a job attempt.

Sources: User Guide, eks-jobs (one pod a job), eks-jobs-map-running-pod-to-job (labels), job_env_vars,
daemonset-on-batch-eks-nodes (taint). How the pod is bound is an inference: Batch's rules have no verb for
`pods/binding`, so it is created with its node's name.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sandbox.aws.batch.capacity import TAINT, UUID_LABEL, Node
from sandbox.aws.batch.job_documents import pod_of
from sandbox.aws.batch.jobs import Job

JOB_LABEL = "batch.amazonaws.com/job-id"
_NODE_LABEL = "batch.amazonaws.com/node-uid"
_COPIED = (
    "serviceAccountName",
    "hostNetwork",
    "dnsPolicy",
    "imagePullSecrets",
    "volumes",
    "shareProcessNamespace",
)
_COPIED_FROM_CONTAINER = (
    "image",
    "imagePullPolicy",
    "command",
    "args",
    "resources",
    "volumeMounts",
    "securityContext",
)


def pod_name() -> str:
    """`aws-batch.<uuid>`; the uuid is not the job's."""
    return f"aws-batch.{uuid4()}"


def namespace_of(job: Job, node: Node) -> str:
    """The job's own namespace, else the compute environment's [B:EksMetadata.namespace]."""
    metadata = pod_of(job).get("metadata") or {}
    return str(metadata.get("namespace") or node.environment.namespace)


def pod_document(job: Job, name: str, namespace: str, node: Node) -> dict[str, Any]:
    """The Pod object, bound to its node."""
    properties = pod_of(job)
    metadata = properties.get("metadata") or {}
    labels = {
        **(metadata.get("labels") or {}),
        # A label cannot hold the colon of an array child's id; which form AWS uses is unknown.
        JOB_LABEL: job.id.replace(":", "."),
        UUID_LABEL: node.environment.uuid,
        _NODE_LABEL: node.uid,
    }
    variables = _variables(job, node)
    spec: dict[str, Any] = {
        "nodeName": node.name,
        "restartPolicy": "Never",
        "tolerations": [{"key": TAINT, "operator": "Exists"}],
        "containers": [_container(each, variables) for each in properties["containers"]],
    }
    if properties.get("initContainers"):
        spec["initContainers"] = [_container(each, variables) for each in properties["initContainers"]]
    spec |= {field: properties[field] for field in _COPIED if field in properties}
    # [B:EksPodProperties.dnsPolicy]: unset and on the host's network means ClusterFirstWithHostNet.
    spec.setdefault("dnsPolicy", "ClusterFirstWithHostNet" if properties["hostNetwork"] else "ClusterFirst")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "annotations": metadata.get("annotations") or {},
        },
        "spec": spec,
    }


def kubernetes_name(name: str) -> str:
    """A container's name in the pod: `Default` shows as `default` in kubectl."""
    return name.lower()


def _container(container: Mapping[str, Any], variables: list[dict[str, str]]) -> dict[str, Any]:
    copied = {field: container[field] for field in _COPIED_FROM_CONTAINER if field in container}
    environment = [dict(variable) for variable in container.get("env") or []]
    return {"name": kubernetes_name(container["name"]), **copied, "env": [*environment, *variables]}


def _variables(job: Job, node: Node) -> list[dict[str, str]]:
    values = {
        "AWS_BATCH_JOB_ID": job.id,
        "AWS_BATCH_JOB_ATTEMPT": str(job.attempt_number),
        "AWS_BATCH_JQ_NAME": job.queue.name,
        "AWS_BATCH_CE_NAME": node.environment.name,
        "AWS_BATCH_JOB_KUBERNETES_NODE_UID": node.uid,
    }
    if job.parent is not None:
        values["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.index)
        values["AWS_BATCH_JOB_ARRAY_SIZE"] = str(len(job.parent.children or ()))
    return [{"name": name, "value": value} for name, value in values.items()]


def container_ends(statuses: list[Mapping[str, Any]], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """How a pod's containers ended [B:EksAttemptContainerDetail].

    Args:
        statuses: The pod's containerStatuses or initContainerStatuses.
        names: Batch's names by Kubernetes' names.
    """
    ends = []
    for status in statuses:
        end: dict[str, Any] = {"name": names.get(status["name"], status["name"])}
        if status.get("containerID"):
            end["containerID"] = status["containerID"]
        terminated = status.get("state", {}).get("terminated")
        if terminated:
            end["exitCode"] = terminated.get("exitCode", 0)
            if terminated.get("reason"):
                end["reason"] = terminated["reason"][:255]
        ends.append(end)
    return ends
