"""Jobs that are submitted together: their order, and dependencies between them by name."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from specs.documents import parse_documents, read_each
from specs.fault import Findings, SpecError
from specs.job_request import JobRequest
from specs.source import guide, member

_JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:\d+)?")
_SOURCE = member("SubmitJobRequest", "dependsOn")


def read_job_documents(text: str) -> list[JobRequest]:
    """The jobs of documents that were pasted.

    Args:
        text: JSON or YAML of `aws batch submit-job --cli-input-json`, several in a list or parted by `---`.

    Raises:
        SpecError: If documents break rules; all of them are listed.
    """
    return read_each(parse_documents(text, "documents"), lambda _: JobRequest, "documents")


def check_job_list(jobs: Sequence[JobRequest]) -> None:
    """Check what concerns several jobs: names that dependencies use, sizes of arrays, cycles.

    Args:
        jobs: The jobs; the `jobId` of a dependency is a job's id, or the name of another job of the list.

    Raises:
        SpecError: If a dependency names no job of the list, or more than one, or the jobs wait for each other.
    """
    found = Findings()
    if not jobs:
        found.fault("jobs", None, "There must be a job to submit.", "Add one.", guide("submit_job"))
    counts = Counter(job.job_name for job in jobs)
    sizes = {job.job_name: job.array_properties.size if job.array_properties else None for job in jobs}
    for index, job in enumerate(jobs):
        for position, dependency in enumerate(job.depends_on):
            name, path = dependency.job_id, f"jobs[{index}].dependsOn[{position}]"
            if not name or _JOB_ID.fullmatch(name):
                continue
            if counts[name] != 1:
                rule = (
                    f"{counts[name]} jobs of the list have this name." if counts[name] else "No job of the list has it."
                )
                fix = "Give each its own name." if counts[name] else "Name another job of the list, or a job by its ID."
                found.fault(f"{path}.jobId", name, rule, fix, _SOURCE)
            elif dependency.type == "N_TO_N" and sizes[name] != sizes[job.job_name]:
                rule = f"N_TO_N needs arrays of one size; these have {sizes[job.job_name]} and {sizes[name] or 'none'}."
                found.fault(path, name, rule, "Make the sizes equal, or leave type out.", guide("array_jobs"))
    try:
        submission_levels(jobs)
    except CycleError as error:
        names = " -> ".join(jobs[index].job_name for index in error.args[1])
        found.fault("jobs", names, "These jobs wait for each other.", "Take one dependency out.", _SOURCE)
    if found.faults:
        raise SpecError(f"list of {len(jobs)} jobs", found.faults)


def outside_dependencies(jobs: Sequence[JobRequest]) -> dict[str, str]:
    """Ids of jobs that the list waits for and that are not of it, with the name of a job that waits.

    Args:
        jobs: The jobs.
    """
    return {one.job_id: job.job_name for job in jobs for one in job.depends_on if _JOB_ID.fullmatch(one.job_id)}


def submission_levels(jobs: Sequence[JobRequest]) -> list[list[int]]:
    """The jobs by place in the list, in groups that can be submitted one after the other.

    Args:
        jobs: The jobs.

    Returns:
        First those that wait for no other job of the list, then those that wait for these only, and so on.

    Raises:
        graphlib.CycleError: If jobs wait for each other.
    """
    places = {job.job_name: index for index, job in enumerate(jobs)}
    graph = {
        index: {places[one.job_id] for one in job.depends_on if one.job_id in places} for index, job in enumerate(jobs)
    }
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    levels = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        levels.append(ready)
        sorter.done(*ready)
    return levels


def with_job_ids(job: JobRequest, ids: Mapping[str, str]) -> JobRequest:
    """The job with dependencies by id.

    Args:
        job: The job.
        ids: Ids of jobs that were submitted, by the name they have in the list.
    """
    resolved = [one.model_copy(update={"job_id": ids.get(one.job_id, one.job_id)}) for one in job.depends_on]
    return job.model_copy(update={"depends_on": resolved})
