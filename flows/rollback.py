"""Take back what a failed setup has made, in reverse, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager

from blocks.eks_cluster import EksCluster
from flows.teardown import Teardown
from specs.platform import PlatformSpec
from tasks.report import KEPT, Report, StepsFailedError


@contextmanager
def rolled_back(cluster: EksCluster, platform: PlatformSpec) -> Iterator[None]:
    """Delete what the body has made, if steps of it fail. The caller holds the cluster's lock, so nobody else made it.

    What was there before is left alone, in whatever state the body has brought it; so are images that were copied to
    repositories that were there before, and the service-linked role, which is AWS Batch's own. Its access entry is
    given up where the cluster's authentication mode lets it.

    Args:
        cluster: The cluster.
        platform: What is set up.

    Raises:
        StepsFailedError: The body's own, with what was deleted; shown as the artifact setup-batch-rollback too.
    """
    spared = _there_already(cluster, platform)
    try:
        yield
    except StepsFailedError as error:
        teardown = Teardown(cluster, platform, "cancel", delete_images=True, spared=spared)
        try:
            report = teardown.run(plan=False, key="setup-batch-rollback", title="Rollback of AWS Batch")
        except StepsFailedError as second:
            raise StepsFailedError(f"{error}\nIts rollback failed too:\n{second}") from error
        raise StepsFailedError(f"{str(error).removesuffix(KEPT)}\n{_summary(report)}") from error


def _there_already(cluster: EksCluster, platform: PlatformSpec) -> frozenset[str]:
    """What setup could make and is there, whoever made it."""
    teardown = Teardown(cluster, platform, "cancel", delete_images=True)
    found = teardown.run(plan=True, key="setup-batch-before", title="Before setup, of AWS Batch").outcomes
    there = [outcome for outcome in found if outcome.action != "absent"]
    # Roles go by their ARN: those of nodes share a user name.
    return frozenset([*(outcome.label for outcome in there), *(f"{one.step} {one.identifier}" for one in there)])


def _summary(report: Report) -> str:
    deleted = ", ".join(outcome.label for outcome in report.changed)
    return f"Rolled back, as asked: {deleted or 'nothing'} deleted."
