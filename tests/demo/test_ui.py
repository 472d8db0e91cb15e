"""What people do in Prefect's UI, in a real Chromium: forms, runs, schedules, and what they show.

Screenshots are kept in build/screenshots; `make screenshots` copies those of the documentation to docs/images.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID

import boto3
import pytest
from playwright.sync_api import Browser, expect
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.client.schemas.schedules import CronSchedule

from blocks.eks_cluster import EksCluster
from flows.submit import NO_TABLE, TUTORIAL_JOBS, submit_jobs
from tasks.job_submission import RUN_TAG
from tests.demo.prefect_ui import PrefectUi, chromium
from tests.demo.running_up import ROOT, RunningUp

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient
    from mypy_boto3_batch.type_defs import JobDetailTypeDef, KeyValuesPairTypeDef

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
SCREENSHOTS = ROOT / "build" / "screenshots"
MAX_VCPUS = 64

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on the PATH, and CHROMIUM does not name one"),
]


# Not for the session: while it runs, Prefect takes this thread for an asynchronous one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with chromium(str(CHROMIUM)) as running:
        yield running


@pytest.fixture
def ui(browser: Browser, up: RunningUp, request: pytest.FixtureRequest) -> Iterator[PrefectUi]:
    """A page of the UI; how a test left it is kept as a screenshot."""
    page = PrefectUi(browser, up.ui_url, SCREENSHOTS)
    yield page
    page.screenshot(request.node.name)
    page.page.close()


@pytest.fixture(scope="module")
def batch(up: RunningUp) -> "BatchClient":
    environment = up.sandbox
    return boto3.client(
        "batch",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.fixture(scope="module")
def prefect(up: RunningUp) -> Iterator[SyncPrefectClient]:
    with SyncPrefectClient(f"{up.ui_url}/api") as client:
        yield client


@pytest.fixture(scope="module")
def set_up(browser: Browser, up: RunningUp) -> str:
    """Setup as run from its form, watched to its end; gives its table of outcomes."""
    ui = PrefectUi(browser, up.ui_url, SCREENSHOTS)
    ui.open_form("setup")
    ui.screenshot("setup-form")
    ui.page.get_by_role("spinbutton", name="Maximum vCPUs").fill(str(MAX_VCPUS))
    ui.submit()
    ui.wait_for_state("Completed")
    ui.wait_for_log("Finished in state Completed()")
    ui.screenshot("setup-run")
    table = ui.read_artifact("setup-batch", "compute environment")
    ui.screenshot("setup-outcomes")
    ui.page.close()
    return table


def test_setup_from_its_form_shows_the_table_of_outcomes(set_up: str, batch: "BatchClient") -> None:
    for made in ("namespace", "compute environment", "job queue", "image", "job definition"):
        assert f"\n{made}\t" in set_up
    assert "My-Eks-CE1\tcreated" in set_up
    (environment,) = batch.describe_compute_environments(computeEnvironments=["My-Eks-CE1"])["computeEnvironments"]
    assert environment["computeResources"]["maxvCpus"] == MAX_VCPUS


def test_a_submission_with_another_command_and_once_more_with_yet_another(set_up: str, ui: PrefectUi) -> None:
    ui.open_form("submit")
    # The default of the cluster is named by slug, which the picker does not show as chosen; choosing it works too.
    ui.page.get_by_role("button", name="Select a block").click()
    ui.page.get_by_role("option", name="default", exact=True).click()
    ui.delete(ui.rows().first)
    ui.submit()
    ui.wait_for_state("Completed")
    ui.read_artifact("submit-jobs", "hello world")
    ui.page.get_by_role("link", name="submit jobs to").first.click()
    ui.choose("Copy to new run")
    command = ui.page.get_by_text("echo hello world")
    command.fill("echo hello moon; sleep 5")
    ui.submit()
    # A container that runs for a while is followed live.
    ui.wait_for_log("hello moon")
    ui.wait_for_state("Completed")


def test_a_wrong_value_is_refused_at_its_field(ui: PrefectUi) -> None:
    ui.open_form("submit")
    name = ui.rows().first.get_by_role("textbox", name="Name").first
    name.fill("not a name!")
    ui.press_submit()
    refused = ui.page.get_by_text(re.compile("^'not a name!' does not match"))
    expect(refused).to_be_visible()
    field, message = name.bounding_box(), refused.bounding_box()
    assert field is not None
    assert message is not None
    assert 0 < message["y"] - field["y"] < 2 * field["height"], "the message is not below its field"
    assert ui.page.url.partition("?")[0].endswith("/run"), "it was submitted"


def test_a_schedule_is_made_and_seen(ui: PrefectUi, prefect: SyncPrefectClient) -> None:
    ui.add_schedule("submit", "30 4 * * *", "At 04:30 AM")
    deployment = prefect.read_deployment_by_name("submit-jobs/submit")
    (made,) = deployment.schedules
    assert isinstance(made.schedule, CronSchedule)
    assert (made.schedule.cron, made.active) == ("30 4 * * *", True)
    # Prefect 3.8's dialog sends what it left empty along, and its server gives that to the runs.
    parameters = {**deployment.parameters, **made.parameters, "cluster": EksCluster(cluster_name="my-test-cluster")}
    submitted = submit_jobs.validate_parameters(parameters)
    assert (submitted["jobs"], submitted["table"]) == (TUTORIAL_JOBS, NO_TABLE)
    ui.find_deployment("submit")
    expect(ui.page.get_by_role("row", name="submit-jobs").get_by_role("button", name="At 04:30 AM")).to_be_visible()


def jobs_of(batch: "BatchClient", run_id: UUID) -> "list[JobDetailTypeDef]":
    since_ever: list[KeyValuesPairTypeDef] = [{"name": "AFTER_CREATED_AT", "values": ["0"]}]
    listed = batch.list_jobs(jobQueue="My-Eks-JQ1", filters=since_ever)["jobSummaryList"]
    jobs = batch.describe_jobs(jobs=[job["jobId"] for job in listed])["jobs"]
    return [job for job in jobs if job["tags"].get(RUN_TAG) == str(run_id)]


def test_a_cancelled_run_s_jobs_are_ended_without_being_asked(
    set_up: str, ui: PrefectUi, batch: "BatchClient", prefect: SyncPrefectClient
) -> None:
    ui.open_form("nightly")
    run_id = ui.submit()
    ui.wait_for_log("Nightly is ")
    ui.choose("Cancel")
    ui.page.get_by_role("alertdialog").get_by_role("button", name="Cancel Flow Run").click()
    ui.wait_for_state("Cancelled")
    deadline = time.monotonic() + 60
    while [job["status"] for job in jobs_of(batch, run_id)] != ["FAILED"]:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    (job,) = jobs_of(batch, run_id)
    assert str(run_id) in job["statusReason"]
    # The automation that does so where the run's own process can not.
    reaper = FlowRunFilter(name=FlowRunFilterName(any_=[f"end the jobs of run {run_id}"]))
    while not any(run.state_name == "Completed" for run in prefect.read_flow_runs(flow_run_filter=reaper)):
        assert time.monotonic() < deadline
        time.sleep(0.5)
