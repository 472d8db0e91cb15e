"""Batch's events on the account's EventBridge bus."""

import json
import threading
from collections.abc import Callable, Mapping
from functools import cache
from queue import SimpleQueue
from typing import Any

import jsonpath_ng.ext
from jsonpath_ng.ext.parser import parse
from moto.events.models import events_backends

from sandbox.aws.batch.identifiers import Place

# Moto parses the same paths anew with every event, which takes longer than all the rest of it.
jsonpath_ng.ext.parse = cache(parse)  # type: ignore[attr-defined]  # it exports nothing by name

SOURCE = "aws.batch"
JOB = "Batch Job State Change"
BLOCKED = "Batch Job Queue Blocked"


class Events:
    """Puts events in order, on a thread of its own; nothing is put while there is no rule.

    Sources: User Guide, batch_cwe_events and batch-job-queue-blocked-events; the EventBridge reference lists
    these two kinds and no other.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._queue: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="batch-events", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Put what is left and end the thread."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def job(self, arn: str, describe: Callable[[], Mapping[str, Any]]) -> None:
        """A job changed its status; the detail is what DescribeJobs answers now."""
        if self._listened():
            self._put(JOB, [arn], describe())

    def queue_blocked(self, job_arn: str, queue_arn: str, describe: Callable[[], Mapping[str, Any]]) -> None:
        """The job at the head of a queue cannot be placed; its statusReason says why."""
        if self._listened():
            self._put(BLOCKED, [job_arn, queue_arn], describe())

    def _listened(self) -> bool:
        backend = events_backends[self._place.account][self._place.region]
        return bool(backend.describe_event_bus("default").rules)

    def _put(self, kind: str, arns: list[str], detail: Mapping[str, Any]) -> None:
        entry = {"Source": SOURCE, "DetailType": kind, "Resources": arns, "Detail": json.dumps(dict(detail))}
        self._queue.put(entry)

    def _run(self) -> None:
        while (entry := self._queue.get()) is not None:
            # Moto goes through its rules without a lock; what is put again after a change may arrive twice, as
            # EventBridge's events may (User Guide, eb-what-is: delivered at least once).
            while not self._is_put(entry):
                pass

    def _is_put(self, entry: dict[str, Any]) -> bool:
        try:
            events_backends[self._place.account][self._place.region].put_events([entry])
        except RuntimeError as error:
            if "changed size during iteration" not in str(error):
                raise
            return False
        return True
