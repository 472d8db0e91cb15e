"""The figures that are aimed at, taken from runs."""

import pytest

from benchmarks.mirror import Run
from benchmarks.ratios import RATIOS, ratios_of
from benchmarks.scenario import SCENARIOS

PEERS = ("skopeo copy --all", "crane copy", "oras cp -r")


def run(scenario: str, tool: str, wall_s: float, **more: float) -> Run:
    measured = {"cpu_s": 1.0, "peak_mib": 20.0, "registries_cpu_s": 1.0, **more}
    completed, requests = bool(measured.pop("completed", True)), int(measured.pop("requests", 100))
    return Run(scenario=scenario, tool=tool, completed=completed, wall_s=wall_s, requests=requests, **measured)


def peers(scenario: str, *wall_s: float) -> list[Run]:
    return [run(scenario, tool, seconds) for tool, seconds in zip(PEERS, wall_s, strict=True)]


def test_every_ratio_is_of_a_scenario_that_is_run() -> None:
    assert {ratio.scenario for ratio in RATIOS} == {scenario.name for scenario in SCENARIOS} | {"warm"}


def test_time_is_compared_with_the_fastest_of_the_others() -> None:
    runs = [*peers("cold", 11.0, 6.0, 4.0), run("cold", "registry copy", 3.0)]
    assert ratios_of(runs)["cold_wall_vs_fastest"] == pytest.approx(0.75)


def test_medians_are_compared() -> None:
    ours = [run("limited_big", "registry copy", seconds) for seconds in (50.0, 10.0, 11.0)]
    found = ratios_of([*ours, *peers("limited_big", 60.0, 55.0, 65.0)])
    assert found == {"limited_big_speedup": pytest.approx(5.0)}


def test_processor_time_is_compared_with_oras() -> None:
    runs = [run("cold", tool, 1.0, cpu_s=cpu) for tool, cpu in zip(PEERS, (6.0, 0.5, 1.0), strict=True)]
    assert ratios_of([*runs, run("cold", "registry copy", 1.0, cpu_s=1.5)])["cold_cpu_vs_oras"] == pytest.approx(1.5)


def test_bounds_are_held_against_the_worst_run_of_ours() -> None:
    ours = [run("cold", "registry copy", 1.0, peak_mib=mib) for mib in (40.0, 90.0, 50.0)]
    assert ratios_of([*peers("cold", 1, 1, 1), *ours])["cold_peak_mib"] == 90
    warm = [run("warm", "registry copy", seconds, requests=2 + seconds) for seconds in (0, 1, 0)]
    assert ratios_of([*peers("warm", 1, 1, 1), *warm]) == {"warm_requests": 3, "warm_wall_s": 0}


def test_one_failed_run_of_ours_makes_no_figure() -> None:
    ours = [run("reset", "registry copy", 1.0, upstream_ratio=1.1, completed=number) for number in (1, 0, 1)]
    assert ratios_of(ours) == {"reset_bytes_ratio": None}


def test_what_the_others_fail_at_is_no_obstacle() -> None:
    others = [run("reset", tool, 0.1, completed=False, upstream_ratio=0.3) for tool in PEERS]
    ours = [run("reset", "registry copy", 1.0, upstream_ratio=found) for found in (1.05, 1.1)]
    assert ratios_of([*others, *ours]) == {"reset_bytes_ratio": 1.1}


@pytest.mark.parametrize(
    ("name", "met", "missed"),
    [("cold_wall_vs_fastest", 1.0, 1.01), ("limited_big_speedup", 3.0, 2.99), ("reset_bytes_ratio", 1.29, None)],
)
def test_whether_it_is_met(name: str, met: float, missed: float | None) -> None:
    (ratio,) = [ratio for ratio in RATIOS if ratio.name == name]
    assert ratio.is_met(met)
    assert not ratio.is_met(missed)
