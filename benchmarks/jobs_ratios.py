"""The figures of the benchmark jobs."""

from collections.abc import Callable, Sequence

from benchmarks.jobs import AIRFLOW, OURS, PREFECT_AWS, JobsRun
from benchmarks.ratio import Ratio, taken

_QUOTA = 50.0
_JOB_SECONDS = 1.0


def jobs_ratios_of(runs: Sequence[JobsRun]) -> dict[str, float | None]:
    """The ratios of the scenarios that were run."""
    return taken(JOBS_RATIOS, runs)


def _ours(value: Callable[[JobsRun], float]) -> Callable[[Sequence[JobsRun]], float | None]:
    return lambda runs: next((value(run) for run in runs if run.tool == OURS), None)


def _beside(tool: str, value: Callable[[JobsRun], float]) -> Callable[[Sequence[JobsRun]], float | None]:
    def take(runs: Sequence[JobsRun]) -> float | None:
        by_tool = {run.tool: value(run) for run in runs}
        return by_tool[OURS] / by_tool[tool] if by_tool.get(tool) else None

    return take


def _wall(run: JobsRun) -> float:
    return run.wall_s


def _calls(run: JobsRun) -> float:
    return float(run.calls)


def _wall_beyond_floor(run: JobsRun) -> float:
    return run.wall_s / (run.jobs / _QUOTA + _JOB_SECONDS)


def _calls_beyond_hundreds(run: JobsRun) -> float:
    looks = zip(run.told["calls_a_look"], run.told["hundreds_a_look"], strict=True)
    return max(float(calls / hundreds) for calls, hundreds in looks)


JOBS_RATIOS: tuple[Ratio[JobsRun], ...] = (
    Ratio(
        "calls_per_job",
        "separate",
        "AWS calls, SubmitJob included, / jobs",
        _ours(lambda run: run.calls / run.jobs),
        1.2,
    ),
    Ratio(
        "unhealed_throttles", "separate", "jobs that throttling kept from running", _ours(lambda run: run.unhealed), 0
    ),
    Ratio(
        "wall_vs_quota_floor", "separate", "time / (jobs / 50 a second + 1 s of a job)", _ours(_wall_beyond_floor), 1.15
    ),
    Ratio(
        "server_rows_per_1000_jobs",
        "separate",
        "rows that Prefect's server has more",
        _ours(lambda run: 1000 * run.rows / run.jobs),
        None,
    ),
    Ratio("array_calls", "array", "AWS calls for one array", _ours(_calls), 60),
    Ratio("array_peak_mib", "array", "peak memory of the process, MiB", _ours(lambda run: run.peak_mib), 300),
    Ratio(
        "tracked_calls_vs_hundreds",
        "tracked",
        "DescribeJobs calls of a look / hundreds of open jobs, the most",
        _ours(_calls_beyond_hundreds),
        1,
    ),
    Ratio(
        "tracked_mib_per_1000",
        "tracked",
        "memory for 1,000 jobs, MiB",
        _ours(lambda run: float(run.told["mib"]) * 1000 / run.jobs),
        None,
    ),
    Ratio("lost", "crashes", "jobs that did not run to their end", _ours(lambda run: float(run.told["lost"])), 0),
    Ratio(
        "doubled", "crashes", "jobs that were submitted or ran twice", _ours(lambda run: float(run.told["doubled"])), 0
    ),
    Ratio("wall_vs_prefect_aws", "compare", "our time / prefect-aws'", _beside(PREFECT_AWS, _wall), 1),
    Ratio("calls_vs_prefect_aws", "compare", "our AWS calls / prefect-aws'", _beside(PREFECT_AWS, _calls), 1),
    Ratio("wall_vs_airflow", "compare", "our time / Airflow's", _beside(AIRFLOW, _wall), 1),
    Ratio("calls_vs_airflow", "compare", "our AWS calls / Airflow's", _beside(AIRFLOW, _calls), 1),
)
