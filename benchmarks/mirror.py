"""Copying an image from registry to registry: ours against skopeo, crane and oras, alternating."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.copy_tool import OURS, PEERS, CopyTool, check_installed
from benchmarks.docker_registry import DockerRegistry
from benchmarks.errors import BenchmarkError
from benchmarks.image import REPOSITORY, TAG, StoredImage, stored_image
from benchmarks.measurement import Measurement, measure
from benchmarks.scenario import Scenario
from benchmarks.upstream_link import UpstreamLink
from benchmarks.verification import verify
from sandbox.guardian import Guardian

_LOG_SECONDS = 0.05


@dataclass(frozen=True)
class Run:
    """One copy by one tool.

    Attributes:
        scenario: Name of the scenario.
        tool: Name of the tool.
        completed: Whether the image arrived.
        wall_s: Seconds, of the whole process.
        cpu_s: Processor seconds of the tool.
        peak_mib: Its peak resident memory in MiB.
        requests: Requests that both registries answered.
        registries_cpu_s: Processor seconds of both registries meanwhile.
        upstream_ratio: Bytes that came over the upstream link, as a multiple of the image's; 0 without such a link.
    """

    scenario: str
    tool: str
    completed: bool
    wall_s: float
    cpu_s: float
    peak_mib: float
    requests: int
    registries_cpu_s: float
    upstream_ratio: float = 0


def run_scenarios(scenarios: Sequence[Scenario], cache: Path) -> list[Run]:
    """Run the scenarios; tells on standard error how it goes.

    Args:
        scenarios: What to run.
        cache: Directory of the images, which are made if missing.

    Raises:
        BenchmarkError: A tool is missing, failed where it may not, or did not copy what it should.
    """
    check_installed()
    runs = []
    with ExitStack() as stack:
        guardian = Guardian()
        guardian.start()
        stack.callback(guardian.stop)
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        # Each program is read from the disk, and our modules are compiled, before anything is measured.
        for tool in (OURS, *PEERS):
            measure([tool.program, *tool.arguments, "--help"], work, guardian)
        for scenario in scenarios:
            _say(f"{scenario.name}: {scenario.title}")
            runs += _Comparison(scenario, stored_image(cache, scenario.image), work, guardian).run()
    return runs


class _Comparison:
    """One scenario."""

    def __init__(self, scenario: Scenario, image: StoredImage, work: Path, guardian: Guardian) -> None:
        self._scenario = scenario
        self._image = image
        self._work = work
        self._guardian = guardian
        self._upstream = DockerRegistry(image.directory, work / "upstream", guardian)
        self._link = UpstreamLink(self._upstream.address, scenario.link) if scenario.link else None
        self._runs: list[Run] = []

    def run(self) -> list[Run]:
        """All rounds; each begins with another tool."""
        self._read_from_disk()
        tools = (OURS, *PEERS)
        with self._upstream, ExitStack() as stack:
            if self._link:
                stack.enter_context(self._link)
            for number in range(self._scenario.rounds):
                first = number % len(tools)
                for tool in (*tools[first:], *tools[:first]):
                    self._copy_to_empty_registry(tool)
        return self._runs

    def _copy_to_empty_registry(self, tool: CopyTool) -> None:
        directory = self._work / "destination"
        # Nobody shall pay for what the one before has left to be written to the disk.
        os.sync()
        try:
            with DockerRegistry(directory / "registry", directory, self._guardian) as destination:
                copied = self._copy(tool, destination, self._scenario.name)
                if copied.completed and self._scenario.then_warm:
                    self._copy(tool, destination, "warm")
        finally:
            shutil.rmtree(directory)

    def _copy(self, tool: CopyTool, destination: DockerRegistry, scenario: str) -> Run:
        registries = (self._upstream, destination)
        requests = sum(registry.requests() for registry in registries)
        cpu = sum(registry.cpu_seconds() for registry in registries)
        passed = self._link.bytes_passed() if self._link else 0
        address = self._link.address if self._link else self._upstream.address
        command = tool.command(_image_at(address), _image_at(destination.address))
        measured = measure(command, self._home(), self._guardian)
        # A registry logs a request after it has answered it.
        time.sleep(_LOG_SECONDS)
        run = Run(
            scenario=scenario,
            tool=tool.name,
            completed=measured.exit_code == 0,
            wall_s=measured.wall_s,
            cpu_s=measured.cpu_s,
            peak_mib=measured.peak_mib,
            requests=sum(registry.requests() for registry in registries) - requests,
            registries_cpu_s=sum(registry.cpu_seconds() for registry in registries) - cpu,
            upstream_ratio=(self._link.bytes_passed() - passed) / self._image.size if self._link else 0,
        )
        self._check(run, measured, destination)
        self._runs.append(run)
        _say(_line(run))
        return run

    def _check(self, run: Run, measured: Measurement, destination: DockerRegistry) -> None:
        if run.completed:
            verify(destination.address, self._image.digest)
        elif not self._scenario.may_fail:
            raise BenchmarkError(
                f"{run.tool} failed with exit code {measured.exit_code} ({run.scenario}). "
                f"It wrote:\n{measured.output[-2000:]}"
            )

    def _home(self) -> Path:
        home = self._work / "home"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        return home

    def _read_from_disk(self) -> None:
        """The first to copy shall not be the one for whom the disk is read."""
        for path in self._image.directory.rglob("data"):
            with path.open("rb") as file:
                while file.read(1 << 20):
                    pass


def _image_at(address: str) -> str:
    return f"{address}/{REPOSITORY}:{TAG}"


def _line(run: Run) -> str:
    upstream = f", {run.upstream_ratio:.2f} times its bytes from upstream" if run.upstream_ratio else ""
    return (
        f"  {run.tool:<17} {'' if run.completed else 'FAILED after '}{run.wall_s:.2f} s, CPU {run.cpu_s:.2f} s "
        f"(registries {run.registries_cpu_s:.2f} s), {run.peak_mib:.0f} MiB, {run.requests} requests{upstream}"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
