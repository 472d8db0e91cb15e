"""What the removals of Batch's own resources share: the tag as mark, and Batch's words for `not yet`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from blocks.aws_errors import error_text
from blocks.eks_cluster import EksCluster
from tasks.ownership import has_aws_mark
from tasks.removal import Removable

CHANGING = ("CREATING", "UPDATING", "DELETING")
# Batch answers ClientException for everything. The second is still said for a while after the queue has let go
# (https://github.com/hashicorp/terraform-provider-aws/issues/46925).
NOT_YET = ("resource is being modified", "found existing JobQueue relationship")


class BatchRemovable(Removable):
    """A resource of AWS Batch that carries our tag.

    Args:
        cluster: Gives the Batch client.
        name: The resource's name.
    """

    def __init__(self, cluster: EksCluster, name: str) -> None:
        super().__init__(name)
        self.cluster = cluster

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether it carries our tag."""
        return has_aws_mark(observed)


@contextmanager
def not_yet() -> Iterator[None]:
    """Pass over Batch's refusals that only time heals: whoever asks looks again after a pause."""
    try:
        yield
    except ClientError as error:
        if not any(words in error_text(error) for words in NOT_YET):
            raise


def queues_in_use(cluster: EksCluster, gone: set[str]) -> list[dict[str, Any]]:
    """The job queues of the account and region, without those that were deleted.

    Args:
        cluster: Gives the Batch client.
        gone: Names of queues that were removed, or in a plan would be.
    """
    pages = cluster.batch.get_paginator("describe_job_queues").paginate()
    return [
        dict(queue)
        for page in pages
        for queue in page["jobQueues"]
        if queue["jobQueueName"] not in gone and queue.get("status") not in ("DELETING", "DELETED")
    ]
