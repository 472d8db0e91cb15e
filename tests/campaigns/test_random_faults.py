"""The long campaign: setups under random faults and random deaths always end in the same state.

Run by `make test-full`. The seed and the last result are committed beside this file.
"""

import json
import multiprocessing
import random
from pathlib import Path
from typing import Any

import pytest

from demo.prefect_server import PrefectServer
from sandbox.remote import RemoteSandbox
from tests.flows.crashing_setup import CRASHED, FAILED, run
from tests.flows.forked_run import release_lock
from tests.flows.test_crash_points import left_behind

RESULT = Path(__file__).with_name("last-result.json")
SEED = json.loads(RESULT.read_text())["seed"]
RUNS = 30
ATTEMPTS = 6

OPERATIONS = [
    ("batch", "CreateComputeEnvironment"),
    ("batch", "DescribeComputeEnvironments"),
    ("batch", "CreateJobQueue"),
    ("batch", "DescribeJobQueues"),
    ("batch", "RegisterJobDefinition"),
    ("batch", "DescribeJobDefinitions"),
    ("ecr", "CreateRepository"),
    ("ecr", "GetAuthorizationToken"),
    ("iam", "GetRole"),
    ("eks", "DescribeCluster"),
]
FAULTS: list[dict[str, Any]] = [
    {"status": 429, "code": "TooManyRequestsException", "message": "slow down"},
    {"status": 500, "code": "InternalError", "message": "oops"},
    {"status": 503, "code": "ServiceUnavailable", "message": "oops"},
    {"reset": True},
    {"reset": True, "after": True},
    {"status": 500, "code": "InternalError", "message": "oops", "after": True},
]
KUBERNETES_PATHS = [".*/namespaces.*", ".*/clusterroles.*", ".*/roles.*", ".*/configmaps/aws-auth.*"]


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_setup_always_ends_in_the_same_state(
    sandboxes: Any, prefect_server: PrefectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox: RemoteSandbox = sandboxes("embedded")
    for name, value in sandbox.env.items():
        monkeypatch.setenv(name, value)
    draw = random.Random(SEED)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.flows.crashing_setup"])

    def setup(die_after: int | None) -> int | None:
        process = context.Process(
            target=run, args=(sandbox.env, prefect_server.env, die_after, tmp_path / "report.json")
        )
        process.start()
        process.join()
        release_lock()
        return process.exitcode

    sandbox.reset()
    assert setup(None) == 0
    wanted = left_behind(sandbox)
    counts = {"runs": 0, "faults": 0, "deaths": 0, "failed_attempts": 0}
    for number in range(RUNS):
        sandbox.clear_faults()
        sandbox.reset()
        counts["runs"] += 1
        for _ in range(draw.randint(1, 5)):
            counts["faults"] += 1
            fault = draw.choice(FAULTS) | {"times": draw.randint(1, 3)}
            if draw.random() < 0.6:
                service, operation = draw.choice(OPERATIONS)
                sandbox.fault(service=service, operation=operation, **fault)
            else:
                match = {"method": draw.choice(["GET", "POST", "PUT"]), "path": draw.choice(KUBERNETES_PATHS)}
                # Kubernetes has no error codes as AWS has them.
                fault = {key: value for key, value in fault.items() if key not in ("code", "message")}
                sandbox.kubernetes_fault(match=match, **fault)
        for attempt in range(ATTEMPTS):
            dying = attempt == 0 and draw.random() < 0.5
            exitcode = setup(draw.randint(1, 25) if dying else None)
            if exitcode == 0:
                break
            assert exitcode in (CRASHED, FAILED)
            counts["deaths" if exitcode == CRASHED else "failed_attempts"] += 1
        assert exitcode == 0, f"run {number} did not end well in {ATTEMPTS} attempts"
        assert left_behind(sandbox) == wanted, f"run {number} ended in another state"
    RESULT.write_text(json.dumps({"seed": SEED, **counts, "wrong_states": 0}, indent=2) + "\n")
