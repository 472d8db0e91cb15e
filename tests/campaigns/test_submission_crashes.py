"""Submissions killed at random between their AWS calls lose and double nothing.

Run by `make test-full`, 500 points. The seed and the last result are committed.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.crash_points import SEED, CrashCampaign
from benchmarks.set_up_batch import main as set_up_batch
from demo.prefect_server import PrefectServer
from sandbox.remote import RemoteSandbox

RESULT = Path(__file__).with_name("submission-crashes.json")
POINTS = 500


@pytest.fixture
def campaign(
    sandboxes: Callable[[str], RemoteSandbox], prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> CrashCampaign:
    sandbox = sandboxes("embedded")
    sandbox.clear_faults()
    sandbox.reset()
    for name, value in sandbox.env.items():
        monkeypatch.setenv(name, value)
    set_up_batch()
    return CrashCampaign(sandbox, prefect_server.env)


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_all_points(campaign: CrashCampaign) -> None:
    found = campaign.run(POINTS)
    assert (found.seed, found.points, found.lost, found.doubled) == (SEED, POINTS, 0, 0)
    RESULT.write_text(json.dumps(asdict(found), indent=2) + "\n")
