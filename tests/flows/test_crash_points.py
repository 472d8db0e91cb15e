"""setup_batch stopped after each of its mutating calls in turn, then run again: it always ends in the same state."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from sandbox.remote import RemoteSandbox
from tests.flows.crashing_setup import run
from tests.flows.forked_run import release_lock, run_in_fork
from tests.flows.setup_picture import picture

Runner = Callable[[int | None], "dict[str, Any] | None"]
ROOT = Path(__file__).resolve().parent.parent.parent
# Every sixth point in `make test`, all of them in `make test-full`.
SHARES = 6


@dataclass(frozen=True)
class Undisturbed:
    """What a run that nobody stopped reports and leaves behind."""

    mutating: int
    outcomes: list[list[str]]
    picture: dict[str, Any]


@pytest.fixture(scope="module")
def sandbox(sandboxes: Callable[[str], RemoteSandbox]) -> Iterator[RemoteSandbox]:
    """The crash points do not depend on who serves Kubernetes; the calls are the same."""
    found = sandboxes("embedded")
    found.clear_faults()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in found.env.items():
            environment.setenv(name, value)
        yield found


@pytest.fixture(scope="module")
def setup(
    forks: ForkServerContext,
    sandbox: RemoteSandbox,
    prefect_server: PrefectServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Runner:
    """Run setup_batch in a fork of a warmed process; gives its report, or None when it died as asked."""
    report = tmp_path_factory.mktemp("crashes") / "report.json"

    def run_once(die_after: int | None) -> dict[str, Any] | None:
        return run_in_fork(forks, sandbox, prefect_server, report, die_after)

    return run_once


@pytest.fixture(scope="module")
def undisturbed(sandbox: RemoteSandbox, setup: Runner) -> Undisturbed:
    """A run from beginning to end, for comparison."""
    begin_anew(sandbox)
    report = setup(None)
    assert report is not None
    return Undisturbed(report["mutating"], report["outcomes"], left_behind(sandbox))


def left_behind(sandbox: RemoteSandbox) -> dict[str, Any]:
    """All that setup makes, our marks included; the roles in aws-auth each as often as they stand there."""
    return picture(EksCluster(cluster_name=sandbox.env["EKS_CLUSTER"]), with_marks=True)


def begin_anew(sandbox: RemoteSandbox) -> None:
    """An empty cluster, whose delays are long enough to be seen and no longer: there are some thirty points."""
    sandbox.reset()
    sandbox.settings(compute_environment_delay=0.1, job_queue_delay=0.1)


@pytest.mark.parametrize("share", [0, *(pytest.param(share, marks=pytest.mark.campaign) for share in range(1, SHARES))])
def test_a_run_stopped_after_any_of_its_mutating_calls_is_finished_by_the_next(
    share: int, sandbox: RemoteSandbox, setup: Runner, undisturbed: Undisturbed
) -> None:
    assert undisturbed.mutating > 15
    for point in range(1 + share, undisturbed.mutating + 1, SHARES):
        begin_anew(sandbox)
        assert setup(point) is None, f"it was not stopped after call {point} of {undisturbed.mutating}"
        finished = setup(None)
        assert finished is not None
        assert left_behind(sandbox) == undisturbed.picture, f"stopped after call {point} of {undisturbed.mutating}"
        assert [outcome[:2] for outcome in finished["outcomes"]] == [o[:2] for o in undisturbed.outcomes]


def test_a_run_killed_by_the_kernel_is_finished_by_the_next(
    sandbox: RemoteSandbox, prefect_server: PrefectServer, setup: Runner, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    sandbox.reset()
    code = (
        "import sys, json; from pathlib import Path; from tests.flows.crashing_setup import run;"
        "run(*json.loads(sys.argv[1]), None, Path(sys.argv[2]))"
    )
    arguments = json.dumps([sandbox.env, prefect_server.env])
    process = subprocess.Popen([sys.executable, "-c", code, arguments, str(tmp_path / "killed.json")], cwd=ROOT)
    while sum(call["mutating"] for call in sandbox.calls()) < 5:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    release_lock()
    assert setup(None) is not None
    assert left_behind(sandbox) == undisturbed.picture


def test_two_setups_of_one_cluster_wait_for_each_other(
    forks: ForkServerContext, sandbox: RemoteSandbox, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    sandbox.reset()
    reports = [tmp_path / "one.json", tmp_path / "two.json"]
    processes = [forks.Process(target=run, args=(sandbox.env, prefect_server.env, None, report)) for report in reports]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    actions = [{action for _, _, action in json.loads(report.read_text())["outcomes"]} for report in reports]
    assert sorted(actions, key=len) == [{"unchanged"}, {"created", "updated"}]
