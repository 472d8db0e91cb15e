"""Links to the console, by the partition of the cluster."""

from collections.abc import Callable

import pytest

from blocks.eks_cluster import EksCluster
from tasks.console import batch_url, log_group_url, log_stream_url, pod_url, pull_through_cache_url, repository_url

LINKS: list[Callable[[EksCluster], str]] = [
    lambda cluster: batch_url(cluster, "queues", "q"),
    lambda cluster: repository_url(cluster, "a/b"),
    pull_through_cache_url,
    lambda cluster: pod_url(cluster, "n", "p"),
    lambda cluster: log_group_url(cluster, "/aws/g", "p"),
    lambda cluster: log_stream_url(cluster, "/aws/g", "s"),
]


def cluster(partition: str, region: str) -> EksCluster:
    block = EksCluster(cluster_name="c")
    block._cluster = {"arn": f"arn:{partition}:eks:{region}:123456789012:cluster/c"}
    return block


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_to_the_console_of_the_partition_or_nowhere(link: Callable[[EksCluster], str]) -> None:
    assert link(cluster("aws", "us-east-1")).startswith("https://us-east-1.console.aws.amazon.com/")
    assert link(cluster("aws-cn", "cn-north-1")).startswith("https://cn-north-1.console.amazonaws.cn/")
    assert link(cluster("aws-eusc", "eusc-de-east-1")) == ""


def test_the_name_of_a_repository_is_one_segment() -> None:
    url = repository_url(cluster("aws", "us-east-1"), "a/b")
    assert url.endswith("/ecr/repositories/private/123456789012/a%2Fb?region=us-east-1")


def test_names_in_links_to_cloudwatch_are_quoted_as_its_console_does() -> None:
    url = log_stream_url(cluster("aws", "us-east-1"), "/aws/containerinsights/c/application", "node_a")
    assert url.endswith("log-groups/log-group/$252Faws$252Fcontainerinsights$252Fc$252Fapplication/log-events/node_a")
