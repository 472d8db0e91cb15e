"""`make up`: sandbox, Prefect server, workers and deployments, until interrupted."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import yaml

from demo.prefect_server import PrefectServer
from sandbox.guardian import Guardian
from sandbox.remote import RemoteSandbox

PROJECT = Path(__file__).resolve().parent.parent
UI_PORT = 4200
HEARTBEAT_SECONDS = 30  # the least that Prefect takes


def main() -> int:
    """Start everything, print where it is, wait for Ctrl-C, stop everything."""
    parser = argparse.ArgumentParser(prog="python -m demo.up", description=__doc__)
    parser.add_argument("--port", type=int, default=UI_PORT, help="of the Prefect UI; 0 for any free one")
    port = parser.parse_args().port
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    with (
        suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="batch-eks-up-") as directory,
        ExitStack() as running,
    ):
        _start(Path(directory), port, running)
        threading.Event().wait()
    return 0


def _interrupt(*_: object) -> None:
    """Stop everything; a second Ctrl-C would leave half of it behind."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _start(state_dir: Path, port: int, running: ExitStack) -> None:
    """Start everything and say where it is.

    Args:
        state_dir: Where all of it keeps its files.
        port: Of the Prefect UI; 0 for any free one.
        running: Stops what was started.
    """
    started = time.monotonic()
    print("Starting the sandbox, a Prefect server and two workers ...", flush=True)
    server, sandbox = PrefectServer(state_dir / "server", port), RemoteSandbox(state_dir / "sandbox")
    for one in (server, sandbox):
        running.callback(one.stop)
        one.start()
    server.wait_until_ready()
    heartbeat = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS)}
    # Neither the user's own Prefect server nor his own AWS account is meant.
    users = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "AWS_"))}
    # Workers leave a directory in the temporary one.
    ours = {"PYTHONPATH": str(PROJECT), "TMPDIR": str(state_dir)}
    environment = users | server.env | sandbox.env | heartbeat | ours
    outside = environment | sandbox.environment("env-internet.sh")
    _register(environment, sandbox.env["EKS_CLUSTER"])
    running.enter_context(_worker(environment, "batch-eks", state_dir))
    running.enter_context(_worker(outside, "batch-eks-internet", state_dir))
    print(f"Prefect UI:   {server.ui_url}  (deployments {', '.join(_deployments())})")
    print(f"For a shell:  . {sandbox.state_dir}/env.sh   then aws, kubectl, skopeo")
    print(f"Ready after {time.monotonic() - started:.0f} s. Ctrl-C stops everything.", flush=True)


def _register(environment: dict[str, str], cluster_name: str) -> None:
    """Register blocks, deployments and automations."""
    command = [sys.executable, "-m", "deployments.register", "--cluster", cluster_name]
    command += ["--dead-after", str(3 * HEARTBEAT_SECONDS)]
    subprocess.run(command, cwd=PROJECT, env=environment, check=True, stdout=subprocess.DEVNULL)


def _deployments() -> list[str]:
    """Names of the deployments that were registered."""
    described = yaml.safe_load((PROJECT / "deployments" / "prefect.yaml").read_text())
    return [deployment["name"] for deployment in described["deployments"]]


@contextmanager
def _worker(environment: dict[str, str], pool: str, log_dir: Path) -> Iterator[None]:
    """A Prefect worker of a pool, which dies with this process."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"]
    guardian = Guardian()
    guardian.start()
    with (log_dir / f"worker-{pool}.log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log, start_new_session=True)
    guardian.watch(worker.pid)
    try:
        yield
    finally:
        worker.terminate()
        with suppress(subprocess.TimeoutExpired):
            worker.wait(10)
        guardian.stop()


if __name__ == "__main__":
    sys.exit(main())
