"""Step 11: submit jobs, each exactly once, although SubmitJob has no idempotency token.

Every job has a name that only it has. What is about to be sent is written down first, and what was answered after it.
Where an answer is missing, the name is looked for during SETTLE_SECONDS, and only then is the job sent again: ListJobs
promises no read-after-write. A job that it does not show by then is taken as never submitted; should it turn up before
the run ends, `end_duplicates` ends it.
"""

import time
from collections.abc import Container, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from prefect.logging import get_run_logger
from pydantic import BaseModel, ConfigDict

from blocks.aws_errors import UNSENT, explain_aws, is_throttled
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.job_list import submission_levels, with_job_ids
from specs.job_request import JobRequest
from specs.submitted_name import SubmittedName, run_digits
from tasks.console import batch_url
from tasks.job import NAME_TAG, describe_jobs
from tasks.job_end import terminate
from tasks.job_ledger import JobLedger
from tasks.job_listing import find_submitted
from tasks.ownership import OWNER, OWNER_TAG
from tasks.pauses import pauses
from tasks.step import step
from tasks.submission_rate import BLOCK, SubmissionRate

# For a ListJobs that lags 30 s, and a margin: no document says how long it may.
SETTLE_SECONDS = 45.0
LOOK_SECONDS = 5.0
_SENDERS = 8
_THROTTLED_SECONDS = 600.0
_UNSENT_SECONDS = 60.0
_ROUNDS = 3
RUN_TAG = f"{OWNER}:flow-run"


class SubmittedJob(BaseModel):
    """A job that AWS Batch has.

    Attributes:
        job_name: The name that the user gave.
        submitted_as: The name that AWS Batch knows.
        job_id: Its id.
        job_queue: Its queue, as the user named it.
        console_url: Its page in the Batch console.
        attached: Whether it was submitted before, by an earlier execution of this run.
    """

    model_config = ConfigDict(frozen=True)

    job_name: str
    submitted_as: str = ""
    job_id: str
    job_queue: str = ""
    console_url: str = ""
    attached: bool = False


class RefusedJob(BaseModel):
    """A job that AWS Batch does not have, and why."""

    model_config = ConfigDict(frozen=True)

    job_name: str
    reason: str


class Submissions(BaseModel):
    """What became of the submission of a list.

    Attributes:
        submitted: The jobs that AWS Batch has, in the order of the list.
        refused: Those that it does not have.
        doubtful: Whether answers were missing, so that a job may turn up twice.
    """

    model_config = ConfigDict(frozen=True)

    submitted: tuple[SubmittedJob, ...]
    refused: tuple[RefusedJob, ...] = ()
    doubtful: bool = False


@step("submission of the jobs")
def submit_all(
    cluster: EksCluster,
    jobs: Sequence[JobRequest],
    run_id: str,
    ledger: JobLedger,
    *,
    repeated: bool,
    shared_limit: str,
) -> Submissions:
    """Submit jobs once each, those that others wait for first.

    Can be repeated after any interruption: what was submitted is found and attached to. Once the ends of the jobs
    were reported, a repetition submits those that failed again, as another attempt.

    Args:
        cluster: Gives the Batch client.
        jobs: The jobs; checked.
        run_id: Id of the Prefect flow run they belong to.
        ledger: What the run writes down.
        repeated: Whether the run was executed before, so that jobs of it may exist.
        shared_limit: Prefect global concurrency limit for submissions; empty for 50 a second by this process.

    Returns:
        What AWS Batch has of it.

    Raises:
        OperationError: If what was submitted before cannot be looked up, or is no longer in the list.
    """
    submission = _Submission(cluster, jobs, run_id, ledger, SubmissionRate(shared_limit))
    submission.recover(repeated)
    for level in submission_levels(jobs):
        submission.submit(level)
    return submission.result()


