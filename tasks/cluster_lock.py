"""One changer of a cluster at a time, across flows, deployments and workers."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from prefect import get_client
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists
from prefect.logging import get_run_logger

from blocks.operation_error import OperationError

# A run that was killed holds its slot until the lease ends; a living one renews it at three quarters.
LEASE_SECONDS = 60

# Set in the flow's thread and seen by its steps: Prefect hands each of them a copy of the context.
_LOST: ContextVar[threading.Event | None] = ContextVar("cluster_lock_lost", default=None)


@contextmanager
def cluster_lock(cluster_arn: str) -> Iterator[None]:
    """Hold the strict global concurrency limit named after a cluster, renewed while the body runs.

    A deployment's own limit does not keep setup and teardown of one cluster apart, a global limit does. Waits
    until the slot is free.

    Args:
        cluster_arn: The cluster. Prefect allows no slash in the name of a limit; a colon stands for it.

    Raises:
        asyncio.CancelledError: If the lease cannot be renewed while the body runs. Prefect 3.8.8 (its
            maintain_concurrency_lease) sends a subclass of its own into the thread that holds the slot, which sees
            it at its next instruction and not while it is blocked; the flow run is then Crashed. Steps that have
            begun run to their end, those that have not refuse to begin.
    """
    name = cluster_arn.replace("/", ":")
    # Two runs may make the limit at the same moment; Prefect's upsert is not atomic.
    with get_client(sync_client=True) as client, suppress(ObjectAlreadyExists):
        client.upsert_global_concurrency_limit_by_name(name, 1)
    _say_if_taken(name, cluster_arn)
    lost = threading.Event()
    before = _LOST.set(lost)
    try:
        with concurrency(name, strict=True, lease_duration=LEASE_SECONDS, raise_on_lease_renewal_failure=True):
            try:
                yield
            except asyncio.CancelledError:
                lost.set()
                raise
    finally:
        # The steps of this flow keep their copies; the next flow of this thread has its own lock.
        _LOST.reset(before)


def _say_if_taken(name: str, cluster_arn: str) -> None:
    """Say why nothing happens: Prefect waits for a slot in silence."""
    with get_client(sync_client=True) as client:
        taken = client.read_global_concurrency_limit_by_name(name).active_slots
    if taken:
        get_run_logger().info(
            "Another flow run is changing cluster %s; this one waits until it has ended. It holds the global "
            "concurrency limit %s, which is free a minute after its process has died.",
            cluster_arn.rpartition("/")[2],
            name,
        )


def refuse_without_lock() -> None:
    """Refuse to begin a step of a flow that held the limit and has lost it.

    Prefect cancels what waits for its turn only once the flow has ended, seconds later.

    Raises:
        OperationError: If the limit was lost.
    """
    lost = _LOST.get()
    if lost and lost.is_set():
        raise OperationError(
            "global concurrency limit of the cluster",
            "this run no longer holds it",
            "the Prefect server could not be reached to renew it, so that another run may be changing the cluster",
            "run again: what is done is kept",
        )
