"""The figures of the benchmark mirror."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from benchmarks.copy_tool import OURS
from benchmarks.mirror import Run
from benchmarks.ratio import Ratio, taken

_ORAS = "oras cp -r"


def medians(runs: Iterable[Run], value: Callable[[Run], float]) -> dict[str, float]:
    """Median by tool, of those tools whose runs all completed."""
    by_tool: dict[str, list[Run]] = {}
    for run in runs:
        by_tool.setdefault(run.tool, []).append(run)
    return {
        tool: median(value(run) for run in own) for tool, own in by_tool.items() if all(run.completed for run in own)
    }


def ratios_of(runs: Sequence[Run]) -> dict[str, float | None]:
    """The ratios of the scenarios that were run."""
    return taken(RATIOS, runs)


def _wall(run: Run) -> float:
    return run.wall_s


def _wall_of_fastest(runs: Sequence[Run]) -> float | None:
    by_tool = medians(runs, _wall)
    ours = by_tool.pop(OURS.name, None)
    return ours / min(by_tool.values()) if ours is not None and by_tool else None


def _speedup(runs: Sequence[Run]) -> float | None:
    share = _wall_of_fastest(runs)
    return 1 / share if share else None


def _cpu_of_oras(runs: Sequence[Run]) -> float | None:
    by_tool = medians(runs, lambda run: run.cpu_s)
    return by_tool[OURS.name] / by_tool[_ORAS] if by_tool.keys() >= {OURS.name, _ORAS} else None


def _highest(value: Callable[[Run], float]) -> Callable[[Sequence[Run]], float | None]:
    def take(runs: Sequence[Run]) -> float | None:
        ours = [run for run in runs if run.tool == OURS.name]
        return max(value(run) for run in ours) if ours and all(run.completed for run in ours) else None

    return take


RATIOS: tuple[Ratio[Run], ...] = (
    Ratio("cold_wall_vs_fastest", "cold", "first copy: our time / the fastest's", _wall_of_fastest, 1.0),
    Ratio("cold_cpu_vs_oras", "cold", "first copy: our processor time / oras'", _cpu_of_oras, 2.0),
    Ratio("cold_peak_mib", "cold", "first copy: our highest peak memory, MiB", _highest(lambda run: run.peak_mib), 150),
    Ratio("warm_requests", "warm", "already there: our requests, the most", _highest(lambda run: run.requests), 2),
    Ratio("warm_wall_s", "warm", "already there: our time, s", lambda runs: medians(runs, _wall).get(OURS.name), 0.5),
    Ratio("limited_big_speedup", "limited_big", "one big layer: the fastest's time / ours", _speedup, 3.0, True),
    Ratio("limited_small_speedup", "limited_small", "40 small layers: the fastest's time / ours", _speedup, 3.0, True),
    Ratio(
        "reset_bytes_ratio",
        "reset",
        "resetting link: our bytes from upstream / the image's, the most",
        _highest(lambda run: run.upstream_ratio),
        1.3,
    ),
)
