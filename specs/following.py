"""How jobs are followed once they are submitted."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Following:
    """What the flows that submit jobs have in common; each attribute is a parameter of theirs.

    Attributes:
        wait: Wait until every job has ended.
        hold_worker: Occupy a worker while waiting; else the run is suspended.
        stuck_after_seconds: How long a job may stay in RUNNABLE or in STARTING.
        end_jobs_on_failure: Whether a run that fails ends its jobs.
        submission_limit: Name of a Prefect global concurrency limit; empty for a limit of this run alone.
        push: Whether EventBridge and SQS tell of changes.
        follow_logs: Names of jobs whose logs are followed before those of others.
        report_transitions: Whether each status is told as an event.
        end_stuck_jobs: Whether jobs that can never start are ended.
    """

    wait: bool
    hold_worker: bool
    stuck_after_seconds: float
    end_jobs_on_failure: bool
    submission_limit: str
    push: bool
    follow_logs: Sequence[str]
    report_transitions: bool
    end_stuck_jobs: bool

    @property
    def holds_worker(self) -> bool:
        """Whether the run waits in its process."""
        return self.wait and self.hold_worker

    @property
    def is_suspended(self) -> bool:
        """Whether the run waits without a process."""
        return self.wait and not self.hold_worker
