"""What a benchmark found, for programs and for readers."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.copy_tool import OURS, PEERS, CopyTool
from benchmarks.errors import BenchmarkError
from benchmarks.mirror import Run
from benchmarks.ratio import ratio_table
from benchmarks.ratios import RATIOS, ratios_of
from benchmarks.scenario import WARM_TITLE, Scenario

_MEASURED = ("wall_s", "cpu_s", "peak_mib", "requests", "registries_cpu_s", "upstream_ratio")
_REGISTRY = CopyTool("docker-registry", "docker-registry", (), version_arguments=("--version",))
_BEGIN, _END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"


def tool_versions() -> dict[str, str]:
    """What the programs say of their versions."""
    versions = {tool.program: tool.version() for tool in (*PEERS, _REGISTRY)}
    return versions | {"python": platform.python_version()}


def document(runs: Sequence[Run], versions: Mapping[str, str], load: float) -> dict[str, Any]:
    """The JSON document: `ratios` by name, `rows` with the medians and the runs behind them, `machine`, `versions`.

    Args:
        runs: What was run.
        versions: Of the programs.
        load: The machine's load average before.
    """
    return {
        "ratios": {name: value if value is None else round(value, 3) for name, value in ratios_of(runs).items()},
        "rows": _rows(runs),
        "machine": machine(load),
        "versions": dict(versions),
    }


def markdown(found: dict[str, Any], scenarios: Sequence[Scenario]) -> str:
    """The tables of a document for a reader."""
    lines = ratio_table(RATIOS, found["ratios"])
    titles = {scenario.name: scenario.title for scenario in scenarios} | {"warm": WARM_TITLE}
    for scenario in dict.fromkeys(row["scenario"] for row in found["rows"]):
        rows = [row for row in found["rows"] if row["scenario"] == scenario]
        lines += ["", f"**{scenario}**: {titles[scenario]}; median of {len(rows[0]['runs'])}", ""]
        lines += ["| tool | s | CPU s | peak MiB | requests | registries' CPU s | from upstream |"]
        lines += ["|---|---|---|---|---|---|---|"]
        lines += [_markdown_row(row) for row in sorted(rows, key=lambda row: (not row["completed"], row["wall_s"]))]
    lines += ["", *where_measured(found)]
    return "\n".join(lines) + "\n"


def where_measured(found: dict[str, Any]) -> list[str]:
    """The machine and the versions of a document, for a reader."""
    machine = ", ".join(f"{name} {value}" for name, value in found["machine"].items())
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return [f"Machine: {machine}.", f"Versions: {versions}."]


def put_between_markers(path: Path, figures: str) -> None:
    """Replace what stands between the two markers of a file.

    Raises:
        BenchmarkError: It has no such markers.
    """
    before, begin, rest = path.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise BenchmarkError(f"{path} lacks the lines {_BEGIN.strip()} and {_END.strip()}, between which figures go")
    path.write_text(f"{before}{begin}{figures}{end}{after}")


def _rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    rows = []
    for scenario in dict.fromkeys(run.scenario for run in runs):
        for tool in (OURS, *PEERS):
            own = [run for run in runs if (run.scenario, run.tool) == (scenario, tool.name)]
            measured = [
                {name: round(value, 3) for name, value in asdict(run).items() if name in _MEASURED} for run in own
            ]
            rows.append(
                {
                    "scenario": scenario,
                    "tool": tool.name,
                    "completed": all(run.completed for run in own),
                    **{name: round(median(run[name] for run in measured), 3) for name in _MEASURED},
                    "runs": measured,
                }
            )
    return rows


def _markdown_row(row: dict[str, Any]) -> str:
    upstream = f"{row['upstream_ratio']:.2f} x" if row["upstream_ratio"] else ""
    wall = f"{row['wall_s']:.2f}" if row["completed"] else f"failed after {row['wall_s']:.2f}"
    return (
        f"| `{row['tool']}` | {wall} | {row['cpu_s']:.2f} | {row['peak_mib']:.0f} | {row['requests']:g} "
        f"| {row['registries_cpu_s']:.2f} | {upstream} |"
    )


def machine(load: float) -> dict[str, Any]:
    """The machine, and its load average before."""
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpus": os.cpu_count(),
        "model": models[0] if models else platform.machine(),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "load_before": round(load, 2),
    }
