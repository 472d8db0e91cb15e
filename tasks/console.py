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


def pod_url(cluster: EksCluster, namespace: str, pod_name: str) -> str:
    """The page of a pod in the EKS console, which shows it as long as it exists.

    No document of AWS gives its form: it is what the console itself shows in the address bar.
    """
    base, path = _base(cluster), f"{cluster.cluster_name}/pods/{pod_name}"
    return f"{base}/eks/home?region={cluster.region}#/clusters/{path}?namespace={namespace}" if base else ""


def log_group_url(cluster: EksCluster, group: str, prefix: str) -> str:
    """The streams of a CloudWatch log group whose names begin with something.

    As Airflow links to EMR Serverless's logs (providers/amazon/aws/links/emr.py).
    """
    base = _log_group(cluster, group)
    return f"{base}$3FlogStreamNameFilter$3D{_quoted_twice(prefix)}" if base else ""


def log_stream_url(cluster: EksCluster, group: str, stream: str) -> str:
    """The page of a CloudWatch log stream."""
    base = _log_group(cluster, group)
    return f"{base}/log-events/{_quoted_twice(stream)}" if base else ""


def _log_group(cluster: EksCluster, group: str) -> str:
    base, path = _base(cluster), _quoted_twice(group)
    return f"{base}/cloudwatch/home?region={cluster.region}#logsV2:log-groups/log-group/{path}" if base else ""


def _quoted_twice(text: str) -> str:
    # CloudWatch's console quotes names twice, and writes $ for the outer %.
    return quote(quote(text, safe=""), safe="").replace("%", "$")


def _base(cluster: EksCluster) -> str:
    host = _HOSTS.get(cluster.partition)
    return f"https://{cluster.region}.{host}" if host else ""
