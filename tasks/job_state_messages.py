"""Being told of changes: the messages that EventBridge puts into the queue of a run, with polling as the net below.

Events come late, twice or in any order, and any of them may be lost (EventBridge User Guide, eb-what-is; SQS Developer
Guide, standard-queues-at-least-once-delivery). So a message only says which job to look at: what is true of a job is
what DescribeJobs answers.
"""

import math
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from prefect.logging import get_run_logger
from pydantic import BaseModel, Field, ValidationError

from blocks.aws_errors import explain_aws
from blocks.eks_cluster import EksCluster
from tasks.job import DESCRIBE_LIMIT, JobResult, Progress, progress
from tasks.job_changes import Polling

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import DeleteMessageBatchRequestEntryTypeDef, MessageTypeDef

# What messages do not tell is learned this late. The log of a pod goes with the pod, so where logs are followed all
# jobs are looked at more often.
NET_SECONDS, NET_SECONDS_WITH_LOGS = 60.0, 15.0
# Changes come in crowds: after the first message, others are waited for so that one call describes many jobs.
GATHER_SECONDS, CROWD_SECONDS = 1, 5.0
# DescribeJobs may lag behind the event: a job that does not show what was told is looked at again a few times.
CONFIRM_SECONDS, CONFIRM_LOOKS = 2.0, 5
LONGEST_RECEIVE = 20  # botocore sqs ReceiveMessageRequest: WaitTimeSeconds 0 to 20, MaxNumberOfMessages 1 to 10
MESSAGES = 10


class _Detail(BaseModel):
    """What counts of a job in an event (User Guide, batch_job_events: it resembles JobDetail)."""

    job_id: str = Field(alias="jobId")
    status: str
    attempts: list[object] = Field(default=[], alias="eksAttempts")


class _Event(BaseModel):
    detail: _Detail


class Messages:
    """Jobs are looked at when a message says that they got on, and all of them at long intervals.

    Where SQS does not answer, jobs are polled from then on: no run fails for want of messages.

    Args:
        cluster: Gives the SQS client.
        queue_url: The queue of the run.
        net: Seconds after which all jobs are looked at, whatever messages say.
        polling: How to go on where the queue cannot be read.
    """

    def __init__(self, cluster: EksCluster, queue_url: str, net: float, polling: Polling) -> None:
        self._cluster = cluster
        self._queue_url = queue_url
        self._net = net
        self._net_due = time.monotonic() + net
        self._polling = polling
        self._is_readable = True
        # How far a job was told to be, and how often it is looked at again until it shows that.
        self._told: dict[str, tuple[Progress, int]] = {}
        self._logger = get_run_logger()

    def wait(self, jobs: Mapping[str, JobResult]) -> Collection[str]:
        """Wait for messages; see Changes."""
        if self._is_readable:
            try:
                return self._wait(jobs)
            except (ClientError, BotoCoreError) as error:
                explained = explain_aws(error, f"SQS queue {self._queue_url}")
                self._logger.warning(
                    "From now on the jobs are polled, since their messages cannot be read: %s", explained
                )
                self._is_readable = False
        return self._polling.wait(jobs)

    def _wait(self, jobs: Mapping[str, JobResult]) -> Collection[str]:
        doubted = self._still_doubted(jobs)
        due = min(self._net_due, time.monotonic() + CONFIRM_SECONDS) if doubted else self._net_due
        told = set[str]()
        while not told and (left := due - time.monotonic()) > 0:
            told = self._receive(jobs, left)
        if time.monotonic() < self._net_due:
            return told | doubted
        self._net_due = time.monotonic() + self._net
        return jobs.keys()

    def _still_doubted(self, jobs: Mapping[str, JobResult]) -> set[str]:
        """Jobs that were told to be further than DescribeJobs shows, to be looked at again."""
        self._told = {
            job_id: (told, looks - 1)
            for job_id, (told, looks) in self._told.items()
            if looks and job_id in jobs and jobs[job_id].progress < told
        }
        return set(self._told)

    def _receive(self, jobs: Mapping[str, JobResult], seconds: float) -> set[str]:
        """Wait for messages and take in what comes with them; gives the jobs that got on."""
        told = set[str]()
        messages, until = self._next(min(math.ceil(seconds), LONGEST_RECEIVE)), time.monotonic() + CROWD_SECONDS
        while messages:
            told |= self._take_in(messages, jobs)
            self._delete(messages)
            if len(told) >= DESCRIBE_LIMIT or time.monotonic() >= until:
                break
            messages = self._next(GATHER_SECONDS)
        return told

    def _next(self, seconds: int) -> list["MessageTypeDef"]:
        answer = self._cluster.sqs.receive_message(
            QueueUrl=self._queue_url, MaxNumberOfMessages=MESSAGES, WaitTimeSeconds=seconds
        )
        return answer.get("Messages", [])

    def _take_in(self, messages: Iterable["MessageTypeDef"], jobs: Mapping[str, JobResult]) -> set[str]:
        told = set[str]()
        for detail in filter(None, map(self._read, messages)):
            job, now = jobs.get(detail.job_id), progress(len(detail.attempts), detail.status)
            if job and now > max(job.progress, self._told.get(job.job_id, (job.progress, 0))[0]):
                self._told[job.job_id] = now, CONFIRM_LOOKS
                told.add(job.job_id)
        return told

    def _read(self, message: "MessageTypeDef") -> _Detail | None:
        try:
            return _Event.model_validate_json(message.get("Body", "")).detail
        except ValidationError:
            # Without the body: an event holds the parameters and the environment of a job.
            self._logger.warning("Message %s is no event of a job; it is dropped", message.get("MessageId"))
            return None

    def _delete(self, messages: Sequence["MessageTypeDef"]) -> None:
        entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
            {"Id": str(index), "ReceiptHandle": message.get("ReceiptHandle", "")}
            for index, message in enumerate(messages)
        ]
        # One that stays comes again, and causes nothing then.
        self._cluster.sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
