"""Command line: `python -m benchmarks mirror|jobs --json FILE [--markdown FILE]`."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.jobs import JOBS_SCENARIOS, run_jobs_scenarios
from benchmarks.jobs_report import jobs_document, jobs_markdown, jobs_versions
from benchmarks.mirror import run_scenarios
from benchmarks.report import document, markdown, put_between_markers, tool_versions
from benchmarks.scenario import SCENARIOS

# Runs a benchmark; gives its document, and the tables of that for a reader.
Benchmark = Callable[[argparse.Namespace], tuple[dict[str, Any], str]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a benchmark; gives the exit status: 0 done, whatever was found, 1 failed, 2 wrong usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.quick and options.markdown:
        parser.error("--quick measures nothing, so its figures go into no document")
    benchmark: Benchmark = options.benchmark
    try:
        found, figures = benchmark(options)
        options.json.write_text(json.dumps(found, indent=1) + "\n")
        if options.markdown:
            put_between_markers(options.markdown, figures)
    except (BenchmarkError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(figures)
    return 0


def _mirror(options: argparse.Namespace) -> tuple[dict[str, Any], str]:
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in (options.only or [scenario.name])]
    if options.quick:
        scenarios = [scenario.quick() for scenario in scenarios]
    if options.rounds:
        scenarios = [replace(scenario, rounds=options.rounds) for scenario in scenarios]
    load = os.getloadavg()[0]
    found = document(run_scenarios(scenarios, options.cache), tool_versions(), load)
    return found, markdown(found, scenarios)


def _jobs(options: argparse.Namespace) -> tuple[dict[str, Any], str]:
    scenarios = [scenario for scenario in JOBS_SCENARIOS if scenario.name in (options.only or [scenario.name])]
    if options.quick:
        scenarios = [scenario.smaller() for scenario in scenarios]
    if options.crash_points:
        points = options.crash_points
        scenarios = [replace(each, count=points) if each.name == "crashes" else each for each in scenarios]
    load, versions = os.getloadavg()[0], jobs_versions(options.airflow_python)
    found = jobs_document(run_jobs_scenarios(scenarios, options.airflow_python), versions, load)
    return found, jobs_markdown(found, scenarios)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Compare with what people would use.")
    benchmarks = parser.add_subparsers(required=True, metavar="NAME")
    mirror = benchmarks.add_parser(
        "mirror", help="copy images from registry to registry, beside skopeo, crane and oras"
    )
    mirror.set_defaults(benchmark=_mirror)
    _add_common(mirror, [scenario.name for scenario in SCENARIOS], "small images, one round")
    mirror.add_argument("--rounds", type=_positive, metavar="N", help="rounds of each scenario (default: 3 to 5)")
    mirror.add_argument(
        "--cache",
        type=Path,
        default=_default_cache(),
        metavar="DIR",
        help="keeps 4 GB of images (default: %(default)s)",
    )
    jobs = benchmarks.add_parser("jobs", help="submit and follow jobs, beside prefect-aws and Airflow")
    jobs.set_defaults(benchmark=_jobs)
    _add_common(jobs, [scenario.name for scenario in JOBS_SCENARIOS], "few jobs")
    jobs.add_argument("--crash-points", type=_positive, metavar="N", help="how many runs are killed (default: 50)")
    jobs.add_argument(
        "--airflow-python",
        metavar="PROGRAM",
        help="an interpreter that has apache-airflow-providers-amazon; without it Airflow is left out",
    )
    return parser


def _add_common(parser: argparse.ArgumentParser, scenarios: Sequence[str], quick: str) -> None:
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="where the figures go")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also put them between the markers of this file")
    parser.add_argument("--quick", action="store_true", help=f"{quick}: proves the harness, no more")
    parser.add_argument("--only", action="append", choices=scenarios, help="run this scenario; may be repeated")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


def _default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "batch-eks-flows" / "benchmarks"


if __name__ == "__main__":
    sys.exit(main())
