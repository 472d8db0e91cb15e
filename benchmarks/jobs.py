"""Submitting jobs to AWS Batch and following them to their ends: ours, prefect-aws' and Airflow's clients."""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.jobs_order import JobsOrder
from benchmarks.jobs_site import JobsSite
from benchmarks.jobs_verification import FAILING, failing_children, verify_jobs

OURS, PREFECT_AWS, AIRFLOW = "submit_jobs", "prefect-aws batch_submit", "Airflow BatchOperator"
_MODULES = {
    OURS: "benchmarks.submit_with_flow",
    PREFECT_AWS: "benchmarks.submit_with_prefect_aws",
    AIRFLOW: "benchmarks.submit_with_airflow",
}


@dataclass(frozen=True)
class JobsScenario:
    """A number of jobs, and who submits or follows them.

    Attributes:
        name: Name in the figures.
        title: The same for a reader.
        count: How many jobs, children of the one array, or crash points.
        quick: As many as prove the harness.
        tools: Who.
    """

    name: str
    title: str
    count: int
    quick: int
    tools: tuple[str, ...] = (OURS,)

    def smaller(self) -> "JobsScenario":
        """The same with so few that nothing is measured."""
        return replace(self, count=self.quick, title=f"{self.title}, but only {self.quick}")


@dataclass(frozen=True)
class JobsRun:
    """One client's run.

    Attributes:
        scenario: Name of the scenario.
        tool: Name of the client.
        jobs: Jobs, children of the array, or crash points.
        wall_s: Seconds of the call that submits and waits, without the start of the interpreter and imports.
        cpu_s: Processor seconds of the whole process.
        peak_mib: Its peak resident memory in MiB.
        calls: AWS calls, whatever was answered.
        throttled: Those of them that were answered 429.
        unhealed: Jobs that did not run because of it.
        rows: Rows that were added to the Prefect server's database.
        told: What else the client told.
    """

    scenario: str
    tool: str
    jobs: int
    wall_s: float
    cpu_s: float
    peak_mib: float
    calls: int = 0
    throttled: int = 0
    unhealed: int = 0
    rows: int = 0
    told: dict[str, Any] = field(default_factory=dict)


JOBS_SCENARIOS = (
    JobsScenario("compare", "200 jobs of 1 s, 50 SubmitJob calls a second", 200, 20, (OURS, PREFECT_AWS, AIRFLOW)),
    JobsScenario("separate", "2,000 jobs of 1 s, 50 SubmitJob calls a second", 2000, 100),
    JobsScenario("array", f"one array of 10,000, each {FAILING}th child of which fails", 10000, 200),
    JobsScenario("tracked", "100,000 jobs that a watcher follows, on a simulated clock", 100_000, 1000),
    JobsScenario("crashes", "runs killed at random between their AWS calls, then executed again", 50, 2),
)


def run_jobs_scenarios(scenarios: Sequence[JobsScenario], airflow_python: str | None) -> list[JobsRun]:
    """Run the scenarios; tells on standard error how it goes.

    Args:
        scenarios: What to run.
        airflow_python: An interpreter that has Airflow's Amazon provider; None leaves Airflow out.

    Raises:
        BenchmarkError: A client failed, or its jobs did not all run once.
    """
    runs = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory, JobsSite(Path(directory)) as site:
        for scenario in scenarios:
            _say(f"{scenario.name}: {scenario.title}")
            for tool in scenario.tools:
                if tool == AIRFLOW and airflow_python is None:
                    _say(f"  {tool} is left out: --airflow-python names no interpreter that has it")
                    continue
                run = _run(site, scenario, tool, airflow_python if tool == AIRFLOW else None)
                _say(f"  {run}")
                runs.append(run)
    return runs


def _run(site: JobsSite, scenario: JobsScenario, tool: str, python: str | None) -> JobsRun:
    order, ran_file = _order(site, scenario, tool)
    module = {"tracked": "benchmarks.track_jobs", "crashes": "benchmarks.crash_points"}.get(scenario.name)
    found = site.run_client(module or _MODULES[tool], order, python or sys.executable)
    if module is None:
        verify_jobs(site.batch, order, ran_file)
        if scenario.name == "array" and found.report["failed_children"] != failing_children(order):
            raise BenchmarkError("array: the result does not hold exactly the children that failed")
    return JobsRun(
        scenario=scenario.name,
        tool=tool,
        jobs=scenario.count,
        wall_s=found.report.pop("wall_s"),
        cpu_s=found.cpu_s,
        peak_mib=found.peak_mib,
        calls=found.calls,
        throttled=found.throttled,
        unhealed=order.jobs - found.report["ended"],
        rows=found.rows,
        told=found.report,
    )


def _order(site: JobsSite, scenario: JobsScenario, tool: str) -> tuple[JobsOrder, Path]:
    name = f"{scenario.name}-{list(_MODULES).index(tool)}"
    ran_file = site.work / f"{name}.ran"
    note = f"echo $AWS_BATCH_JOB_ID >> {ran_file}"
    array = scenario.name == "array"
    fails = f"exit $((AWS_BATCH_JOB_ARRAY_INDEX % {FAILING} == {FAILING - 1}))"
    order = JobsOrder(
        name=name,
        jobs=1 if array else scenario.count,
        script=f"{note}; {fails if array else 'exec sleep 1'}",
        array_size=scenario.count if array else 0,
        report=str(site.work / f"{name}.report"),
    )
    return order, ran_file


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
