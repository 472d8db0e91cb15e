"""Jobs that run outside of the cluster end as they would inside of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def outside(tutorial: Any) -> Iterator[Any]:
    tutorial.control("POST", "/_sandbox/settings", {"pods_outside_cluster": True})
    yield tutorial
    tutorial.control("POST", "/_sandbox/settings", {"pods_outside_cluster": False})


def test_each_child_of_an_array_is_a_process_that_decides_its_job(outside: Any, tmp_path: Path) -> None:
    script = f"echo $AWS_BATCH_JOB_ID >> {tmp_path}/ran; exit $((AWS_BATCH_JOB_ARRAY_INDEX == 1 ? 3 : 0))"
    array = outside.submit("array", ["sh", "-c", script], arrayProperties={"size": 3})
    assert outside.job_ends(array)["arrayProperties"]["statusSummary"] == {
        "SUBMITTED": 0,
        "PENDING": 0,
        "RUNNABLE": 0,
        "STARTING": 0,
        "RUNNING": 0,
        "SUCCEEDED": 2,
        "FAILED": 1,
    }
    (attempt,) = outside.job(f"{array}:1")["eksAttempts"]
    assert (attempt["containers"][0]["exitCode"], attempt["containers"][0]["reason"]) == (3, "Error")
    assert sorted((tmp_path / "ran").read_text().split()) == [f"{array}:{index}" for index in range(3)]
    pods = outside.kubernetes().get("/api/v1/namespaces/my-aws-batch-namespace/pods")["items"]
    assert not [pod for pod in pods if pod["metadata"]["name"] == attempt["podName"]]


def test_one_that_is_terminated_is_killed(outside: Any) -> None:
    job_id = outside.submit("long", ["sleep", "60"])
    outside.job_is(job_id, "RUNNING")
    outside.client("batch").terminate_job(jobId=job_id, reason="enough seen")
    job = outside.job_ends(job_id)
    assert (job["status"], job["statusReason"]) == ("FAILED", "enough seen")
