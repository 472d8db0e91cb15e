"""Losing the limit of a cluster stops what has not begun."""

import asyncio
import threading
import uuid

import pytest
from prefect import flow, get_client
from prefect.concurrency import _leases

from tasks.cluster_lock import cluster_lock
from tasks.report import report_outcomes
from tasks.step import step

RENEWAL = "concurrency-lease-renewal-"


def revoke() -> None:
    """Let the server forget the lease, as it does when a worker was cut off from it for too long."""
    (lease,) = (thread.name for thread in threading.enumerate() if thread.name.startswith(RENEWAL))
    with get_client(sync_client=True) as client:
        client.release_concurrency_slots_with_lease(lease_id=uuid.UUID(lease.removeprefix(RENEWAL)))


@pytest.mark.usefixtures("prefect_server")
def test_steps_that_have_not_begun_do_not_begin_when_the_limit_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    # Prefect allows no lease below a minute; renewing it sooner shows its loss sooner.
    monkeypatch.setattr(_leases, "_RENEWAL_FRACTION", 0.01)
    monkeypatch.setattr(_leases, "_RENEWAL_RETRY_BASE_DELAY", 0.01)
    began: list[int] = []
    stopped = threading.Event()

    @step("step {number}")
    def change(number: int) -> None:
        began.append(number)
        if number == 0:
            revoke()
            stopped.wait(20)

    @flow
    def change_in_turn() -> None:
        try:
            with cluster_lock("arn:aws:eks:us-east-1:123456789012:cluster/locked"):
                first = change.submit(0)
                report_outcomes("Locked", [first, change.submit(1, wait_for=[first], return_state=False)], key="locked")
        finally:
            stopped.set()

    with pytest.raises(asyncio.CancelledError):
        change_in_turn()
    assert began == [0]
    # Only that flow has lost anything.
    change(2)
    assert began == [0, 2]
