"""More than one machine: a Prefect server on PostgreSQL and two workers, one of which dies in the midst of a run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import cast

import pytest
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.deployments.runner import RunnerDeployment
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import AwaitingRetry
from prefect.types.entrypoint import EntrypointType

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from flows.submit import submit_jobs
from sandbox.guardian import Guardian
from sandbox.remote import RemoteSandbox
from tests.demo.postgresql import PostgreSql, postgresql_programs
from tests.demo.running_up import ROOT
from tests.flows.jobs import names_in_batch, shell

POOL = "two-workers"
JOBS = 6
PROGRAMS = postgresql_programs()

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(PROGRAMS is None, reason="no initdb in /usr/lib/postgresql: Debian's package postgresql"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrefectServer]:
    assert PROGRAMS is not None
    with PostgreSql(PROGRAMS) as database, PrefectServer(tmp_path, database_url=database.url) as running:
        with temporary_settings({PREFECT_API_URL: running.env["PREFECT_API_URL"]}):
            yield running
        assert not list(tmp_path.rglob("*.db")), "it has used SQLite"


@pytest.fixture
def workers(server: PrefectServer, batch: tuple[RemoteSandbox, EksCluster], tmp_path: Path) -> Iterator[list[int]]:
    """Process ids of two workers of one pool."""
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL]
    environment = os.environ | server.env | batch[0].env | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    guardian = Guardian()
    guardian.start()
    with ExitStack() as running:
        running.callback(guardian.stop)
        processes = [
            running.enter_context(
                subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
            )
            for _ in range(2)
        ]
        for process in processes:
            guardian.watch(process.pid)
            running.callback(process.terminate)
        yield [process.pid for process in processes]


def process_of(run: FlowRun) -> tuple[int, int]:
    """Ids of the process of a run, and of the worker that started it."""
    mark = f"PREFECT__FLOW_RUN_ID={run.id}\0".encode()
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (directory / "environ").read_bytes():
                status = (directory / "status").read_text()
                parent = int(status.partition("PPid:\t")[2].partition("\n")[0])
                return int(directory.name), parent
    raise AssertionError(f"no process of run {run.id}")


def wait_for_state(run: FlowRun, *names: str) -> None:
    deadline = time.monotonic() + 180
    with get_client(sync_client=True) as client:
        while client.read_flow_run(run.id).state_name not in names:
            assert time.monotonic() < deadline
            time.sleep(0.5)


def test_the_other_worker_goes_on_with_the_run_of_one_that_died_and_doubles_no_job(
    workers: list[int], batch: tuple[RemoteSandbox, EksCluster]
) -> None:
    sandbox, cluster = batch
    cluster.save("default")
    document = [
        shell(f"long{index}", "sleep 20").model_dump(mode="json", by_alias=True, exclude_unset=True)
        for index in range(JOBS)
    ]
    deployment = RunnerDeployment.from_flow(
        submit_jobs,
        "two",
        work_pool_name=POOL,
        entrypoint_type=EntrypointType.MODULE_PATH,
        parameters={"cluster": {"$ref": {"block_document_slug": "eks-cluster/default"}}, "jobs": document},
        job_variables={"working_dir": str(ROOT)},
    )
    deployment.apply()
    sandbox.clear_calls()
    run = cast(FlowRun, run_deployment("submit-jobs/two", timeout=0))
    deadline = time.monotonic() + 180
    while sum(call["operation"] == "SubmitJob" for call in sandbox.calls()) < JOBS:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    process, worker = process_of(run)
    assert worker in workers
    for victim in (worker, process):
        os.kill(victim, signal.SIGKILL)
    # What Retry in the UI does, once the run was found dead: see the automation of deployments/dead_runs.py.
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, AwaitingRetry(), force=True)
    wait_for_state(run, "Completed", "Failed", "Crashed")
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(run.id).state_name == "Completed"
    assert names_in_batch(cluster) == {f"long{index}": 1 for index in range(JOBS)}
    assert sum(call["operation"] == "SubmitJob" for call in sandbox.calls()) == JOBS
