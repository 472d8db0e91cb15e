"""`python -m deployments.register` on a server: everything the UI needs, as often as one likes, no secret stored."""

import sqlite3
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, State
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import EventTrigger
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import AwaitingRetry, Failed, Pending, Running

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from demo.prefect_server import PrefectServer
from deployments.automation import keep_automation
from deployments.dead_runs import NAME
from deployments.failed_mirror import NAME as FAILED_MIRROR
from deployments.failed_mirror import failed_mirror_automation
from deployments.notifications import NAMES as NOTIFICATIONS
from deployments.orphaned_jobs import NAME as ORPHANED_JOBS
from deployments.register import register
from tests.deployments.conftest import SECRET, WEBHOOK_TOKEN

# A server is started and everything registered twice, on a machine that may be busy.
pytestmark = pytest.mark.timeout(600)


def test_everything_is_there_and_what_was_edited_stays(registered: PrefectServer) -> None:
    with get_client(sync_client=True) as client:
        names = {deployment.name: deployment for deployment in client.read_deployments()}
        pools = {pool.name: pool.description or "" for pool in client.read_work_pools()}
    assert {"setup", "preflight", "mirror", "mirror-refresh", "warm-cache", "submit", "nightly"} <= set(names)
    assert names["mirror"].work_pool_name == "batch-eks-internet"
    assert pools["batch-eks"].startswith("vpc:")
    assert pools["batch-eks-internet"].startswith("internet:")
    assert names["setup"].parameters["cluster"] == {"$ref": {"block_document_slug": "eks-cluster/default"}}
    block = EksCluster.load("default")
    assert isinstance(block, EksCluster)
    assert block.cluster_name == "edited"


def test_collisions_are_settled_as_the_file_says(registered: PrefectServer) -> None:
    with get_client(sync_client=True) as client:
        names = {deployment.name: deployment for deployment in client.read_deployments()}
    setup, drift, submit = names["setup"], names["drift"], names["submit"]
    assert setup.concurrency_options
    assert setup.concurrency_options.collision_strategy == ConcurrencyLimitStrategy.ENQUEUE
    assert drift.concurrency_options
    assert drift.concurrency_options.collision_strategy == ConcurrencyLimitStrategy.CANCEL_NEW
    assert submit.global_concurrency_limit is None


def test_what_users_have_switched_off_stays_off_and_their_own_schedule_stays(registered: PrefectServer) -> None:
    with get_client(sync_client=True) as client:
        deployments = {deployment.name: deployment for deployment in client.read_deployments()}
        automations = {automation.name: automation.enabled for automation in client.read_automations()}
    active = {name: each.schedules[0].active for name, each in deployments.items() if each.schedules}
    assert active == {"mirror-refresh": True, "nightly": False, "drift": True, "watch": True, "submit": True}
    assert not automations[NAME]
    assert all(automations[name] for name in (ORPHANED_JOBS, FAILED_MIRROR, *NOTIFICATIONS))


def test_each_automation_is_there_once(registered: PrefectServer) -> None:
    with get_client(sync_client=True) as client:
        counts = Counter(automation.name for automation in client.read_automations())
    assert counts == dict.fromkeys((NAME, ORPHANED_JOBS, FAILED_MIRROR, *NOTIFICATIONS), 1)


def test_one_automation_marks_dead_runs_of_our_flows(registered: PrefectServer) -> None:
    with get_client(sync_client=True) as client:
        (automation,) = client.read_automations_by_name(NAME)
    trigger = automation.trigger
    assert isinstance(trigger, EventTrigger)
    assert trigger.within == timedelta(seconds=600)
    names = trigger.match_related.root if isinstance(trigger.match_related, ResourceSpecification) else {}
    assert {"submit-jobs", "setup-batch", "preflight", "mirror-images"} <= set(names["prefect.resource.name"])


def test_one_automation_reaps_the_jobs_of_every_flow_that_submits(registered: PrefectServer) -> None:
    with get_client(sync_client=True) as client:
        (automation,) = client.read_automations_by_name(ORPHANED_JOBS)
        reap = client.read_deployment_by_name("reap-jobs/reap")
    (action,) = automation.actions
    assert isinstance(action, RunDeployment)
    assert action.deployment_id == reap.id


def test_the_secrets_of_blocks_are_nowhere_in_the_clear(registered: PrefectServer) -> None:
    (database,) = Path(registered.env["PREFECT_HOME"]).glob("*.db")
    with sqlite3.connect(database) as connection:
        dump = "\n".join(connection.iterdump())
    assert SECRET not in dump
    assert WEBHOOK_TOKEN not in dump


@pytest.mark.usefixtures("registered")
def test_a_notification_block_that_is_not_there_is_refused_before_anything_is_registered() -> None:
    with pytest.raises(OperationError, match="slack-webhook/nobody: there is no such block") as refused:
        register("another-cluster", notify_block="slack-webhook/nobody")
    assert "nothing was registered" in refused.value.next_step


@pytest.mark.usefixtures("registered")
def test_a_wrong_value_is_refused_before_there_is_a_run_and_its_field_is_named() -> None:
    with get_client(sync_client=True) as client:
        for name, wrong, field in (
            ("setup-batch/setup", {"image_source": "nowhere"}, "image_source"),
            ("setup-batch/setup", platform(maxvCpus="many"), "platform.computeEnvironment.computeResources.maxvCpus"),
            ("submit-jobs/submit", {"jobs": [{}, {"jobName": 3}]}, "jobs[1].jobName"),
            ("submit-jobs/submit", {"stuck_after_seconds": -1}, "stuck_after_seconds"),
        ):
            deployment = client.read_deployment_by_name(name)
            with pytest.raises(PrefectHTTPStatusError) as refused:
                client.create_flow_run_from_deployment(deployment.id, parameters=wrong)
            assert refused.value.response.status_code == 409
            assert f"Validation failed for field '{field}'" in refused.value.response.text


def platform(**resources: Any) -> dict[str, Any]:
    nodes = {"instanceRole": "EksBatchInstanceProfile"} | resources
    return {"platform": {"computeEnvironment": {"computeResources": nodes}}}


@pytest.mark.usefixtures("registered")
def test_a_failed_mirror_is_run_again_once_and_never_twice() -> None:
    """What failed when it was executed again did so before the other: its rerun would have come first."""
    with get_client(sync_client=True) as client:
        # The least that Prefect takes.
        keep_automation(client, failed_mirror_automation(after_seconds=10))
        deployment = client.read_deployment_by_name("mirror-images/mirror")
        again, once = (client.create_flow_run_from_deployment(deployment.id).id for _ in range(2))
        report(client, again, Pending(), Running(), AwaitingRetry(), Pending(), Running(), Failed())
        report(client, once, Pending(), Running(), Failed())
        deadline = time.monotonic() + 60
        while client.read_flow_run(once).state_name != "AwaitingRetry":
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert client.read_flow_run(again).state_name == "Failed"


def report(client: SyncPrefectClient, run_id: UUID, *states: State[Any]) -> None:
    """What a worker reports of a run, or a user by Retry in the UI."""
    for state in states:
        client.set_flow_run_state(run_id, state, force=True)
