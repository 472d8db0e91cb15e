"""Our client: the flow submit_jobs."""

import os
import time
from typing import Any

from benchmarks.jobs_order import JobsOrder, carry_out
from blocks.eks_cluster import EksCluster
from flows.submit import submit_jobs
from specs.job_request import JobRequest
from tasks.job import JobResult
from tasks.job_report import JobsFailedError


def work(order: JobsOrder) -> dict[str, Any]:
    """Run the flow; jobs that fail are a result."""
    cluster = EksCluster(cluster_name=os.environ["EKS_CLUSTER"])
    jobs = [JobRequest.from_document(document) for document in order.documents()]
    begun = time.monotonic()
    results: tuple[JobResult, ...] = ()
    try:
        results = submit_jobs(cluster, jobs).jobs
    except JobsFailedError as failed:
        results = failed.jobs
    wall = time.monotonic() - begun
    children = [child.index for result in results for child in result.failed_children]
    return {"wall_s": wall, "ended": sum(result.ended for result in results), "failed_children": children}


if __name__ == "__main__":
    carry_out(work)