@step("search for duplicates")
def end_duplicates(cluster: EksCluster, submitted: Sequence[SubmittedJob], run_id: str) -> list[str]:
    """End jobs of the run that were submitted twice and turned up late.

    Args:
        cluster: Gives the Batch client.
        submitted: The jobs that the run follows.
        run_id: Id of the flow run.

    Returns:
        The ids of what was ended.
    """
    ours = {job.submitted_as: job.job_id for job in submitted}
    queues = {job.job_queue for job in submitted}
    found = find_submitted(cluster, queues, run_digits(run_id))
    doubled = [job_id for name, ids in found.items() if name in ours for job_id in ids if job_id != ours[name]]
    terminate(cluster, doubled, _twice(run_id))
    return doubled


class _Submission:
    """The jobs of one run on their way to AWS."""

    def __init__(
        self, cluster: EksCluster, jobs: Sequence[JobRequest], run_id: str, ledger: JobLedger, rate: SubmissionRate
    ) -> None:
        self._cluster = cluster
        self._jobs = jobs
        self._run_id = run_id
        self._rate = rate
        self._ledger = ledger
        self._names = [SubmittedName.of(run_id, index, job.to_document()) for index, job in enumerate(jobs)]
        self._ids: dict[int, str] = {}
        self._earlier: dict[str, str] = {}
        self._attached: set[int] = set()
        self._refused: dict[int, str] = {}
        self._doubtful = False
        self._logger = get_run_logger()

    def result(self) -> Submissions:
        """What became of each job."""
        refused = sorted(self._refused.items())
        return Submissions(
            submitted=tuple(self._submitted(index) for index in sorted(self._ids)),
            refused=tuple(RefusedJob(job_name=self._jobs[index].job_name, reason=reason) for index, reason in refused),
            doubtful=self._doubtful,
        )

    def recover(self, repeated: bool) -> None:
        """Attach to what an earlier execution of the run submitted."""
        written = self._ledger.read()
        if not repeated and not written.names:
            return
        known = {name: ids[0] for name, ids in self._listed().items()} | written.ids
        self._refuse_another_list(written.names | set(known))
        names = {str(name): index for index in range(len(self._jobs)) for name in [self._latest(index, known)]}
        missing = [name for name in names if name not in known]
        self._doubtful = bool(missing)
        known |= self._looked_up(missing)
        statuses = self._statuses(known.values()) if written.reported else {}
        for name, index in names.items():
            job_id = known.get(name)
            if job_id is None:
                continue
            if statuses.get(job_id) == "FAILED":
                self._names[index] = self._names[index].next
            else:
                self._ids[index] = job_id
        self._attached = set(self._ids)
        self._logger.info("%s of %s jobs were submitted before", len(self._attached), len(self._jobs))

    def _refuse_another_list(self, names: Iterable[str]) -> None:
        """What was submitted and is no longer in the list would run unseen, and what changed would run twice."""
        ours = {(name.index, name.digest) for name in self._names}
        earlier = {name for text in names if (name := SubmittedName.parse(text))}
        gone = sorted((name for name in earlier if (name.index, name.digest) not in ours), key=lambda name: name.index)
        if gone:
            raise OperationError(
                f"the {len(self._names)} jobs",
                f"{len(gone)} that this run has submitted, or was about to, are not among them; the first is {gone[0]}",
                "the list, or the file of its table, was changed between the executions of the run",
                "bring back what it was and retry; or start another run for the new list, and end this one's jobs with "
                "the deployment reap if they are not wanted",
            )

    def submit(self, places: Iterable[int]) -> None:
        """Submit jobs whose dependencies have their ids."""
        # Once a level, and not in the senders' threads, which add to the ids.
        self._earlier = {self._jobs[place].job_name: job_id for place, job_id in self._ids.items()}
        pending = [index for index in places if index not in self._ids and not self._lacks_a_dependency(index)]
        for _ in range(_ROUNDS):
            uncertain = self._send_all(pending)
            if not uncertain:
                return
            self._logger.warning("%s submissions got no answer; looking for their jobs", len(uncertain))
            names = {str(self._names[index]): index for index in uncertain}
            self._doubtful = True
            for name, job_id in self._looked_up(list(names)).items():
                self._ids[names[name]] = job_id
            pending = [index for index in uncertain if index not in self._ids]
            self._ledger.answered({str(self._names[i]): self._ids[i] for i in uncertain if i in self._ids})
        for index in pending:
            self._refused[index] = "AWS gave no answer to any of its submissions, and has no such job; run again"

    def _send_all(self, places: Sequence[int]) -> list[int]:
        """Send in blocks; gives those whose answers were lost."""
        uncertain: list[int] = []
        with ThreadPoolExecutor(_SENDERS, thread_name_prefix="submit") as senders:
            for start in range(0, len(places), BLOCK):
                block = places[start : start + BLOCK]
                self._ledger.sending([str(self._names[index]) for index in block])
                self._rate.take(len(block))
                uncertain += [
                    index for index, certain in zip(block, senders.map(self._send, block), strict=True) if not certain
                ]
                ids = {str(self._names[index]): self._ids[index] for index in block if index in self._ids}
                self._ledger.answered(ids)
        return uncertain

    def _send(self, index: int) -> bool:
        """Submit one job; false if it may have been submitted or not."""
        document, begun = self._document(index), time.monotonic()
        for _ in pauses(_THROTTLED_SECONDS):
            try:
                self._ids[index] = self._cluster.batch_once.submit_job(**document)["jobId"]
            except (ClientError, BotoCoreError) as error:
                explained = explain_aws(error, f"job {self._jobs[index].job_name}")
                throttled, unsent = is_throttled(error), isinstance(error, UNSENT)
                if explained.can_heal and not (throttled or unsent):
                    return False
                if throttled:
                    self._rate.slow_down()
                elif not unsent or time.monotonic() - begun > _UNSENT_SECONDS:
                    break
            else:
                return True
        self._refused[index] = str(explained)
        return True

    def _document(self, index: int) -> dict[str, Any]:
        job = self._jobs[index]
        document = (with_job_ids(job, self._earlier) if job.depends_on else job).to_document()
        tags = {OWNER_TAG: OWNER, RUN_TAG: self._run_id, NAME_TAG: job.job_name, **document.get("tags", {})}
        return {**document, "jobName": str(self._names[index]), "tags": tags}

    def _lacks_a_dependency(self, index: int) -> bool:
        names = {one.job_id for one in self._jobs[index].depends_on}
        refused = {self._jobs[place].job_name for place in self._refused} & names
        if refused:
            self._refused[index] = (
                f"job {self._jobs[index].job_name}: not submitted, since it waits for {refused.pop()}"
            )
        return bool(refused) or index in self._refused

    def _looked_up(self, names: Sequence[str]) -> dict[str, str]:
        """Ids of jobs by name, looked for until ListJobs must show them; a second job of a name is ended."""
        missing, ids = set(names), dict[str, str]()
        deadline = time.monotonic() + SETTLE_SECONDS
        while missing:
            found = self._listed()
            for name in missing & set(found):
                ids[name], *others = found[name]
                terminate(self._cluster, others, _twice(self._run_id))
            missing -= set(ids)
            left = deadline - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(LOOK_SECONDS, left) if missing else 0)
        return ids

    def _listed(self) -> dict[str, list[str]]:
        return find_submitted(self._cluster, {job.job_queue for job in self._jobs}, run_digits(self._run_id))

    def _latest(self, index: int, names: Container[str]) -> SubmittedName:
        """The last attempt that exists, which from now on is the job's name."""
        while str(self._names[index].next) in names:
            self._names[index] = self._names[index].next
        return self._names[index]

    def _statuses(self, ids: Iterable[str]) -> Mapping[str, str]:
        return {job_id: job["status"] for job_id, job in describe_jobs(self._cluster, list(ids)).items()}

    def _submitted(self, index: int) -> SubmittedJob:
        job, job_id = self._jobs[index], self._ids[index]
        return SubmittedJob(
            job_name=job.job_name,
            submitted_as=str(self._names[index]),
            job_id=job_id,
            job_queue=job.job_queue,
            console_url=batch_url(self._cluster, "jobs", job_id),
            attached=index in self._attached,
        )


def _twice(run_id: str) -> str:
    return f"submitted twice by flow run {run_id}"
