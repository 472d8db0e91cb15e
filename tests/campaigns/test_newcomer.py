"""From `git clone` to a scheduled job that has run: what a new user types and how long it takes.

Run by `make test-full`; the last result is committed. The rest is done in the UI, in Chromium.
"""

import json
import time
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun

from tests.demo.prefect_ui import PrefectUi, chromium
from tests.demo.running_up import ROOT, RunningUp
from tests.demo.test_ui import CHROMIUM

RESULT = Path(__file__).with_name("newcomer.json")
COMMANDS = f"git clone --quiet {ROOT} batch-eks-flows", "cd batch-eks-flows", "make up"


@pytest.mark.campaign
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not CHROMIUM, reason="no chromium on the PATH, and CHROMIUM does not name one")
def test_from_the_clone_to_a_scheduled_job(tmp_path: Path) -> None:
    begun = time.monotonic()
    running = RunningUp(tmp_path, ("bash", "-c", " && ".join((f"cd {tmp_path}", *COMMANDS))))
    ready = time.monotonic()
    with chromium(str(CHROMIUM)) as browser:
        ui = PrefectUi(browser, running.ui_url, tmp_path)
        ui.open_form("setup")
        ui.submit()
        ui.wait_for_state("Completed")
        ui.add_schedule("submit", "* * * * *", "Every minute")
    scheduled = time.monotonic()
    run = first_ended_run(running, "submit-jobs/submit")
    ended = time.monotonic()
    assert run.state_name == "Completed", run.state
    assert run.auto_scheduled
    assert running.interrupt() != 0
    assert running.left_behind() == []
    # The run waits for a full minute, and one of the tutorial's jobs sleeps for another.
    seconds = {"ready": ready - begun, "scheduled": scheduled - begun, "its_job_has_ended": ended - begun}
    figures = {"commands": len(COMMANDS), "seconds": {what: round(figure) for what, figure in seconds.items()}}
    RESULT.write_text(json.dumps(figures, indent=2) + "\n")


def first_ended_run(running: RunningUp, name: str) -> FlowRun:
    """Wait for a run of a deployment, which nobody has started by hand."""
    with SyncPrefectClient(f"{running.ui_url}/api") as client:
        deployment = client.read_deployment_by_name(name).id
        of_deployment = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            for run in client.read_flow_runs(flow_run_filter=of_deployment):
                if run.state and run.state.is_final():
                    return run
            time.sleep(1)
    pytest.fail(f"no run of {name} has ended")
