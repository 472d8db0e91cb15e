"""Jobs are ended in bulk, and a refusal within an answer of 200 is not overlooked."""

from typing import Any, cast

import pytest

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.job_end import BULK, terminate


class Refusing:
    """Stands for a cluster whose Batch ends no job with an odd number; no real or sandbox Batch can be made to."""

    def __init__(self) -> None:
        self.batch = self
        self.told: list[str] = []

    def terminate_jobs(self, jobs: list[str], reason: str) -> dict[str, Any]:
        assert len(jobs) <= BULK
        self.told += jobs
        refused = [job for job in jobs if int(job) % 2]
        return {"errors": [{"job": job, "code": "ServerException", "message": "Try again"} for job in refused]}


def test_all_are_tried_and_what_was_refused_is_said_and_can_be_tried_again() -> None:
    cluster = Refusing()
    jobs = [str(number) for number in range(120)]
    with pytest.raises(OperationError, match=r"60 of 120 jobs, 1 among them: ServerException: Try again") as refused:
        terminate(cast(EksCluster, cluster), jobs, "enough")
    assert refused.value.can_heal
    assert cluster.told == jobs
