"""The jobs that a rerun is about: those of a flow run by the names it gave them, or one job by its id."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.submitted_name import SubmittedName, run_digits
from tasks.job import ENDED, FailedChild, describe_jobs, failed_children
from tasks.job_listing import list_submitted
from tasks.job_queue import job_queue_names


@dataclass
class OriginalJobs:
    """What was found.

    Attributes:
        of_run: Whether they are the jobs of a flow run.
        failed: Those that failed as Batch describes them, by id, in the order of the run's list.
        children: Of array jobs among them the children that failed.
        statuses: Status by id of all jobs.
        names: The names in Batch by id.
        newest: The newest attempt of the same job, by the id of an earlier one.
    """

    of_run: bool = False
    failed: dict[str, dict[str, Any]] = field(default_factory=dict)
    children: dict[str, list[FailedChild]] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    newest: dict[str, str] = field(default_factory=dict)

    @property
    def active(self) -> dict[str, str]:
        """Status by id of those that have not ended."""
        return {one: status for one, status in self.statuses.items() if status not in ENDED}


def find_original_jobs(cluster: EksCluster, of: str) -> OriginalJobs:
    """Find what ids name, and which of it failed.

    Args:
        cluster: Gives the Batch client.
        of: Id of a flow run, of a job, or of a child of an array job.

    Raises:
        OperationError: If Batch knows no such job, and no job of such a flow run.
    """
    described = describe_jobs(cluster, [of]).get(of)
    if described is None:
        return _of_run(cluster, of)
    parent_id, _, index = of.partition(":")
    found = _noted([described])
    if index and found.failed:
        found.failed = {parent_id: _parent(cluster, parent_id)}
        children = failed_children(cluster, parent_id)
        found.children = {parent_id: [child for child in children if child.index == int(index)]}
    else:
        _add_failed(cluster, found, list(found.failed))
    return found


def _of_run(cluster: EksCluster, run_id: str) -> OriginalJobs:
    digits = run_digits(run_id)
    listed = [job for queue in job_queue_names(cluster) for job in list_submitted(cluster, queue, f"{digits}-")]
    named = [(name, job) for job in listed if (name := SubmittedName.parse(job["jobName"]))]
    if not named:
        raise OperationError(
            f"{run_id}",
            "AWS Batch has no job of this id, and no job of a flow run of this id",
            "the id, the region or the account is another one, the run submitted nothing, or its jobs ended more than "
            "7 days ago and were forgotten",
            "correct the id, or submit the jobs again with the deployment submit",
        )
    # The newest attempt of each; of one that was submitted twice the run follows the first.
    named.sort(key=lambda pair: (pair[0].index, -pair[0].attempt, pair[1]["createdAt"], pair[1]["jobId"]))
    newest: dict[int, Mapping[str, Any]] = {}
    for name, job in named:
        newest.setdefault(name.index, job)
    found = _noted(newest.values())
    found.of_run = True
    found.newest = {job["jobId"]: newest[name.index]["jobId"] for name, job in named}
    _add_failed(cluster, found, list(found.failed))
    return found


def _noted(jobs: Iterable[Mapping[str, Any]]) -> OriginalJobs:
    found = OriginalJobs()
    for job in jobs:
        found.statuses[job["jobId"]], found.names[job["jobId"]] = job["status"], job["jobName"]
        if job["status"] == "FAILED":
            found.failed[job["jobId"]] = dict(job)
    return found


def _add_failed(cluster: EksCluster, found: OriginalJobs, ids: list[str]) -> None:
    """What ListJobs leaves out: the whole jobs, and the failed children of arrays."""
    described = describe_jobs(cluster, ids)
    found.failed = {job_id: described[job_id] for job_id in ids if job_id in described}
    for job_id, job in found.failed.items():
        if job.get("arrayProperties", {}).get("size"):
            found.children[job_id] = failed_children(cluster, job_id)


def _parent(cluster: EksCluster, job_id: str) -> dict[str, Any]:
    found = describe_jobs(cluster, [job_id])
    if job_id not in found:
        raise OperationError(
            f"job {job_id}",
            "AWS Batch does not show the array job of this child",
            "it was forgotten",
            "submit it again with the deployment submit",
        )
    return found[job_id]
