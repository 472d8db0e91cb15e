"""The watcher on its own: many jobs of a Batch that lives in memory, whose clock goes on with each look."""

import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from prefect import flow

from benchmarks.jobs_order import JobsOrder, carry_out
from blocks.eks_cluster import EksCluster
from tasks.job_log import JobLogs
from tasks.job_submission import SubmittedJob
from tasks.job_watch import _Watch

_LOOKS = 20


@dataclass
class _Batch:
    """DescribeJobs from memory: at look n of 20 the first n twentieths of the jobs have ended."""

    jobs: int
    look: int = 0
    calls: int = 0

    def describe_jobs(self, jobs: Iterable[str]) -> dict[str, Any]:
        """Answer as AWS Batch does."""
        self.calls += 1
        ended = self.jobs * self.look // _LOOKS
        statuses = {job_id: "SUCCEEDED" if int(job_id) < ended else "RUNNING" for job_id in jobs}
        return {"jobs": [{"jobId": job_id, "status": status} for job_id, status in statuses.items()]}


@dataclass
class _Cluster:
    """What the watcher needs of an EksCluster."""

    batch: _Batch
    region: str = "us-east-1"
    partition: str = "aws"
    looks: list[int] = field(default_factory=list)


@flow
def track(count: int) -> dict[str, Any]:
    """Look until all have ended; tells calls and memory."""
    cluster = _Cluster(_Batch(count))
    before = _peak_mib()
    begun = time.monotonic()
    jobs = [SubmittedJob(job_name=f"job-{index}", job_id=str(index)) for index in range(count)]
    logs = JobLogs(cast(EksCluster, cluster), [], few=False)
    watch = _Watch(
        cast(EksCluster, cluster), jobs, stuck_after_seconds=900, logs=logs, end_stuck_jobs=False, resumed=False
    )
    hundreds = []
    while open_jobs := watch.open_jobs:
        cluster.batch.look += 1
        hundreds.append(-(-len(open_jobs) // 100))
        calls = cluster.batch.calls
        watch.look(open_jobs)
        cluster.looks.append(cluster.batch.calls - calls)
    return {
        "wall_s": time.monotonic() - begun,
        "ended": sum(result.ended for result in watch.results.values()),
        "calls_a_look": cluster.looks,
        "hundreds_a_look": hundreds,
        "mib": _peak_mib() - before,
    }


def work(order: JobsOrder) -> dict[str, Any]:
    """Track the jobs of an order, which nobody submits."""
    return track(order.jobs)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    carry_out(work)
