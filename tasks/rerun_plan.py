"""What a rerun submits: the requests of the jobs that failed, with changes, and where each comes from."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ConfigDict

from blocks.eks_cluster import EksCluster
from specs.array_indexes import check_children, index_ranges, run_children, split_indexes
from specs.fault import Findings, SpecError
from specs.job_request import JobRequest
from specs.rerun_changes import RerunChanges
from specs.rerun_request import RerunRequest
from specs.source import guide, member
from tasks.console import batch_url
from tasks.job import OUT_OF_MEMORY, FailedChild, describe_jobs, given_name, last_attempt, was_killed_for_memory
from tasks.job_request_check import find_definition
from tasks.original_jobs import OriginalJobs, find_original_jobs
from tasks.ownership import OWNER, OWNER_TAG
from tasks.step import step

RERUN_TAG = f"{OWNER}:rerun-of"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:[0-9]+)?")


class RerunJob(BaseModel):
    """One job of the rerun, and the job that it repeats.

    Attributes:
        name: The name it is submitted with.
        of: Id of the original.
        of_url: The original's page in the Batch console.
        failed_with: How the original ended.
        children: Of an array that is run again in part: the old indexes.
        memory: Memory before and after, where it was doubled.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    of: str
    of_url: str
    failed_with: str
    children: str = ""
    memory: str = ""


class RerunPlan(BaseModel):
    """What is run again.

    Attributes:
        of_run: Whether the original is a flow run.
        requests: What is submitted.
        jobs: The same for people, in the same order.
        left_out: Jobs of the original that still go on.
        succeeded: How many jobs of the original succeeded.
    """

    model_config = ConfigDict(frozen=True)

    of_run: bool
    requests: tuple[JobRequest, ...] = ()
    jobs: tuple[RerunJob, ...] = ()
    left_out: tuple[str, ...] = ()
    succeeded: int = 0


@dataclass
class _Piece:
    """What becomes one submission: a job, an array, or some children of one."""

    job: Mapping[str, Any]
    name: str = ""
    indexes: tuple[int, ...] = ()
    double: bool = False

    @property
    def job_id(self) -> str:
        return str(self.job["jobId"])


# A run that is executed again must not choose again: its names say what was asked for, and the original may have moved.
@step("choice of what is run again", kept_as="rerun-plan")
def plan_rerun(
    cluster: EksCluster, of: str, changes: RerunChanges, *, double_memory_after_oom: bool, whole_arrays: bool
) -> RerunPlan:
    """Choose what failed, and make the requests that run it again. Nothing is submitted.

    The choice is kept in Prefect's result storage for later executions of the run. Without it, such as on another
    worker, it is made anew, and is the same as long as the original is.

    Args:
        cluster: Gives the Batch client.
        of: Id of a flow run, a job, or a child of an array job.
        changes: What is different for every job.
        double_memory_after_oom: Double the memory of what its memory limit killed.
        whole_arrays: Run arrays again with the children that succeeded.

    Raises:
        OperationError: If AWS Batch does not know the original.
        SpecError: If something that failed cannot be run again like this; all that is in the way is listed.
    """
    original = find_original_jobs(cluster, of)
    planning = _Planning(cluster, original, changes, double=double_memory_after_oom, whole=whole_arrays)
    return planning.plan(of)


def check_rerun(of: str, changes: RerunChanges, *, double_memory_after_oom: bool) -> None:
    """Check what needs no AWS.

    Args:
        of: What was entered as the id of the original.
        changes: What is different.
        double_memory_after_oom: Whether memory is doubled.

    Raises:
        SpecError: If it is no id, or memory is given twice.
    """
    found = Findings()
    if not _ID.fullmatch(of):
        rule = "It must be the id of a flow run, of a job, or of a child of an array job, <id>:<index>."
        found.fault("of", of, rule, "Copy it from the page of the run or of the job.", guide("array_jobs"))
    if double_memory_after_oom and changes.memory:
        rule = "With double_memory_after_oom the memory follows from what each job had."
        found.fault("changes.memory", changes.memory, rule, "Leave one of the two out.", guide("memory-cpu-batch-eks"))
    if found.faults:
        raise SpecError("rerun", found.faults)


