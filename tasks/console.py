"""Links to the AWS console."""

from urllib.parse import quote

from blocks.eks_cluster import EksCluster

_HOSTS = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def batch_url(cluster: EksCluster, kind: str, identifier: str) -> str:
    """A page of the Batch console.

    Args:
        cluster: Gives partition and region.
        kind: `compute-environments`, `queues`, `job-definition` or `jobs`.
        identifier: ARN or id of the thing.
    """
    return f"{_base(cluster, 'batch')}#{kind}/detail/{identifier}"


def repository_url(cluster: EksCluster, name: str) -> str:
    """The page of a private ECR repository."""
    host = _HOSTS[cluster.partition]
    return (
        f"https://{cluster.region}.{host}/ecr/repositories/private/{cluster.account_id}/{quote(name, safe='')}"
        f"?region={cluster.region}"
    )


def pull_through_cache_url(cluster: EksCluster) -> str:
    """The page of the pull-through cache rules in the ECR console."""
    host = _HOSTS[cluster.partition]
    return f"https://{cluster.region}.{host}/ecr/private-registry/pull-through-cache?region={cluster.region}"


def _base(cluster: EksCluster, service: str) -> str:
    return f"https://{cluster.region}.{_HOSTS[cluster.partition]}/{service}/home?region={cluster.region}"
