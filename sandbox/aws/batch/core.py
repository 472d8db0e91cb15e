"""What all parts of Batch share."""

import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.aws.batch.identifiers import Place
from sandbox.aws.batch.jobs import Jobs
from sandbox.aws.batch.timers import Timers
from sandbox.aws.settings import Settings

if TYPE_CHECKING:
    from sandbox.aws.batch.compute_environments import ComputeEnvironment
    from sandbox.aws.batch.events import Events
    from sandbox.aws.batch.job_definitions import JobDefinition
    from sandbox.aws.batch.job_queues import JobQueue
    from sandbox.aws.batch.scheduling_policies import SchedulingPolicy


@dataclass
class State:
    """Everything that Batch remembers."""

    compute_environments: dict[str, "ComputeEnvironment"] = field(default_factory=dict)
    queues: dict[str, "JobQueue"] = field(default_factory=dict)
    policies: dict[str, "SchedulingPolicy"] = field(default_factory=dict)
    definitions: dict[str, list["JobDefinition"]] = field(default_factory=dict)
    jobs: Jobs = field(default_factory=Jobs)


@dataclass
class Core:
    """State, its lock, time and threads.

    Attributes:
        lock: Held by whoever reads or changes `state`; never while waiting for the cluster.
        workers: Threads for calls that take time.
        wake: Has the dispatcher look at all queues.
    """

    place: Place
    settings: Settings
    workers: Executor
    events: "Events"
    timers: Timers = field(default_factory=Timers)
    lock: threading.RLock = field(default_factory=threading.RLock)
    state: State = field(default_factory=State)
    wake: Callable[[], None] = lambda: None

    def work(self, task: Callable[[], None]) -> None:
        """Have a worker do what takes time; its defects are printed, not lost."""

        def run() -> None:
            try:
                task()
            except Exception:
                traceback.print_exc()

        self.workers.submit(run)
