"""Before the first job is submitted: every job against its queue and its definition, all faults at once."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.fault import SpecError
from specs.job_definition import JobDefinitionSpec
from specs.job_list import outside_dependencies
from specs.job_request import JobRequest
from tasks.job import describe_jobs
from tasks.job_definition import newest_revision
from tasks.job_queue import describe_job_queue
from tasks.step import step

_NAMED = 10


@step("check of the jobs")
def check_requests(cluster: EksCluster, requests: Sequence[JobRequest]) -> None:
    """Check what only AWS knows: queues that exist and accept jobs, ACTIVE definitions, dependencies, names that match.

    Args:
        cluster: Gives the Batch client.
        requests: The jobs, each valid in itself.

    Raises:
        OperationError: If a job would be refused; it lists all faults of all jobs.
    """
    queues = {name: describe_job_queue(cluster, name) for name in {request.job_queue for request in requests}}
    names = {request.job_definition for request in requests}
    definitions = {name: find_definition(cluster, name) for name in names}
    readable = {name: _readable(name, definition) for name, definition in definitions.items()}
    jobs_by_fault = defaultdict[str, list[str]](list)
    for request in requests:
        for fault in [
            *_queue_faults(request, queues[request.job_queue]),
            *_definition_faults(request, readable[request.job_definition]),
            *_priority_faults(request, queues[request.job_queue], definitions[request.job_definition]),
        ]:
            jobs_by_fault[fault].append(request.job_name)
    faults = [f"{_named(jobs)}: {fault}" for fault, jobs in jobs_by_fault.items()]
    faults += _dependency_faults(cluster, requests)
    if faults:
        raise OperationError(
            f"{len(requests)} jobs",
            "".join(f"\n    - {fault}" for fault in faults),
            "AWS Batch would refuse them",
            "correct every line; nothing was submitted",
        )


def find_definition(cluster: EksCluster, name: str) -> dict[str, Any] | None:
    """A job definition by name, `name:revision` or ARN, as SubmitJob finds it; None where none is ACTIVE.

    Args:
        cluster: Gives the Batch client.
        name: What `jobDefinition` of a job holds. Without a revision it is the newest ACTIVE one.
    """
    if ":" not in name:
        return newest_revision(cluster, name)
    found = cluster.batch.describe_job_definitions(jobDefinitions=[name])["jobDefinitions"]
    return next((dict(definition) for definition in found if definition["status"] == "ACTIVE"), None)


def _queue_faults(request: JobRequest, queue: dict[str, Any] | None) -> list[str]:
    if queue is None:
        return [f"job queue {request.job_queue} does not exist; run setup_batch, or correct jobQueue"]
    faults = []
    if queue["state"] != "ENABLED":
        faults.append(f"job queue {request.job_queue} is {queue['state']} and accepts no jobs; enable it")
    return faults + _faults_of(lambda: request.check_against_queue(bool(queue.get("schedulingPolicyArn"))))


def _definition_faults(request: JobRequest, definition: JobDefinitionSpec | list[str]) -> list[str]:
    if isinstance(definition, list):
        return definition
    return _faults_of(lambda: request.check_against_definition(definition))


def _readable(name: str, definition: dict[str, Any] | None) -> JobDefinitionSpec | list[str]:
    """A described definition as a spec, or what keeps every job from it."""
    if definition is None:
        return [f"job definition {name} has no ACTIVE revision; run setup_batch, or correct it"]
    if definition.get("type") != "container" or "eksProperties" not in definition:
        return [f"job definition {name} is not one for EKS containers; name another"]
    known = {field.alias or name for name, field in JobDefinitionSpec.model_fields.items()}
    # Described definitions have empty tags and parameters where none were given.
    document = {key: value for key, value in definition.items() if key in known and value != {}}
    try:
        return JobDefinitionSpec.from_document(document)
    except SpecError as error:
        return [str(fault) for fault in error.faults]


def _dependency_faults(cluster: EksCluster, requests: Sequence[JobRequest]) -> list[str]:
    waiting = outside_dependencies(requests)
    known = describe_jobs(cluster, list(waiting))
    return [
        f"{name}: it waits for job {job_id}, which AWS Batch does not know; correct dependsOn (jobs that ended are "
        "forgotten after some 7 days)"
        for job_id, name in waiting.items()
        if job_id not in known
    ]


def _priority_faults(request: JobRequest, queue: dict[str, Any] | None, definition: dict[str, Any] | None) -> list[str]:
    """A queue with a policy orders the jobs of a share by priority, which one of the two has to give."""
    needed = queue and queue.get("schedulingPolicyArn") and definition and definition.get("schedulingPriority") is None
    if needed and request.scheduling_priority_override is None:
        return ["schedulingPriorityOverride: neither the job nor its definition has a scheduling priority; give one"]
    return []


def _named(jobs: Sequence[str]) -> str:
    """The jobs that have a fault; all rows of a table may have the same one."""
    more = f" and {len(jobs) - _NAMED} more" if len(jobs) > _NAMED else ""
    return ", ".join(jobs[:_NAMED]) + more


def _faults_of(check: Any) -> list[str]:
    try:
        check()
    except SpecError as error:
        return [str(fault) for fault in error.faults]
    return []
