"""Jobs found by the names that these flows give them."""

from collections.abc import Iterable
from typing import Any

from blocks.eks_cluster import EksCluster


def list_submitted(cluster: EksCluster, queue: str, prefix: str) -> list[dict[str, Any]]:
    """Summaries of the jobs of a queue whose names begin with a text, array children left out.

    The filter JOB_NAME knows no case and takes a trailing asterisk; it passes over `jobStatus` and gives 100 a page
    (botocore batch ListJobsRequest.filters).

    Args:
        cluster: Gives the Batch client.
        queue: Name or ARN of the queue.
        prefix: What the names begin with.
    """
    pages = cluster.batch.get_paginator("list_jobs").paginate(
        jobQueue=queue, filters=[{"name": "JOB_NAME", "values": [f"{prefix}*"]}]
    )
    return [dict(summary) for page in pages for summary in page["jobSummaryList"]]


def find_submitted(cluster: EksCluster, queues: Iterable[str], run: str) -> dict[str, list[str]]:
    """Ids of the jobs of a run by the names they were submitted under; of a doubled one the oldest first.

    Args:
        cluster: Gives the Batch client.
        queues: Where the jobs may be.
        run: What their names begin with.
    """
    summaries = [summary for queue in sorted(queues) for summary in list_submitted(cluster, queue, f"{run}-")]
    found: dict[str, list[str]] = {}
    for summary in sorted(summaries, key=lambda summary: (summary["createdAt"], summary["jobId"])):
        found.setdefault(summary["jobName"], []).append(summary["jobId"])
    return found
