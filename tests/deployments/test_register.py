"""`python -m deployments.register` on a server: everything the UI needs, as often as one likes, no secret stored."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prefect import get_client
from prefect.events.schemas.automations import EventTrigger
from prefect.events.schemas.events import ResourceSpecification
from prefect_aws import AwsCredentials
from pydantic import SecretStr

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from deployments.dead_runs import NAME
from deployments.register import PROJECT

SECRET = "planted-secret-0123456789"


@pytest.fixture(scope="module")
def registered(prefect_server: PrefectServer) -> Iterator[PrefectServer]:
    """The server after two registrations, the block edited between them."""
    for edited in (True, False):
        subprocess.run(
            [sys.executable, "-m", "deployments.register", "--cluster", "my-test-cluster"],
            cwd=PROJECT,
            env=os.environ | prefect_server.env,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        if edited:
            credentials = AwsCredentials(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key=SecretStr(SECRET))
            block = EksCluster(cluster_name="edited", aws_credentials=credentials)
            block.save("default", overwrite=True)
    yield prefect_server
    EksCluster.delete("default")


def test_everything_is_there_and_what_was_edited_stays(registered: PrefectServer) -> None:
    with get_client(sync_client=True) as client:
        names = {deployment.name: deployment for deployment in client.read_deployments()}
    assert {"setup", "preflight", "mirror", "mirror-refresh", "warm-cache", "submit", "nightly"} <= set(names)
    assert names["mirror"].work_pool_name == "batch-eks-internet"
    assert names["nightly"].schedules[0].active
    assert names["setup"].parameters["cluster"] == {"$ref": {"block_document_slug": "eks-cluster/default"}}
    block = EksCluster.load("default")
    assert isinstance(block, EksCluster)
    assert block.cluster_name == "edited"


def test_one_automation_marks_dead_runs_of_our_flows(registered: PrefectServer) -> None:
    with get_client(sync_client=True) as client:
        (automation,) = client.read_automations_by_name(NAME)
    trigger = automation.trigger
    assert isinstance(trigger, EventTrigger)
    assert trigger.within == timedelta(seconds=600)
    names = trigger.match_related.root if isinstance(trigger.match_related, ResourceSpecification) else {}
    assert {"submit-jobs", "setup-batch", "preflight", "mirror-images"} <= set(names["prefect.resource.name"])


def test_the_block_s_secret_is_nowhere_in_the_clear(registered: PrefectServer) -> None:
    (database,) = Path(registered.env["PREFECT_HOME"]).glob("*.db")
    with sqlite3.connect(database) as connection:
        dump = "\n".join(connection.iterdump())
    assert SECRET not in dump
