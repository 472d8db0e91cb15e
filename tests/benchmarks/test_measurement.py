"""What is told of a run."""

import sys
from pathlib import Path

import pytest

from benchmarks.measurement import Measurement, measure
from sandbox.guardian import Guardian

BURN = "import time\nwhile time.process_time() < 0.3: pass"


def run(guardian: Guardian, home: Path, program: str) -> Measurement:
    return measure([sys.executable, "-I", "-S", "-c", program], home, guardian)


def test_output_and_exit_code(guardian: Guardian, tmp_path: Path) -> None:
    done = run(guardian, tmp_path, "import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(3)")
    assert (done.exit_code, done.output) == (3, "out\nerr\n")


def test_the_end_by_a_signal(guardian: Guardian, tmp_path: Path) -> None:
    assert run(guardian, tmp_path, "import os; os.kill(os.getpid(), 9)").exit_code == -9


def test_processor_time_of_children_counts(guardian: Guardian, tmp_path: Path) -> None:
    done = run(guardian, tmp_path, f"import os\nif os.fork() == 0:\n exec({BURN!r})\n os._exit(0)\nos.wait()")
    assert done.cpu_s >= 0.3
    assert done.wall_s > 0


def test_peak_memory_is_that_of_the_command_alone(guardian: Guardian, tmp_path: Path) -> None:
    """This process is far bigger than a bare interpreter, and none of that is counted."""
    mine = int(next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line).split()[1])
    small = run(guardian, tmp_path, "pass").peak_mib
    assert small < 20 < mine / 1024
    assert small + 90 < run(guardian, tmp_path, "b'x' * (100 << 20)").peak_mib < small + 120


def test_nothing_of_the_environment_but_the_path(
    guardian: Guardian, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:password@proxy")
    done = run(guardian, tmp_path, "import os; print(sorted(os.environ)); print(os.environ['HOME'])")
    assert "proxy" not in done.output.lower()
    assert done.output.endswith(f"{tmp_path}\n")
