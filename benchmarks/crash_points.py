"""submit_jobs killed at random between its AWS calls, then executed again: no job is lost and none is doubled."""

import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from prefect import get_client
from prefect.states import Pending

from benchmarks.crashing_submission import LAG_SECONDS, CrashPoint, execute
from benchmarks.errors import BenchmarkError
from benchmarks.jobs_order import DEFINITION, QUEUE, JobsOrder, carry_out
from benchmarks.set_up_batch import main as set_up_batch
from blocks.eks_cluster import EksCluster
from flows.submit import submit_jobs
from sandbox.remote import RemoteSandbox
from specs.submitted_name import SubmittedName, run_digits
from tasks.job_listing import list_submitted

JOBS = 40
SEED = 20261128


@dataclass
class CrashCount:
    """What a campaign found.

    Attributes:
        seed: Of the random points.
        points: How often a run was killed.
        lost: Jobs that did not succeed after the second execution.
        doubled: Jobs that were submitted or ran more than once.
    """

    seed: int
    points: int = 0
    lost: int = 0
    doubled: int = 0


class CrashCampaign:
    """Kills runs and counts; the process's environment and Prefect settings lead to the sandbox and the server.

    Args:
        sandbox: Set up.
        server_env: Leads to the Prefect server.
        seed: Of the random points.
    """

    def __init__(self, sandbox: RemoteSandbox, server_env: Mapping[str, str], seed: int = SEED) -> None:
        self._sandbox = sandbox
        self._environment = sandbox.env | dict(server_env)
        self._cluster = EksCluster(cluster_name=sandbox.env["EKS_CLUSTER"])
        self._draw = random.Random(seed)
        self._count = CrashCount(seed)
        self._forks = multiprocessing.get_context("forkserver")
        self._forks.set_forkserver_preload(["benchmarks.crashing_submission"])

    def run(self, points: int) -> CrashCount:
        """Kill so many runs.

        Raises:
            BenchmarkError: A process ended in another way than it was told to.
        """
        before = self._sandbox.settings()
        self._sandbox.settings(list_jobs_delay=LAG_SECONDS, pods_outside_cluster=True)
        try:
            with tempfile.TemporaryDirectory(prefix="crash-points-") as directory:
                calls = self._undisturbed(Path(directory))
                while self._count.points < points:
                    self._count.points += self._kill_and_count(Path(directory), calls)
        finally:
            kept = ("list_jobs_delay", "pods_outside_cluster")
            self._sandbox.settings(**{name: before[name] for name in kept})
        return self._count

    def _undisturbed(self, directory: Path) -> int:
        """How many AWS calls a run makes that nobody kills."""
        run = _Run(directory, self._environment)
        self._execute(run, None)
        self._count_jobs(run)
        return run.calls()

    def _kill_and_count(self, directory: Path, calls: int) -> bool:
        """Execute a run that dies, and again; tells whether it died before it was done: the watch's calls vary."""
        run = _Run(directory, self._environment)
        point = CrashPoint(self._draw.randint(1, calls), self._draw.random() < 0.5)
        killed = self._execute(run, point)
        if killed:
            self._execute(run, None)
        self._count_jobs(run)
        return killed

    def _execute(self, run: "_Run", point: CrashPoint | None) -> bool:
        """Execute a flow run, for the first time or again; tells whether it was killed."""
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(UUID(run.run_id), Pending(), force=True)
        arguments = (run.environment, run.run_id, run.documents, point, run.calls_file)
        process = self._forks.Process(target=execute, args=arguments)
        process.start()
        process.join()
        if process.exitcode not in (0, -signal.SIGKILL):
            raise BenchmarkError(f"submit_jobs ended with exit code {process.exitcode}, to be killed at {point}")
        return process.exitcode != 0

    def _count_jobs(self, run: "_Run") -> None:
        # By then ListJobs shows every job.
        time.sleep(LAG_SECONDS)
        found = list_submitted(self._cluster, QUEUE, f"{run_digits(run.run_id)}-")
        names = [(SubmittedName.parse(job["jobName"]), job["status"]) for job in found]
        submitted = Counter(name.index for name, _ in names if name)
        succeeded = {name.index for name, status in names if name and status == "SUCCEEDED"}
        ran = run.ran()
        self._count.lost += sum(index not in succeeded or index not in ran for index in range(JOBS))
        self._count.doubled += sum(max(submitted[index], ran[index]) > 1 for index in range(JOBS))


class _Run:
    """A flow run with its jobs, each of which writes down that it ran."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        own = directory / uuid4().hex
        own.mkdir()
        self.environment = dict(environment)
        self.calls_file = own / "calls"
        self._ran = own / "ran"
        self.documents = [
            {
                "jobName": f"job-{index}",
                "jobQueue": QUEUE,
                "jobDefinition": DEFINITION,
                "eksPropertiesOverride": {
                    "podProperties": {"containers": [{"command": ["sh", "-c", f"echo {index} >> {self._ran}"]}]}
                },
            }
            for index in range(JOBS)
        ]
        with get_client(sync_client=True) as client:
            self.run_id = str(client.create_flow_run(submit_jobs, state=Pending()).id)

    def calls(self) -> int:
        """How many AWS calls its last execution made."""
        return int(self.calls_file.read_text())

    def ran(self) -> Counter[int]:
        """How often each job ran."""
        return Counter(map(int, self._ran.read_text().split())) if self._ran.exists() else Counter()


def work(order: JobsOrder) -> dict[str, Any]:
    """Kill as many runs as the order has jobs, in a sandbox of our own."""
    server_env = {name: value for name, value in os.environ.items() if name.startswith("PREFECT_")}
    with RemoteSandbox(control_plane="embedded") as sandbox:
        os.environ.update(sandbox.env)
        set_up_batch()
        begun = time.monotonic()
        found = CrashCampaign(sandbox, server_env).run(order.jobs)
    return {"wall_s": time.monotonic() - begun, "ended": found.points, **asdict(found)}


if __name__ == "__main__":
    carry_out(work)
