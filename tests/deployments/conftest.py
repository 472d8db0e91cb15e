"""A server on which everything was registered twice, with changes by its users in between."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from prefect import get_client
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.schemas.schedules import SCHEDULE_TYPES, CronSchedule
from prefect.types import SecretDict
from prefect_aws import AwsCredentials
from pydantic import SecretStr

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from deployments.dead_runs import NAME as DEAD_RUNS
from deployments.register import PROJECT, register
from tests.deployments.webhook_receiver import WebhookReceiver

SECRET = "planted-secret-0123456789"
WEBHOOK_TOKEN = "planted-webhook-token-0123456789"


@pytest.fixture(scope="package")
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


@pytest.fixture(scope="package")
def registered(prefect_server: PrefectServer, receiver: WebhookReceiver) -> Iterator[PrefectServer]:
    """The server after two registrations; between them a user has edited the block and switched things off."""
    register("my-test-cluster")
    _change_as_users_do(receiver)
    command = [sys.executable, "-m", "deployments.register", "--notify-block", "custom-webhook/team"]
    environment = os.environ | prefect_server.env
    subprocess.run(command, cwd=PROJECT, env=environment, check=True, stdout=subprocess.DEVNULL)
    yield prefect_server
    EksCluster.delete("default")


def _change_as_users_do(receiver: WebhookReceiver) -> None:
    credentials = AwsCredentials(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key=SecretStr(SECRET))
    EksCluster(cluster_name="edited", aws_credentials=credentials).save("default", overwrite=True)
    webhook = {
        "name": "team",
        "url": receiver.url + "{{token}}",
        "json_data": {"subject": "{{subject}}", "body": "{{body}}"},
        "secrets": SecretDict({"token": WEBHOOK_TOKEN}),
    }
    CustomWebhookNotificationBlock.model_validate(webhook).save("team", overwrite=True)
    with get_client(sync_client=True) as client:
        nightly = client.read_deployment_by_name("submit-jobs/nightly")
        client.update_deployment_schedule(nightly.id, nightly.schedules[0].id, active=False)
        submit = client.read_deployment_by_name("submit-jobs/submit")
        mornings: SCHEDULE_TYPES = CronSchedule(cron="30 4 * * 1-5")
        client.create_deployment_schedules(submit.id, [(mornings, True)])
        (dead_runs,) = client.read_automations_by_name(DEAD_RUNS)
        client.pause_automation(dead_runs.id)
