"""Register blocks, work pools, deployments and automations on a server: `python -m deployments.register`.

The server is that of PREFECT_API_URL.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.events.actions import SendNotification
from prefect.exceptions import ObjectNotFound
from prefect_aws import AwsCredentials

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from deployments.automation import find_automation, keep_automation
from deployments.dead_runs import dead_runs_automation, flow_names
from deployments.failed_mirror import failed_mirror_automation
from deployments.notifications import NAMES, notifications
from deployments.orphaned_jobs import DEPLOYMENT, orphaned_jobs_automation

PROJECT = Path(__file__).resolve().parent.parent
PREFECT_FILE = PROJECT / "deployments" / "prefect.yaml"
BLOCK = "default"
# A worker each, by network position.
WORK_POOLS = {
    "batch-eks": "vpc: workers inside the cluster's network, which reach its private API and AWS",
    "batch-eks-internet": "internet: workers that reach public registries and AWS; none needs the cluster's network",
}
# Three of Prefect's heartbeats, of 180 seconds each, and a margin.
DEAD_AFTER_SECONDS = 600.0


def register(
    cluster_name: str,
    project_dir: Path = PROJECT,
    dead_after_seconds: float = DEAD_AFTER_SECONDS,
    notify_block: str = "",
) -> None:
    """Register everything that the UI needs; what is there already is brought up to date.

    Schedules that somebody has paused and automations that somebody has switched off stay so.

    Args:
        cluster_name: The cluster of the block `eks-cluster/default`, where that block does not exist yet: one that
            somebody has edited in the UI is left alone.
        project_dir: Where the project lies on the worker.
        dead_after_seconds: How long a run may send no heartbeat until it is marked as Crashed; at least three times
            the PREFECT_FLOWS_HEARTBEAT_FREQUENCY of the workers.
        notify_block: The notification block that failed and hanging jobs and drift are told by, as
            `slack-webhook/my-team`. Empty for the one of an earlier registration, or for none.

    Raises:
        subprocess.CalledProcessError: If Prefect refuses a deployment; its words are on standard error.
        OperationError: If there is no such notification block; nothing was registered.
    """
    with get_client(sync_client=True) as client:
        notify_block_id = _notify_block_id(client, notify_block)
        AwsCredentials.register_type_and_schema()
        EksCluster.register_type_and_schema()
        if not _block_exists():
            EksCluster(cluster_name=cluster_name).save(BLOCK)
        for name, description in WORK_POOLS.items():
            try:
                client.read_work_pool(name)
            except ObjectNotFound:
                client.create_work_pool(WorkPoolCreate(name=name, type="process", description=description))
        _deploy(project_dir)
        automations = [
            dead_runs_automation(flow_names(client, PREFECT_FILE.read_text()), dead_after_seconds),
            orphaned_jobs_automation(client.read_deployment_by_name(DEPLOYMENT).id, f"eks-cluster/{BLOCK}"),
            failed_mirror_automation(),
            *(notifications(notify_block_id) if notify_block_id else ()),
        ]
        for automation in automations:
            keep_automation(client, automation)
    if notify_block_id is None:
        print("Nobody is notified of failed jobs and drift: name a notification block with --notify-block.")


def _deploy(project_dir: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(PREFECT_FILE)],
        cwd=PROJECT,
        env=os.environ | {"PROJECT_DIR": str(project_dir), "PYTHONPATH": str(PROJECT)},
        check=True,
    )


def _notify_block_id(client: SyncPrefectClient, slug: str) -> UUID | None:
    """The block that was named, or else the one that an earlier registration has named."""
    if slug:
        block_type, _, name = slug.partition("/")
        try:
            return client.read_block_document_by_name(name, block_type, include_secrets=False).id
        except ObjectNotFound as error:
            raise OperationError(
                f"notification block {slug}",
                "there is no such block",
                "it was never made on this Prefect server, or its slug is another one",
                "make it in the UI (Blocks) and name it TYPE/NAME, as slack-webhook/my-team; nothing was registered",
            ) from error
    known = (find_automation(client, name) for name in NAMES)
    actions = (action for automation in known if automation for action in automation.actions)
    return next((action.block_document_id for action in actions if isinstance(action, SendNotification)), None)


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
    parser.add_argument(
        "--notify-block",
        default="",
        metavar="TYPE/NAME",
        help="notification block that failed and hanging jobs and drift are told by, such as slack-webhook/my-team",
    )
    arguments = parser.parse_args()
    try:
        register(arguments.cluster, arguments.project_dir, arguments.dead_after, arguments.notify_block)
    except OperationError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
