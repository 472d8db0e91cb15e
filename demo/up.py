"""`make up`: sandbox, Prefect server, workers and deployments, until interrupted."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    interrupted = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupted.set())
    with tempfile.TemporaryDirectory(prefix="batch-eks-up-") as directory:
        state_dir = Path(directory)
        print("Starting the sandbox, a Prefect server and two workers ...", flush=True)
        with PrefectServer(state_dir / "server", port) as server, RemoteSandbox(state_dir / "sandbox") as sandbox:
            heartbeat = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS)}
            environment = os.environ | server.env | sandbox.env | heartbeat | {"PYTHONPATH": str(PROJECT)}
            register = [sys.executable, "-m", "deployments.register", "--cluster", sandbox.env["EKS_CLUSTER"]]
            register += ["--dead-after", str(3 * HEARTBEAT_SECONDS)]
            subprocess.run(register, cwd=PROJECT, env=environment, check=True, stdout=subprocess.DEVNULL)
            outside = environment | sandbox.environment("env-internet.sh")
            with _worker(environment, "batch-eks", state_dir), _worker(outside, "batch-eks-internet", state_dir):
                print(f"Prefect UI:   {server.ui_url}  (deployments {', '.join(_deployments())})")
                print(f"For a shell:  . {sandbox.state_dir}/env.sh   then aws, kubectl, skopeo")
                print("Ctrl-C stops everything.", flush=True)
                interrupted.wait()
    return 0


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
