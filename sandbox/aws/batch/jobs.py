"""Jobs, and every order in which they are asked for."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sandbox.aws.batch.roster import Roster

if TYPE_CHECKING:
    from sandbox.aws.batch.capacity import Node
    from sandbox.aws.batch.job_definitions import JobDefinition
    from sandbox.aws.batch.job_queues import JobQueue

STATUSES: Final = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
ENDED: Final = ("SUCCEEDED", "FAILED")
WAITING: Final = ("SUBMITTED", "PENDING", "RUNNABLE")


@dataclass(slots=True)
class JobSpec:
    """What was submitted; an array's children share one.

    The pod's properties are merged from definition, override and parameters when they are needed: a hundred
    thousand submitted jobs cost what is special about each.
    """

    definition: "JobDefinition"
    override: Mapping[str, Any] | None
    parameters: Mapping[str, str]
    retry: dict[str, Any]
    timeout: dict[str, Any] | None
    tags: dict[str, str]
    share: str | None
    priority: int | None
    depends_on: list[dict[str, str]]
    cpu_millis: int
    memory_mib: int
    gpus: int


@dataclass(slots=True)
class Attempt:
    """One pod of a job."""

    pod_name: str
    namespace: str
    node: "Node"
    started: int | None = None
    containers: list[dict[str, Any]] = field(default_factory=list)
    init_containers: list[dict[str, Any]] = field(default_factory=list)


class Job:
    """A job, an array parent, or an array's child."""

    __slots__ = (
        "attempt",
        "attempt_number",
        "cancelled",
        "children",
        "counts",
        "created",
        "finished_attempts",
        "id",
        "index",
        "name",
        "order_key",
        "parent",
        "queue",
        "rosters",
        "shown_at",
        "spec",
        "started",
        "status",
        "status_reason",
        "stop_reason",
        "stopped",
        "summary_updated",
        "terminated",
        "waiting_for",
    )

    def __init__(
        self,
        job_id: str,
        name: str,
        queue: "JobQueue",
        spec: JobSpec,
        created: int,
        *,
        number: int,
        parent: "Job | None" = None,
        index: int | None = None,
        shown_at: float = 0.0,
    ) -> None:
        self.id = job_id
        self.name = name
        self.queue = queue
        self.spec = spec
        self.parent = parent
        self.index = index
        self.order_key = (number, -1 if index is None else index)
        self.created = created
        self.shown_at = shown_at
        self.started: int | None = None
        self.stopped: int | None = None
        self.status = "SUBMITTED"
        self.status_reason: str | None = None
        self.attempt: Attempt | None = None
        self.attempt_number = 0
        self.finished_attempts: list[dict[str, Any]] | None = None
        self.cancelled = False
        self.terminated = False
        # Why the job is being stopped: set once a cancel, terminate or timeout has been accepted.
        self.stop_reason: str | None = None
        # Ids of jobs that must succeed first.
        self.waiting_for: set[str] | None = None
        self.children: list[Job] | None = None
        self.counts: dict[str, int] | None = None
        self.rosters: dict[str, Roster[int, Job]] | None = None
        self.summary_updated: int | None = None

    @property
    def ended(self) -> bool:
        """Whether it has SUCCEEDED or FAILED."""
        return self.status in ENDED

    def arn(self) -> str:
        """The job's ARN."""
        return self.queue.place.arn("job", self.id)


class QueueIndex:
    """The jobs of one queue, array children left out: ListJobs does not give them by queue."""

    def __init__(self) -> None:
        self.by_status: dict[str, Roster[int, Job]] = {status: Roster() for status in STATUSES}
        self.by_creation: Roster[tuple[int, int], Job] = Roster()
        self.by_name: Roster[tuple[str, int], Job] = Roster()
        self.by_definition: Roster[tuple[str, int, int], Job] = Roster()
        self.by_share: dict[str, Roster[int, Job]] = {}

    def add(self, job: Job) -> None:
        """Take a job up."""
        number = job.order_key[0]
        definition = job.spec.definition
        self.by_creation.add((job.created, number), job)
        self.by_name.add((job.name.lower(), -number), job)
        self.by_definition.add((definition.name, definition.revision, -number), job)
        if job.spec.share is not None:
            self.by_share.setdefault(job.spec.share, Roster()).add(number, job)

    def discard(self, job: Job) -> None:
        """Forget a job."""
        number = job.order_key[0]
        definition = job.spec.definition
        self.by_status[job.status].remove(number)
        self.by_creation.remove((job.created, number))
        self.by_name.remove((job.name.lower(), -number))
        self.by_definition.remove((definition.name, definition.revision, -number))
        if job.spec.share is not None:
            self.by_share[job.spec.share].remove(number)


class Jobs:
    """All jobs, found by id."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._numbers = itertools.count(1)
        self.dependents: dict[str, list[Job]] = {}

    def next_number(self) -> int:
        """The place in the order of submission that the next job gets."""
        return next(self._numbers)

    def add(self, job: Job) -> None:
        """Take up a job or an array parent."""
        self._jobs[job.id] = job
        job.queue.index.add(job)
        job.queue.index.by_status[job.status].add(job.order_key[0], job)

    def get(self, job_id: str) -> Job | None:
        """A job by id; `<parent>:<index>` is an array's child."""
        parent_id, colon, index = job_id.partition(":")
        job = self._jobs.get(parent_id)
        if job is None or not colon:
            return job
        if job.children is None or not index.isdigit() or int(index) >= len(job.children):
            return None
        return job.children[int(index)]

    def give_children(self, parent: Job, size: int) -> list[Job]:
        """Make the children of an array parent."""
        number = parent.order_key[0]
        children = [
            Job(
                f"{parent.id}:{index}",
                parent.name,
                parent.queue,
                parent.spec,
                parent.created,
                number=number,
                parent=parent,
                index=index,
            )
            for index in range(size)
        ]
        parent.children = children
        parent.counts = {"SUBMITTED": size}
        parent.rosters = {status: Roster() for status in STATUSES}
        for child in children:
            parent.rosters["SUBMITTED"].add(child.order_key[1], child)
        return children

    def move(self, job: Job, status: str, now: int) -> None:
        """Change a job's status, in every index."""
        parent = job.parent
        if parent is None:
            rosters, key = job.queue.index.by_status, job.order_key[0]
        else:
            assert parent.counts is not None
            assert parent.rosters is not None
            rosters, key = parent.rosters, job.order_key[1]
            parent.counts[job.status] -= 1
            parent.counts[status] = parent.counts.get(status, 0) + 1
            parent.summary_updated = now
        rosters[job.status].remove(key)
        job.status = status
        rosters[status].add(key, job)

    def discard(self, job: Job) -> None:
        """Forget an ended job with its children."""
        self._jobs.pop(job.id, None)
        job.queue.index.discard(job)
