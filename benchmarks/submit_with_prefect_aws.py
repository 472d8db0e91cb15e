"""What people would write with prefect-aws: batch_submit mapped over the jobs, then a loop for each to describe it."""

import time
from typing import Any, cast

import boto3
from prefect import Task, flow, task, unmapped
from prefect.futures import wait
from prefect_aws import AwsCredentials
from prefect_aws.batch import batch_submit

from benchmarks.jobs_order import DEFINITION, QUEUE, JobsOrder, carry_out

_PAUSE = 5.0
# The decorator that lets it be called from async code hides the task (prefect-aws 0.7.12).
_batch_submit = cast("Task[..., Any]", vars(batch_submit)["__wrapped__"])


@task
def wait_for_job(job_id: str) -> str:
    """Describe a job until it has ended."""
    batch = boto3.client("batch")
    while True:
        status = batch.describe_jobs(jobs=[job_id])["jobs"][0]["status"]
        if status in ("SUCCEEDED", "FAILED"):
            return str(status)
        time.sleep(_PAUSE)


@flow
def submit_and_wait(documents: list[dict[str, Any]]) -> int:
    """Submit jobs and wait for their ends; gives how many ended."""
    override = documents[0]["eksPropertiesOverride"]
    ids = _batch_submit.map(
        [document["jobName"] for document in documents],
        unmapped(QUEUE),
        unmapped(DEFINITION),
        # It ignores the block's endpoint_url; AWS_ENDPOINT_URL leads it.
        unmapped(AwsCredentials()),
        eksPropertiesOverride=unmapped(override),
    )
    ends = wait_for_job.map(ids)
    wait(ends)
    return sum(future.state.is_completed() for future in ends)


def work(order: JobsOrder) -> dict[str, Any]:
    """Run the flow."""
    begun = time.monotonic()
    ended = submit_and_wait(order.documents())
    return {"wall_s": time.monotonic() - begun, "ended": ended}


if __name__ == "__main__":
    carry_out(work)
