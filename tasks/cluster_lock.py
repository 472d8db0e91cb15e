"""One changer of a cluster at a time, across flows, deployments and workers."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from prefect import get_client
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists

# A run that was killed holds its slot until the lease ends; a living one renews it at three quarters.
LEASE_SECONDS = 60


@contextmanager
def cluster_lock(cluster_arn: str) -> Iterator[None]:
    """Hold the strict global concurrency limit named after a cluster, renewed while the body runs.

    A deployment's own limit does not keep setup and teardown of one cluster apart, a global limit does. Waits
    until the slot is free.

    Args:
        cluster_arn: The cluster. Prefect allows no slash in the name of a limit; a colon stands for it.

    Raises:
        prefect.concurrency.v1.sync.ConcurrencySlotAcquisitionError: If the slot is lost to the server's view
            of the lease while the body runs.
    """
    name = cluster_arn.replace("/", ":")
    # Two runs may make the limit at the same moment; Prefect's upsert is not atomic.
    with get_client(sync_client=True) as client, suppress(ObjectAlreadyExists):
        client.upsert_global_concurrency_limit_by_name(name, 1)
    with concurrency(name, strict=True, lease_duration=LEASE_SECONDS, raise_on_lease_renewal_failure=True):
        yield
