"""Places RUNNABLE jobs on nodes, queue by queue, from the head."""

import threading
import time
import traceback
from itertools import islice

from sandbox.aws.batch import job_documents
from sandbox.aws.batch.capacity import Capacity
from sandbox.aws.batch.core import Core
from sandbox.aws.batch.job_queues import JobQueue
from sandbox.aws.batch.jobs import Job
from sandbox.aws.batch.lifecycle import Lifecycle
from sandbox.aws.batch.pod_runner import PodRunner

_AT_ONCE = 100
_LOOKAHEAD = 200
CANCELLED = "Canceled by JobStateTimeLimit action due to reason: {reason}"
"""User Guide, job_stuck_in_runnable_time_limit_actions."""


class Dispatcher:
    """A thread that sleeps until something has changed.

    A job at the head that does not fit holds up the others behind it (User Guide, batch-job-queue-blocked-events).
    """

    def __init__(self, core: Core, capacity: Capacity, runner: PodRunner, lifecycle: Lifecycle) -> None:
        self._core = core
        self._capacity = capacity
        self._runner = runner
        self._lifecycle = lifecycle
        self._changed = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._blocked: dict[JobQueue, tuple[Job, str]] = {}

    def start(self) -> None:
        """Start the thread."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="batch-dispatcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join()

    def reset(self) -> None:
        """Forget what is blocked."""
        self._blocked.clear()

    def wake(self) -> None:
        """Look at all queues soon."""
        self._changed.set()

    def _run(self) -> None:
        while True:
            self._changed.wait()
            self._changed.clear()
            if self._stopping:
                return
            try:
                self._look()
            except Exception:
                # One defect must not stop all queues.
                traceback.print_exc()

    def _look(self) -> None:
        state = self._core.state
        with self._core.lock:
            for environment in state.compute_environments.values():
                self._capacity.keep_minimum(environment)
            queues = sorted(state.queues.values(), key=lambda queue: -queue.priority)
        for queue in queues:
            # The lock is let go of every so often, so that a long queue does not hold up the API.
            while self._dispatch(queue):
                pass

    def _dispatch(self, queue: JobQueue) -> bool:
        """Place jobs of a queue; tells whether there may be more to place."""
        with self._core.lock:
            if queue.status not in ("VALID", "UPDATING") or queue.paused_until > time.monotonic():
                return False
            for _ in range(_AT_ONCE):
                job = queue.order.first()
                if job is None:
                    return False
                node = self._capacity.find(queue, job)
                if node is None:
                    self._hold(queue, job)
                    return False
                self._runner.place(job, node)
            return True

    def _hold(self, queue: JobQueue, job: Job) -> None:
        """Do something about a head that no node takes: launch one, or say why none can."""
        reason = self._capacity.blocked_reason(queue, job)
        if reason is None:
            self._blocked.pop(queue, None)
            waiting = list(islice(queue.order.jobs(), _LOOKAHEAD))
            while self._capacity.launch_for(queue, waiting):
                pass
        elif self._blocked.get(queue) != (job, reason):
            self._blocked[queue] = (job, reason)
            self._core.timers.after(self._core.settings.blocked_reason_delay, lambda: self._report(queue, job, reason))

    def _still(self, queue: JobQueue, job: Job, reason: str) -> bool:
        return self._blocked.get(queue) == (job, reason) and queue.order.first() is job

    def _report(self, queue: JobQueue, job: Job, reason: str) -> None:
        with self._core.lock:
            if not self._still(queue, job, reason):
                return
            job.status_reason = reason
            self._core.events.queue_blocked(job.arn(), queue.arn, lambda: job_documents.detail(job))
            kind = reason.partition(" - ")[0]
            for action in queue.time_limit_actions:
                if action["reason"] == kind:
                    delay = action["maxTimeSeconds"] * self._core.settings.time_limit_scale
                    self._core.timers.after(delay, lambda: self._cancel(queue, job, reason))

    def _cancel(self, queue: JobQueue, job: Job, reason: str) -> None:
        with self._core.lock:
            if self._still(queue, job, reason):
                self._lifecycle.end(job, "FAILED", CANCELLED.format(reason=reason))
        self.wake()
