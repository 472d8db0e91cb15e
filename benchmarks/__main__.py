"""Command line: `python -m benchmarks mirror --json FILE [--markdown FILE]`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.mirror import run_scenarios
from benchmarks.report import document, markdown, put_between_markers, tool_versions
from benchmarks.scenario import SCENARIOS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a benchmark; gives the exit status: 0 done, whatever was found, 1 failed, 2 wrong usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.quick and options.markdown:
        parser.error("--quick measures nothing, so its figures go into no document")
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in (options.only or [scenario.name])]
    if options.quick:
        scenarios = [scenario.quick() for scenario in scenarios]
    if options.rounds:
        scenarios = [replace(scenario, rounds=options.rounds) for scenario in scenarios]
    load = os.getloadavg()[0]
    try:
        found = document(run_scenarios(scenarios, options.cache), tool_versions(), load)
        options.json.write_text(json.dumps(found, indent=1) + "\n")
        figures = markdown(found, scenarios)
        if options.markdown:
            put_between_markers(options.markdown, figures)
    except (BenchmarkError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(figures)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Compare with what people would use.")
    benchmarks = parser.add_subparsers(required=True, metavar="NAME")
    mirror = benchmarks.add_parser(
        "mirror", help="copy images from registry to registry, beside skopeo, crane and oras"
    )
    mirror.add_argument("--json", type=Path, required=True, metavar="FILE", help="where the figures go")
    mirror.add_argument("--markdown", type=Path, metavar="FILE", help="also put them between the markers of this file")
    mirror.add_argument("--quick", action="store_true", help="small images, one round: proves the harness, no more")
    mirror.add_argument("--rounds", type=_positive, metavar="N", help="rounds of each scenario (default: 3 to 5)")
    names = [scenario.name for scenario in SCENARIOS]
    mirror.add_argument("--only", action="append", choices=names, help="run this scenario; may be repeated")
    mirror.add_argument(
        "--cache",
        type=Path,
        default=_default_cache(),
        metavar="DIR",
        help="keeps 4 GB of images (default: %(default)s)",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


def _default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "batch-eks-flows" / "benchmarks"


if __name__ == "__main__":
    sys.exit(main())
