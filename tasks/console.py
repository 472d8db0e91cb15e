"""Links to the AWS console."""

from urllib.parse import quote

from blocks.eks_cluster import EksCluster

# Of other partitions no host is known here: a thing there has no link.
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
    base = _base(cluster)
    return f"{base}/batch/home?region={cluster.region}#{kind}/detail/{identifier}" if base else ""


def repository_url(cluster: EksCluster, name: str) -> str:
    """The page of a private ECR repository."""
    base, path = _base(cluster), f"{cluster.account_id}/{quote(name, safe='')}"
    return f"{base}/ecr/repositories/private/{path}?region={cluster.region}" if base else ""


def pull_through_cache_url(cluster: EksCluster) -> str:
    """The page of the pull-through cache rules in the ECR console."""
    base = _base(cluster)
    return f"{base}/ecr/private-registry/pull-through-cache?region={cluster.region}" if base else ""


def _base(cluster: EksCluster) -> str:
    host = _HOSTS.get(cluster.partition)
    return f"https://{cluster.region}.{host}" if host else ""
