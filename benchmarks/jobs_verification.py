"""Whether the jobs of an order really ran, each once, and ended as they should."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.jobs_order import QUEUE, JobsOrder

FAILING = 100
"""Every hundredth child of an array fails."""


def failing_children(order: JobsOrder) -> list[int]:
    """The places of the children that shall fail."""
    return list(range(FAILING - 1, order.array_size, FAILING))


def verify_jobs(batch: Any, order: JobsOrder, ran_file: Path) -> None:
    """Check what AWS Batch has against what the jobs themselves wrote down.

    Args:
        batch: AWS Batch.
        order: The order.
        ran_file: A line for each run of a job: its id.

    Raises:
        BenchmarkError: A job is missing, ran twice, was submitted twice or ended in another way.
    """
    ran = Counter(ran_file.read_text().split() if ran_file.exists() else [])
    wanted = order.jobs * (order.array_size or 1)
    pages = batch.get_paginator("list_jobs").paginate(jobQueue=QUEUE, filters=[{"name": "JOB_NAME", "values": ["*"]}])
    listed = [job["jobId"] for page in pages for job in page["jobSummaryList"] if order.name in job["jobName"]]
    ids = [f"{job_id}:{index}" for job_id in listed for index in range(order.array_size)] or listed
    if len(listed) != order.jobs or set(ran) != set(ids) or set(ran.values()) != {1}:
        raise BenchmarkError(
            f"{order.name}: {wanted} jobs were to run once; AWS Batch has {len(ids)}, {len(ran)} ran, "
            f"{sum(count > 1 for count in ran.values())} of them more than once"
        )
    failing = {f"{job_id}:{index}" for job_id in listed for index in failing_children(order)}
    for job in _described(batch, ids):
        status = "FAILED" if job["jobId"] in failing else "SUCCEEDED"
        if job["status"] != status or len(job["eksAttempts"]) != 1:
            raise BenchmarkError(f"{order.name}: job {job['jobId']} is {job['status']} after {job['eksAttempts']}")


def _described(batch: Any, ids: Sequence[str]) -> list[dict[str, Any]]:
    hundreds = [ids[start : start + 100] for start in range(0, len(ids), 100)]
    found = [job for each in hundreds for job in batch.describe_jobs(jobs=each)["jobs"]]
    if len(found) != len(ids):
        raise BenchmarkError(f"AWS Batch describes {len(found)} of {len(ids)} jobs")
    return found
