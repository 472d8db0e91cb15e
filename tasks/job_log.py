"""The logs of a run's jobs: followed live for a few, read after the end for those that failed."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from kubernetes.client.exceptions import ApiException
from prefect.logging import get_run_logger

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.cloudwatch_log import NoCloudWatchLogsError, read_cloudwatch_log
from tasks.job import (
    DESCRIBE_LIMIT,
    FailedChild,
    JobResult,
    container_names,
    decisive_container,
    describe_jobs,
    last_attempt,
)
from tasks.log_stream import LogStream
from tasks.log_tail import KeptLog
from tasks.pod import kubectl_logs, open_pod_log, pod_namespace, read_job_log

T = TypeVar("T")
J = TypeVar("J", JobResult, FailedChild)

MOST_FOLLOWED = 20
CHILDREN_FOLLOWED = 3
# Into Prefect's log, which is no store for logs: of one container, and of all those of a run together.
LINES_OF_ONE, BYTES_OF_ONE, LINES_OF_ALL = 1000, 64 * 1024, 20_000
_READERS = 8
_LOOK_SECONDS = 15.0
_UNREACHABLE_SECONDS = 60.0
_CLOUDWATCH_READERS = 2
_CLOUDWATCH_SECONDS = 60.0


class JobLogs:
    """Follows the logs of at most 20 containers and keeps their ends; a log that cannot be had never fails a run.

    A context manager: at its end nothing is followed any more. The run that calls `follow` gets the lines into its log.

    Args:
        cluster: Where the pods are.
        first: Names of the jobs that are followed before others.
        few: Whether there are so few jobs that the logs of those that succeeded are of interest too.
    """

    def __init__(self, cluster: EksCluster, first: Collection[str] = (), *, few: bool = True) -> None:
        self._cluster = cluster
        self._first = frozenset(first)
        self._few = few
        self._streams: dict[tuple[str, str], LogStream] = {}
        # Of each array job: the pods of the children that are followed, and the logs of those that failed, by id.
        self._children: dict[str, dict[str, str]] = {}
        self._failed: dict[str, dict[str, KeptLog]] = {}
        self._namespaces: dict[str, str] = {}
        self._unreachable_until = 0.0
        self._shown = _Shown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in self._streams.values():
            stream.close()
        deadline = time.monotonic() + 2.0
        for stream in self._streams.values():
            stream.join(deadline - time.monotonic())

    def follow(self, jobs: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Begin to follow what runs, as far as there are free places: chosen jobs first, then the oldest.

        Args:
            jobs: The jobs that have not ended, by their names, as DescribeJobs answers.
        """
        # Without its log a job still runs; whoever may not look at its pod may still wait for it.
        with suppress(ApiException, ClientError, BotoCoreError, OperationError):
            self._follow_all(jobs)

    def _follow_all(self, jobs: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        ordered = sorted(jobs, key=lambda one: (one[0] not in self._first, one[1].get("startedAt") or 0))
        for name, job in ordered:
            if job.get("arrayProperties", {}).get("statusSummary"):
                self._keep_failed_children(job)
                self._follow_children(name, job)
            elif job["status"] == "RUNNING":
                self._follow(name, job)

    def of_ended(self, jobs: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, KeptLog]:
        """Read the logs of jobs that have just ended, while their pods exist.

        Args:
            jobs: The jobs, by their names, as DescribeJobs answers.

        Returns:
            By job id; without those that cannot be had, or are of no interest.
        """
        jobs = list(jobs)
        pods = {job["jobId"]: last_attempt(job)["podName"] for _name, job in jobs}
        wanted = [job for name, job in jobs if job["status"] == "FAILED" or self._is_wanted(name)]
        deadline = time.monotonic() + _LOOK_SECONDS
        reads = {job["jobId"]: partial(self._of_ended, job, deadline) for job in wanted if pods[job["jobId"]]}
        logs = _together(reads, _READERS, deadline)
        self._forget(pods.values())
        return {job_id: log if self._few else log.short() for job_id, log in logs.items() if log}

    def of_failed_children(self, array_id: str, children: Sequence[FailedChild]) -> tuple[FailedChild, ...]:
        """Give a few failed children of an array job, which has ended, the ends of their logs.

        Args:
            array_id: Id of the array job.
            children: All that failed.
        """
        kept = self._failed.pop(array_id, {})
        lacking = [child.job_id for child in children if child.job_id not in kept]
        logs = kept | self._of_children(lacking[: max(0, CHILDREN_FOLLOWED - len(kept))])
        self._forget(self._children.pop(array_id, {}).values())
        return tuple(with_log(child, logs.get(child.job_id)) for child in children)

    def complete(self, results: Sequence[JobResult]) -> list[JobResult]:
        """Look in CloudWatch for the logs that no pod had any more.

        Args:
            results: The jobs as they ended.

        Returns:
            The same, with what was found, or with a note of why nothing was.
        """
        missing = [result.job_id for result in results if self._lacks_log(result)]
        for result in results:
            known = sum(bool(child.log_note) for child in result.failed_children)
            lacking = [child.job_id for child in result.failed_children if not child.log_note]
            missing += lacking[: max(0, CHILDREN_FOLLOWED - known)]
        logs = self._from_cloudwatch(missing)
        return [_with_logs(result, logs) for result in results]

    @property
    def _free(self) -> int:
        return MOST_FOLLOWED - sum(stream.is_alive for stream in self._streams.values())

    def _is_wanted(self, name: str) -> bool:
        return self._few or name in self._first

    def _lacks_log(self, result: JobResult) -> bool:
        is_wanted = result.status == "FAILED" or (result.ended and self._is_wanted(result.job_name))
        return bool(is_wanted and result.pod_name and not result.log_note)

    def _follow(self, name: str, job: Mapping[str, Any]) -> None:
        attempt = last_attempt(job)
        names = container_names(attempt)
        for container in names:
            key = attempt["podName"], container
            if key[0] and key not in self._streams and self._free > 0:
                opened = partial(open_pod_log, self._cluster, self._namespace(job), *key, follow=True, timestamps=True)
                prefix = name if len(names) == 1 else f"{name}, {container}"
                self._streams[key] = LogStream(opened, self._shown.of(prefix))

    def _keep_failed_children(self, array: Mapping[str, Any]) -> None:
        """Read the logs of the first children that fail at once: the array may go on for long after their pods went."""
        kept = self._failed.setdefault(array["jobId"], {})
        if array["arrayProperties"]["statusSummary"].get("FAILED") and len(kept) < CHILDREN_FOLLOWED:
            ids = self._children_in(array, "FAILED")
            kept |= self._of_children([job_id for job_id in ids if job_id not in kept][: CHILDREN_FOLLOWED - len(kept)])

    def _of_children(self, job_ids: Sequence[str]) -> dict[str, KeptLog]:
        return self.of_ended(("", job) for job in describe_jobs(self._cluster, job_ids).values())

    def _children_in(self, array: Mapping[str, Any], status: Literal["FAILED", "RUNNING"]) -> list[str]:
        page = self._cluster.batch.list_jobs(arrayJobId=array["jobId"], jobStatus=status, maxResults=CHILDREN_FOLLOWED)
        return [summary["jobId"] for summary in page["jobSummaryList"]]

    def _follow_children(self, name: str, array: Mapping[str, Any]) -> None:
        """Follow the first few children that run; the parent has no pod."""
        followed = self._children.setdefault(array["jobId"], {})
        is_running = array["arrayProperties"]["statusSummary"].get("RUNNING")
        if not is_running or self._free <= 0 or len(followed) >= CHILDREN_FOLLOWED:
            return
        ids = [job_id for job_id in self._children_in(array, "RUNNING") if job_id not in followed]
        for child in describe_jobs(self._cluster, ids[: CHILDREN_FOLLOWED - len(followed)]).values():
            followed[child["jobId"]] = last_attempt(child)["podName"]
            self._follow(f"{name}:{child['arrayProperties']['index']}", child)

    def _forget(self, pod_names: Iterable[str]) -> None:
        """Give the places and the memory of pods that have ended free."""
        gone = set(pod_names)
        for key in [key for key in self._streams if key[0] in gone]:
            self._streams.pop(key).close()

    def _namespace(self, job: Mapping[str, Any]) -> str:
        own = last_attempt(job)["podNamespace"]
        queue = job["jobQueue"]
        if not own and queue not in self._namespaces:
            self._namespaces[queue] = pod_namespace(self._cluster, job)
        return str(own or self._namespaces[queue])

    def _of_ended(self, job: Mapping[str, Any], deadline: float) -> KeptLog | None:
        attempt = last_attempt(job)
        container = decisive_container(attempt)
        stream = self._streams.get((attempt["podName"], container))
        note = kubectl_logs(attempt["podNamespace"], attempt["podName"], container)
        if stream and stream.wait_for_end(min(2.0, deadline - time.monotonic())):
            return stream.kept(f"The whole log: {note}")
        found = self._of_pod(job)
        if found is None and stream:
            partly = stream.kept(f"The connection to its log broke before the end. The whole log: {note}")
            return partly if partly.lines else None
        return found

    def _of_pod(self, job: Mapping[str, Any]) -> KeptLog | None:
        if time.monotonic() < self._unreachable_until:
            return None
        try:
            return read_job_log(self._cluster, job)
        except OperationError:
            # Thousands of jobs would wait for the same cluster, one after the other.
            self._unreachable_until = time.monotonic() + _UNREACHABLE_SECONDS
        except (ApiException, ClientError, BotoCoreError):
            pass
        return None

    def _from_cloudwatch(self, job_ids: Sequence[str]) -> dict[str, KeptLog]:
        asked, left = job_ids[:DESCRIBE_LIMIT], job_ids[DESCRIBE_LIMIT:]
        logs = {
            job_id: KeptLog(note=f"No log: only {DESCRIBE_LIMIT} were looked for in CloudWatch.") for job_id in left
        }
        try:
            found = describe_jobs(self._cluster, asked)
        except (ClientError, BotoCoreError):
            return logs
        read = _CloudWatchReader(self._cluster)
        deadline = time.monotonic() + _CLOUDWATCH_SECONDS
        reads = {job_id: partial(read, job) for job_id, job in found.items()}
        return logs | _together(reads, _CLOUDWATCH_READERS, deadline)


class _CloudWatchReader:
    """Asks CloudWatch until it says that there is nothing for anybody."""

    def __init__(self, cluster: EksCluster) -> None:
        self._cluster = cluster
        self._why_none = ""

    def __call__(self, job: Mapping[str, Any]) -> KeptLog:
        if not self._why_none:
            try:
                return read_cloudwatch_log(self._cluster, job)
            except NoCloudWatchLogsError as error:
                self._why_none = str(error)
            except (ClientError, BotoCoreError, OperationError) as error:
                return KeptLog(note=f"No log: its pod is gone, and CloudWatch could not be asked ({error}).")
        return KeptLog(note=f"No log: its pod is gone, and {self._why_none}.")


class _Shown:
    """Writes the lines of jobs into the run's log, up to a limit for each container and one for all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = LINES_OF_ALL

    def of(self, prefix: str) -> Callable[[str], None]:
        """What takes the lines of one container.

        Args:
            prefix: Written before each line.
        """
        # The stream's thread is in no run.
        logger, lines, size = get_run_logger(), LINES_OF_ONE, BYTES_OF_ONE

        def show(line: str) -> None:
            nonlocal lines, size
            if lines < 0:
                return
            lines, size = lines - 1, size - len(line.encode())
            if lines >= 0 and size >= 0 and self._take():
                logger.info("%s: %s", prefix, line)
            else:
                lines = -1
                logger.info("%s: its log is cut here; the report of the run has its end", prefix)

        return show

    def _take(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0


def _together(reads: Mapping[str, Callable[[], T]], readers: int, deadline: float) -> dict[str, T]:
    """The results of calls that are made side by side, as far as they come in time."""
    if not reads:
        return {}
    pool = ThreadPoolExecutor(readers, thread_name_prefix="log of an ended job")
    try:
        futures = {job_id: pool.submit(read) for job_id, read in reads.items()}
        wait(futures.values(), timeout=max(0.0, deadline - time.monotonic()))
        done = {job_id: future for job_id, future in futures.items() if future.done() and not future.exception()}
        return {job_id: future.result() for job_id, future in done.items()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _with_logs(result: JobResult, logs: Mapping[str, KeptLog]) -> JobResult:
    children = tuple(with_log(child, logs.get(child.job_id)) for child in result.failed_children)
    return with_log(result.model_copy(update={"failed_children": children}), logs.get(result.job_id))


def with_log(job: J, log: KeptLog | None) -> J:
    """A job, or a child of an array job, with what was kept of its log."""
    if log is None:
        return job
    update = {"log": log.text, "log_lines": log.lines, "log_size": log.size, "log_note": log.note}
    return job.model_copy(update=update)