class _Planning:
    """The requests of one rerun, while they are put together."""

    def __init__(
        self, cluster: EksCluster, original: OriginalJobs, changes: RerunChanges, *, double: bool, whole: bool
    ) -> None:
        self._cluster = cluster
        self._original = original
        self._changes = changes
        self._double = double
        self._whole = whole
        self._found = Findings()
        self._definitions: dict[str, dict[str, Any] | None] = {}
        self._others: dict[str, str] = {}
        self._placeholders: set[str] = set()

    def plan(self, of: str) -> RerunPlan:
        """Requests and their origins."""
        original = self._original
        pieces = self._named([piece for job in original.failed.values() for piece in self._pieces(job)])
        self._others = self._statuses_of_others()
        planned = [planned for piece in pieces if (planned := self._planned(piece, pieces))]
        if pieces:
            self._check_parameters()
        if self._found.faults:
            # What is wrong with the changes is wrong with each job.
            raise SpecError(f"rerun of {of}", {str(fault): fault for fault in self._found.faults}.values())
        return RerunPlan(
            of_run=original.of_run,
            requests=tuple(request for request, _ in planned),
            jobs=tuple(job for _, job in planned),
            left_out=tuple(f"{original.names[one]} ({one}) is {status}" for one, status in original.active.items()),
            succeeded=list(original.statuses.values()).count("SUCCEEDED"),
        )

    def _pieces(self, job: Mapping[str, Any]) -> list[_Piece]:
        """A job in one piece, or an array's failed children: apart by memory, and by what a submission can hold."""
        size, children = job.get("arrayProperties", {}).get("size"), self._original.children.get(job["jobId"], [])
        if not size:
            return [_Piece(job, double=self._double and was_killed_for_memory(job))]
        killed = [child.index for child in children if self._double and OUT_OF_MEMORY in child.reason]
        # Without failed children none was started: something that the array waits for failed.
        if self._whole or not children:
            return [_Piece(job, double=bool(killed))]
        indexes = [child.index for child in children]
        if _is_sequential(job):
            groups = [(indexes, bool(killed))]
        else:
            groups = [([index for index in indexes if index not in set(killed)], False), (killed, True)]
        if [len(group) for group, _ in groups if group] == [size]:
            return [_Piece(job, double=bool(killed))]
        return [
            _Piece(job, indexes=part, double=double)
            for group, double in groups
            if group
            for part in split_indexes(group)
        ]

    def _named(self, pieces: Sequence[_Piece]) -> list[_Piece]:
        """Each under a name of its own, since dependencies go by name."""
        counts = Counter(given_name(piece.job) for piece in pieces)
        seen: Counter[str] = Counter()
        for piece in pieces:
            name = given_name(piece.job)
            seen[name] += 1
            piece.name = name if counts[name] == 1 else f"{name[:120]}-{seen[name]}"
        return list(pieces)

    def _planned(self, piece: _Piece, pieces: Sequence[_Piece]) -> tuple[JobRequest, RerunJob] | None:
        job, path = piece.job, f"job {piece.name} ({piece.job_id})"
        definition = self._definition(job, path)
        if definition is None:
            return None
        request, memory = RerunRequest(job, definition), ""
        self._placeholders |= request.placeholders(self._changes)
        request.change(self._changes, self._found)
        if piece.double:
            memory = request.double_memory()
        if piece.indexes:
            before = len(self._found.faults)
            check_children(request, path, self._found)
            if len(self._found.faults) > before:
                return None
            run_children(request, piece.indexes, job["arrayProperties"]["size"])
        document = {"jobName": piece.name, **request.document(), "tags": _tags(job)}
        if depends_on := self._depends_on(piece, pieces, path):
            document["dependsOn"] = depends_on
        found = JobRequest.examine(document)
        self._found.faults += [replace(fault, path=f"{path}: {fault.path}") for fault in found.faults]
        return None if found.faults else (JobRequest.from_document(document), self._row(piece, memory))

    def _check_parameters(self) -> None:
        for name in sorted(set(self._changes.parameters) - self._placeholders):
            rule = "No command and no argument of what failed has this placeholder."
            fix = f"Leave it out, or change command or args to name Ref::{name}."
            source = member("SubmitJobRequest", "parameters")
            self._found.fault(f"changes.parameters.{name}", self._changes.parameters[name], rule, fix, source)

    def _definition(self, job: Mapping[str, Any], path: str) -> dict[str, Any] | None:
        name = job["jobDefinition"]
        if name not in self._definitions:
            self._definitions[name] = find_definition(self._cluster, name)
        definition = self._definitions[name]
        if "eksProperties" not in job:
            rule, fix = "It is no job for EKS with a single pod.", "Run it again with the tool that submitted it."
        elif definition is None:
            rule = "The revision of its definition is no longer ACTIVE."
            fix = "Submit it with a newer revision, by the deployment submit."
        else:
            return definition
        self._found.fault(path, name, rule, fix, guide("submit_job"))
        return None

    def _depends_on(self, piece: _Piece, pieces: Sequence[_Piece], path: str) -> list[dict[str, str]]:
        """What the piece has to wait for: what is run again by name, what still goes on by id."""
        found: list[dict[str, str]] = []
        for dependency in piece.job.get("dependsOn", ()):
            job_id = dependency.get("jobId", "")
            if not job_id:
                found += _sequence(piece, pieces, dependency)
                continue
            job_id = self._original.newest.get(job_id, job_id)
            if job_id in self._original.failed:
                others = [one for one in pieces if one.job_id == job_id]
                whole = not piece.indexes and not any(one.indexes for one in others)
                found += [{**(dependency if whole else {}), "jobId": one.name} for one in others]
            elif not self._is_met(piece.job, job_id, path):
                found.append({**({} if piece.indexes else dependency), "jobId": job_id})
        return found

    def _is_met(self, job: Mapping[str, Any], job_id: str, path: str) -> bool:
        status = self._original.statuses.get(job_id) or self._others.get(job_id)
        if status == "SUCCEEDED" or self._has_started(job):
            return True
        if status in ("FAILED", None):
            rule = f"It waits for job {job_id}, which {'failed' if status else 'AWS Batch does not know any more'}."
            fix = "Run the flow run again that submitted both, or submit both."
            self._found.fault(path, None, rule, fix, guide("job_dependencies"))
        return False

    def _has_started(self, job: Mapping[str, Any]) -> bool:
        children: Sequence[FailedChild] = self._original.children.get(job["jobId"], ())
        return bool(
            job.get("startedAt") or job.get("eksAttempts") or any(child.exit_code is not None for child in children)
        )

    def _statuses_of_others(self) -> dict[str, str]:
        """Of jobs outside of the original that its jobs wait for."""
        waited_for = {one.get("jobId") for job in self._original.failed.values() for one in job.get("dependsOn", ())}
        unknown = sorted(one for one in waited_for if one and one not in self._original.newest)
        return {job_id: job["status"] for job_id, job in describe_jobs(self._cluster, unknown).items()}

    def _row(self, piece: _Piece, memory: str) -> RerunJob:
        job = piece.job
        children = (
            f"{' '.join(index_ranges(piece.indexes))} of {job['arrayProperties']['size']}" if piece.indexes else ""
        )
        reasons = [container.get("reason", "") for container in last_attempt(job)["containers"]]
        words = dict.fromkeys(word for word in [job.get("statusReason", ""), *reasons] if word)
        return RerunJob(
            name=piece.name,
            of=piece.job_id,
            of_url=batch_url(self._cluster, "jobs", piece.job_id),
            failed_with="; ".join(words),
            children=children,
            memory=memory,
        )


def _sequence(piece: _Piece, pieces: Sequence[_Piece], dependency: Mapping[str, str]) -> list[dict[str, str]]:
    """SEQUENTIAL: one child after another, also from one piece of the array to the next."""
    siblings = [one for one in pieces if one.job_id == piece.job_id]
    before = siblings[: siblings.index(piece)][-1:]
    own = [] if len(piece.indexes) == 1 else [dict(dependency)]
    return own + [{"jobId": one.name} for one in before]


def _is_sequential(job: Mapping[str, Any]) -> bool:
    return any(dependency.get("type") == "SEQUENTIAL" for dependency in job.get("dependsOn", ()))


def _tags(job: Mapping[str, Any]) -> dict[str, str]:
    own = {
        key: value
        for key, value in job.get("tags", {}).items()
        if key != OWNER_TAG and not key.startswith((f"{OWNER}:", "aws:"))
    }
    return {**own, RERUN_TAG: job["jobId"]}
