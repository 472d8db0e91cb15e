"""teardown stopped after each of its mutating calls in turn, then run again: nothing of ours is left, all else is."""

from itertools import takewhile
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from sandbox.remote import RemoteSandbox
from tests.flows.cluster_picture import cluster_picture
from tests.flows.foreign import make_foreign_things
from tests.flows.forked_run import run_in_fork

# One point in `make test`, all of them in `make test-full`.
SHARES = 6
POINTS = [
    range(7, 8),
    *(pytest.param(range(1 + share, 100, SHARES), marks=pytest.mark.campaign) for share in range(SHARES)),
]


@pytest.mark.parametrize("points", POINTS, ids=lambda points: f"{points.start}-{points.step}")
@pytest.mark.timeout(900)
def test_a_teardown_stopped_after_any_of_its_mutating_calls_is_finished_by_the_next(
    points: range, sandbox: RemoteSandbox, forks: ForkServerContext, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    cluster = EksCluster(cluster_name=sandbox.env["EKS_CLUSTER"])
    report = tmp_path / "report.json"

    def stopped_and_finished(die_after: int) -> bool:
        """Whether there was a call to die after."""
        sandbox.reset()
        sandbox.settings(compute_environment_delay=0.1, job_queue_delay=0.1, deletion_delay=0.1, relationship_delay=0.1)
        make_foreign_things(cluster)
        before = cluster_picture(cluster)
        assert run_in_fork(forks, sandbox, prefect_server, report, None)
        sandbox.clear_calls()
        finished = run_in_fork(forks, sandbox, prefect_server, report, die_after, down=True)
        was_stopped = finished is None
        if was_stopped:
            finished = run_in_fork(forks, sandbox, prefect_server, report, None, down=True)
        assert finished is not None
        assert {outcome[2] for outcome in finished["outcomes"]} <= {"deleted", "absent"}
        assert cluster_picture(cluster) == before, f"stopped after call {die_after}"
        return was_stopped

    stopped = list(takewhile(stopped_and_finished, points))
    assert len(stopped) >= min(2, len(points))
