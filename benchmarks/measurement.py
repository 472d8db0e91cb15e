"""What one run of a command took."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from benchmarks import measured_run
from benchmarks.errors import BenchmarkError
from sandbox.guardian import Guardian

_ROOT = Path(__file__).resolve().parent.parent
_LONGEST_SECONDS = 900


@dataclass(frozen=True)
class Measurement:
    """What a command took, as a whole process.

    Attributes:
        exit_code: Its exit code; negative for a signal.
        wall_s: Seconds from its start to its end, the start of its interpreter included.
        cpu_s: Processor seconds, user and system, of it and its children.
        peak_mib: Peak resident memory in MiB; of several processes, the biggest one's.
        output: What it wrote.
    """

    exit_code: int
    wall_s: float
    cpu_s: float
    peak_mib: float
    output: str


def measure(
    command: Sequence[str], home: Path, guardian: Guardian, environment: Mapping[str, str] = MappingProxyType({})
) -> Measurement:
    """Run a command in the checkout's directory.

    Args:
        command: Program and arguments.
        home: Its home directory; nothing else of this process's environment but PATH is passed on, so that nobody's
            credentials, proxies or settings play a part.
        guardian: Kills it should this process die.
        environment: More for its environment.

    Raises:
        BenchmarkError: It did not end in time.
    """
    log = home / "output.log"
    process = subprocess.Popen(  # noqa: S603 - runs the benchmark's own tools
        [sys.executable, "-I", "-S", measured_run.__file__, str(log), *command],
        cwd=_ROOT,
        env={"PATH": os.environ.get("PATH", ""), "HOME": str(home), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    guardian.watch(process.pid)
    try:
        told, _ = process.communicate(timeout=_LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise BenchmarkError(f"{' '.join(command)}: not done after {_LONGEST_SECONDS} s") from None
    finally:
        guardian.forget(process.pid)
    exit_code, wall, cpu, peak_kib = told.split()
    output = log.read_text(errors="replace")
    return Measurement(int(exit_code), float(wall), float(cpu), int(peak_kib) / 1024, output)
