"""A replacement stopped after each of its mutating calls in turn: the next run ends it, with one environment left."""

import time
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from sandbox.remote import RemoteSandbox
from tasks.job_queue import describe_job_queue
from tests.flows.cluster_picture import cluster_picture
from tests.flows.forked_run import run_in_fork

pytestmark = pytest.mark.campaign
# The new namespace, role and binding, creation, then the queue and its tags, then disabling and deletion, then the old
# binding, role and namespace.
POINTS = range(1, 12)
SUCCESSOR, OLD_NAMESPACE = "My-Eks-CE1-2", "my-aws-batch-namespace"


@pytest.mark.parametrize("point", POINTS)
def test_a_replacement_stopped_after_any_of_its_mutating_calls_is_finished_by_the_next(
    point: int, embedded: RemoteSandbox, forks: ForkServerContext, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    sandbox, report = embedded, tmp_path / "report.json"
    cluster = EksCluster(cluster_name=sandbox.env["EKS_CLUSTER"])
    before = cluster_picture(cluster)
    assert run_in_fork(forks, sandbox, prefect_server, report, None)
    command: Any = {"podProperties": {"containers": [{"command": ["/bin/sh"], "args": ["-c", "sleep 2"]}]}}
    submitted = cluster.batch.submit_job(
        jobName="under-way", jobQueue="My-Eks-JQ1", jobDefinition="MyJobOnEks_Sleep", eksPropertiesOverride=command
    )
    job_id = submitted["jobId"]
    wait_for_status(cluster, job_id, "RUNNING")
    sandbox.clear_calls()

    assert run_in_fork(forks, sandbox, prefect_server, report, point, replace=True) is None, "it was not stopped"
    (queue,) = cluster.batch.describe_job_queues()["jobQueues"]
    assert queue["computeEnvironmentOrder"]
    assert run_in_fork(forks, sandbox, prefect_server, report, None, replace=True)

    (left,) = cluster.batch.describe_compute_environments()["computeEnvironments"]
    assert (left["computeEnvironmentName"], left["status"], left["state"]) == (SUCCESSOR, "VALID", "ENABLED")
    (entry,) = (describe_job_queue(cluster, "My-Eks-JQ1") or {})["computeEnvironmentOrder"]
    assert entry["computeEnvironment"] == left["computeEnvironmentArn"]
    wait_for_status(cluster, job_id, "SUCCEEDED")
    assert OLD_NAMESPACE not in {found.metadata.name for found in cluster.core_v1.list_namespace().items}
    sandbox.clear_calls()
    again = run_in_fork(forks, sandbox, prefect_server, report, None, replace=True)
    assert again is not None
    assert again["mutating"] == 0
    assert run_in_fork(forks, sandbox, prefect_server, report, None, down=True, replace=True)
    assert cluster_picture(cluster) == before


def wait_for_status(cluster: EksCluster, job_id: str, status: str) -> None:
    deadline = time.monotonic() + 60
    while (found := cluster.batch.describe_jobs(jobs=[job_id])["jobs"][0]["status"]) != status:
        assert found != "FAILED"
        assert time.monotonic() < deadline
        time.sleep(0.1)
