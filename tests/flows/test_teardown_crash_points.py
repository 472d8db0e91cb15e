"""teardown stopped after each of its mutating calls in turn, then run again: nothing of ours is left, all else is.

One point of two identities in `make test`, all points of all of them in `make test-full`. The last results are
committed beside those of the other campaigns.
"""

import json
from collections.abc import Callable
from itertools import count
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from sandbox.remote import RemoteSandbox
from tests.control_planes import CONTROL_PLANES
from tests.flows.cluster_picture import cluster_picture
from tests.flows.foreign import make_foreign_things
from tests.flows.forked_run import run_in_fork

RESULTS = Path(__file__).resolve().parent.parent / "campaigns"
BATCH_ROLE = "arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
# Of each the cluster's authentication mode, and what the EKS Cluster block asks for.
IDENTITIES = {
    "aws-auth": ("API_AND_CONFIG_MAP", "aws-auth"),
    "access-entry": ("API_AND_CONFIG_MAP", "access-entry"),
    "access-entry-only": ("API", "auto"),
}
Finished = Callable[[str, int], bool]


@pytest.fixture
def finished(
    sandbox: RemoteSandbox, forks: ForkServerContext, prefect_server: PrefectServer, tmp_path: Path
) -> Finished:
    """Set up, tear down, die after a call, tear down again; whether there was a call to die after."""
    cluster = EksCluster(cluster_name=sandbox.env["EKS_CLUSTER"])

    def finish(identity: str, die_after: int) -> bool:
        mode, asked = IDENTITIES[identity]
        sandbox.reset()
        sandbox.settings(compute_environment_delay=0.1, job_queue_delay=0.1, deletion_delay=0.1, relationship_delay=0.1)
        sandbox.authentication_mode(mode)
        make_foreign_things(cluster)
        before = cluster_picture(cluster)

        def run(die_after: int | None = None, *, down: bool) -> dict[str, Any] | None:
            return run_in_fork(
                forks, sandbox, prefect_server, tmp_path / "report.json", die_after, down=down, identity=asked
            )

        assert run(down=False)
        sandbox.clear_calls()
        done = run(die_after, down=True)
        was_stopped = done is None
        if was_stopped:
            done = run(down=True)
        assert done is not None
        after = cluster_picture(cluster)
        kept = {outcome[1] for outcome in done["outcomes"] if outcome[2] not in ("deleted", "absent")}
        if mode == "API":
            # Nobody can take that one away, and it may run nothing any more.
            assert kept == {"AWSServiceRoleForBatch"}
            policies = after["access entries"].pop(BATCH_ROLE)["policies"]
            assert [arn.rpartition("/")[2] for arn in policies] == ["AWSBatchClusterPolicy"]
        else:
            assert kept == set()
        differing = [key for key in before if after[key] != before[key]]
        assert {key: after[key] for key in differing} == {key: before[key] for key in differing}, (identity, die_after)
        return was_stopped

    return finish


@pytest.mark.parametrize(
    ("sandbox", "identity", "point"),
    [*((plane, "aws-auth", 7) for plane in CONTROL_PLANES), ("embedded", "access-entry", 5)],
    indirect=["sandbox"],
)
def test_a_teardown_stopped_after_a_mutating_call_is_finished_by_the_next(
    identity: str, point: int, finished: Finished
) -> None:
    assert finished(identity, point)


@pytest.mark.campaign
@pytest.mark.timeout(7200)
def test_a_teardown_stopped_after_any_of_its_mutating_calls_is_finished_by_the_next(
    sandbox: RemoteSandbox, finished: Finished
) -> None:
    points = {}
    for identity in IDENTITIES:
        points[identity] = next(point for point in count(1) if not finished(identity, point)) - 1
        assert points[identity] >= 10
    result = RESULTS / f"teardown-crashes-{sandbox.control_plane}.json"
    result.write_text(json.dumps({"points": points, "wrong_states": 0}, indent=2) + "\n")
