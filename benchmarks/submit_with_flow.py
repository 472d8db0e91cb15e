"""Our client: the flow submit_jobs."""

import os
import time
from pathlib import Path
from typing import Any

from benchmarks.jobs_order import JobsOrder, carry_out
from blocks.eks_cluster import EksCluster
from flows.submit import submit_jobs
from specs.job_request import JobRequest
from specs.job_table import JobTable
from tasks.job import JobResult
from tasks.job_report import JobsFailedError


def work(order: JobsOrder) -> dict[str, Any]:
    """Run the flow; jobs that fail are a result."""
    cluster = EksCluster(cluster_name=os.environ["EKS_CLUSTER"])
    first = JobRequest.from_document({**order.documents()[0], "jobName": order.name})
    # Prefect takes parameters of 512 KiB a run (PREFECT_SERVER_API_MAX_PARAMETER_SIZE): thousands come as a table.
    rows = Path(f"{order.report}.csv")
    rows.write_text("\n".join(["number", *map(str, range(order.jobs))]))
    table = JobTable(job=first, path=str(rows), submit_as="jobs") if order.jobs > 1 else JobTable()
    begun = time.monotonic()
    results: tuple[JobResult, ...] = ()
    try:
        results = submit_jobs(cluster, [] if order.jobs > 1 else [first], table=table).jobs
    except JobsFailedError as failed:
        results = failed.jobs
    wall = time.monotonic() - begun
    children = [child.index for result in results for child in result.failed_children]
    return {"wall_s": wall, "ended": sum(result.ended for result in results), "failed_children": children}


if __name__ == "__main__":
    carry_out(work)
