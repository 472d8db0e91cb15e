"""ListJobs [B:ListJobsRequest]."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.aws.batch import job_documents, pages
from sandbox.aws.batch.core import Core
from sandbox.aws.batch.identifiers import short_name
from sandbox.aws.batch.job_queues import JobQueue, JobQueues
from sandbox.aws.batch.jobs import Job
from sandbox.aws.batch.refusals import client_exception, execution_exception
from sandbox.aws.batch.roster import Roster

_SELECTORS = ("jobQueue", "arrayJobId", "multiNodeJobId")
_MOST_BY_STATUS = 1000
_MOST_BY_FILTER = 100
_LEAST = float("-inf")

Found = Iterator[tuple[Any, Job]]


class Listing:
    """The operation ListJobs."""

    def __init__(self, core: Core, queues: JobQueues) -> None:
        self._core = core
        self._queues = queues
        self._filters: dict[str, Callable[[JobQueue, str, Mapping[str, Any], Any], Found]] = {
            "JOB_NAME": _by_name,
            "JOB_DEFINITION": _by_definition,
            "BEFORE_CREATED_AT": _before,
            "AFTER_CREATED_AT": _after,
            "SHARE_IDENTIFIER": _by_share,
        }

    def list(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """A page of summaries: RUNNING ones unless a status or a filter says otherwise."""
        given = [selector for selector in _SELECTORS if request.get(selector)]
        if len(given) != 1:
            raise execution_exception("Exactly one of jobQueue, arrayJobId or multiNodeJobId must be specified")
        status = request.get("jobStatus", "RUNNING")
        position = _tupled(pages.position(request))
        with self._core.lock:
            if request.get("multiNodeJobId"):
                raise execution_exception("multi-node parallel jobs are not played by the sandbox")
            if request.get("arrayJobId"):
                # Filters do not apply to children.
                return _page(_children(self._core, request["arrayJobId"], status, position), request, _MOST_BY_STATUS)
            queue = self._queues.found(request["jobQueue"])
            if not request.get("filters"):
                roster = queue.index.by_status[status]
                return _page(roster.descending(position), request, _MOST_BY_STATUS)
            return _page(self._filtered(queue, request, position), request, _MOST_BY_FILTER)

    def _filtered(self, queue: JobQueue, request: Mapping[str, Any], position: Any) -> Found:
        filters = request["filters"]
        if len(filters) != 1:
            raise execution_exception("Only one filter can be used at a time")
        name, values = filters[0].get("name"), filters[0].get("values") or []
        if name not in self._filters:
            raise execution_exception(f"Filter {name} is not one of {', '.join(self._filters)}")
        if len(values) != 1:
            raise execution_exception("A filter must have exactly one value")
        return self._filters[name](queue, values[0], request, position)


def _page(found: Found, request: Mapping[str, Any], most: int) -> dict[str, Any]:
    size = pages.size(request, most)
    now = time.monotonic()
    summaries: list[dict[str, Any]] = []
    last: Any = None
    for key, job in found:
        if job.shown_at > now:
            # Eventually consistent on demand: just submitted, not listed yet.
            continue
        if len(summaries) == size:
            return {"jobSummaryList": summaries, "nextToken": pages.token(last)}
        summaries.append(job_documents.summary(job))
        last = key
    return {"jobSummaryList": summaries}


def _children(core: Core, parent_id: str, status: str, position: Any) -> Found:
    parent = core.state.jobs.get(parent_id)
    if parent is None or parent.rosters is None:
        raise client_exception(f"Array job {parent_id} not found.")
    return parent.rosters[status].ascending(position)


def _by_name(queue: JobQueue, value: str, _: Mapping[str, Any], position: Any) -> Found:
    """Case-insensitive; with a trailing `*` a prefix; grouped by name, the newest first in a group."""
    prefix = value.lower().removesuffix("*")
    roster: Roster[Any, Job] = queue.index.by_name
    found = roster.starting_at((prefix, _LEAST)) if position is None else roster.ascending(position)
    for key, job in found:
        if not (key[0].startswith(prefix) if value.endswith("*") else key[0] == prefix):
            return
        yield key, job


def _by_definition(queue: JobQueue, value: str, _: Mapping[str, Any], position: Any) -> Found:
    """Case-sensitive; a name means any revision, and may end with `*`; an ARN means that revision."""
    name, _colon, revision = short_name(value).partition(":")
    prefix = name.removesuffix("*")
    roster: Roster[Any, Job] = queue.index.by_definition
    least = (prefix, int(revision) if revision.isdigit() else _LEAST, _LEAST)
    found = roster.starting_at(least) if position is None else roster.ascending(position)
    for key, job in found:
        same = key[0].startswith(prefix) if name.endswith("*") else key[0] == name
        if not same or (revision and str(key[1]) != revision):
            return
        yield key, job


def _before(queue: JobQueue, value: str, _: Mapping[str, Any], position: Any) -> Found:
    roster: Roster[Any, Job] = queue.index.by_creation
    return roster.descending(position or (_milliseconds(value), _LEAST))


def _after(queue: JobQueue, value: str, _: Mapping[str, Any], position: Any) -> Found:
    least = _milliseconds(value)
    roster: Roster[Any, Job] = queue.index.by_creation
    for key, job in roster.descending(position):
        if key[0] <= least:
            return
        yield key, job


def _by_share(queue: JobQueue, value: str, request: Mapping[str, Any], position: Any) -> Found:
    """The one filter that jobStatus narrows."""
    roster = queue.index.by_share.get(value)
    if roster is None:
        return
    status = request.get("jobStatus")
    for key, job in roster.descending(position):
        if status in (None, job.status):
            yield key, job


def _milliseconds(value: str) -> int:
    if not value.isdigit():
        raise execution_exception(f"{value!r} is no time in milliseconds since the epoch")
    return int(value)


def _tupled(position: Any) -> Any:
    return tuple(position) if isinstance(position, list) else position
