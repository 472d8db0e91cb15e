"""What the benchmark jobs found, for programs and for readers."""

import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.jobs import JobsRun, JobsScenario
from benchmarks.jobs_ratios import JOBS_RATIOS, jobs_ratios_of
from benchmarks.ratio import ratio_table
from benchmarks.report import machine, where_measured

_PROVIDER = "apache-airflow-providers-amazon"


def jobs_versions(airflow_python: str | None) -> dict[str, str]:
    """Versions of the clients.

    Raises:
        BenchmarkError: The interpreter that was named does not have Airflow's provider.
    """
    versions = {name: version(name) for name in ("prefect", "prefect-aws", "botocore")}
    if airflow_python is not None:
        told = subprocess.run(  # noqa: S603 - the interpreter that the user names
            [airflow_python, "-c", f"from importlib.metadata import version; print(version('{_PROVIDER}'))"],
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode:
            raise BenchmarkError(f"{airflow_python} has no {_PROVIDER}; install it there, or leave the option out")
        versions[_PROVIDER] = told.stdout.strip()
    return versions | {"python": platform.python_version()}


def jobs_document(runs: Sequence[JobsRun], versions: dict[str, str], load: float) -> dict[str, Any]:
    """The JSON document: `ratios` by name, `rows` with the runs, `machine`, `versions`."""
    ratios = jobs_ratios_of(runs)
    return {
        "ratios": {name: value if value is None else round(value, 3) for name, value in ratios.items()},
        "rows": [_row(run) for run in runs],
        "machine": machine(load),
        "versions": versions,
    }


def jobs_markdown(found: dict[str, Any], scenarios: Sequence[JobsScenario]) -> str:
    """The tables of a document for a reader."""
    lines = ratio_table(JOBS_RATIOS, found["ratios"])
    for scenario in scenarios:
        rows = [row for row in found["rows"] if row["scenario"] == scenario.name]
        lines += ["", f"**{scenario.name}**: {scenario.title}", ""]
        lines += ["| client | count | s | CPU s | peak MiB | AWS calls | of them 429 | server rows |"]
        lines += ["|---|---|---|---|---|---|---|---|"]
        lines += [_markdown_row(row) for row in rows]
    return "\n".join([*lines, "", *where_measured(found)]) + "\n"


def _row(run: JobsRun) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(run).items()}


def _markdown_row(row: dict[str, Any]) -> str:
    return (
        f"| `{row['tool']}` | {row['jobs']} | {row['wall_s']:.1f} | {row['cpu_s']:.1f} | {row['peak_mib']:.0f} "
        f"| {row['calls']} | {row['throttled']} | {row['rows']} |"
    )
