"""Register blocks, work pools, deployments and automations on a server: `python -m deployments.register`.

The server is that of PREFECT_API_URL.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect_aws import AwsCredentials

from blocks.eks_cluster import EksCluster
from deployments.dead_runs import create_dead_runs_automation, flow_names

PROJECT = Path(__file__).resolve().parent.parent
PREFECT_FILE = PROJECT / "deployments" / "prefect.yaml"
BLOCK = "default"
# A worker each: one inside the cluster's network, one on the internet.
WORK_POOLS = ("batch-eks", "batch-eks-internet")
# Three of Prefect's heartbeats, of 180 seconds each, and a margin.
DEAD_AFTER_SECONDS = 600.0


def register(cluster_name: str, project_dir: Path = PROJECT, dead_after_seconds: float = DEAD_AFTER_SECONDS) -> None:
    """Register everything that the UI needs; what is there already is brought up to date.

    Args:
        cluster_name: The cluster of the block `eks-cluster/default`, where that block does not exist yet: one that
            somebody has edited in the UI is left alone.
        project_dir: Where the project lies on the worker.
        dead_after_seconds: How long a run may send no heartbeat until it is marked as Crashed; at least three times
            the PREFECT_FLOWS_HEARTBEAT_FREQUENCY of the workers.

    Raises:
        subprocess.CalledProcessError: If Prefect refuses a deployment; its words are on standard error.
    """
    AwsCredentials.register_type_and_schema()
    EksCluster.register_type_and_schema()
    if not _block_exists():
        EksCluster(cluster_name=cluster_name).save(BLOCK)
    with get_client(sync_client=True) as client:
        for name in WORK_POOLS:
            try:
                client.read_work_pool(name)
            except ObjectNotFound:
                client.create_work_pool(WorkPoolCreate(name=name, type="process"))
    subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(PREFECT_FILE)],
        cwd=PROJECT,
        env=os.environ | {"PROJECT_DIR": str(project_dir), "PYTHONPATH": str(PROJECT)},
        check=True,
    )
    create_dead_runs_automation(flow_names(PREFECT_FILE.read_text()), dead_after_seconds)


def _block_exists() -> bool:
    try:
        EksCluster.load(BLOCK)
    except ValueError:
        return False
    return True


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m deployments.register", description=__doc__)
    parser.add_argument("--cluster", default="my-test-cluster", help="EKS cluster of the block eks-cluster/default")
    parser.add_argument("--project-dir", type=Path, default=PROJECT, help="where the project lies on the worker")
    parser.add_argument(
        "--dead-after",
        type=float,
        default=DEAD_AFTER_SECONDS,
        metavar="SECONDS",
        help="without a heartbeat a run is marked as Crashed; PREFECT_FLOWS_HEARTBEAT_FREQUENCY (180) of the workers "
        "times three at least",
    )
    arguments = parser.parse_args()
    register(arguments.cluster, arguments.project_dir, arguments.dead_after)


if __name__ == "__main__":
    main()
