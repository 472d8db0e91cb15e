"""Looking at how much of Batch's quotas is used."""

from blocks.eks_cluster import EksCluster
from specs.platform import PlatformSpec
from specs.preflight.facts import Usage


def look_at_usage(cluster: EksCluster, platform: PlatformSpec) -> Usage:
    """The compute environments and job queues that there are, and those that are wanted.

    Args:
        cluster: Gives the Batch client.
        platform: What setup is going to make.
    """
    batch, arn = cluster.batch, cluster.arn
    pages = batch.get_paginator("describe_compute_environments").paginate()
    environments = [environment for page in pages for environment in page["computeEnvironments"]]
    on_cluster = [each for each in environments if each.get("eksConfiguration", {}).get("eksClusterArn") == arn]
    queues = [queue for page in batch.get_paginator("describe_job_queues").paginate() for queue in page["jobQueues"]]
    return Usage(
        environment=platform.compute_environment.compute_environment_name,
        queue=platform.job_queue.job_queue_name,
        environments=tuple(each["computeEnvironmentName"] for each in environments),
        on_cluster=tuple(each["computeEnvironmentName"] for each in on_cluster),
        queues=tuple(queue["jobQueueName"] for queue in queues),
        in_queue=len(platform.job_queue.compute_environment_order),
    )
