"""The log of a pod that is gone, from CloudWatch, where the amazon-cloudwatch-observability add-on ships it.

Batch has no log driver on EKS. The add-on's Fluent Bit writes each container into a stream of its own, in the group
`/aws/containerinsights/CLUSTER/application`; its names are those of the CloudWatch User Guide,
Container-Insights-setup-logs-FluentBit ("Differences in log stream names").
"""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from blocks.aws_errors import DENIED, UNSENT, error_code, error_text
from blocks.eks_cluster import EksCluster
from tasks.console import log_group_url, log_stream_url
from tasks.job import decisive_container, last_attempt
from tasks.log_tail import KeptLog, LogTail
from tasks.pod import pod_namespace

EVENTS = 1000


class NoCloudWatchLogsError(Exception):
    """No log of this cluster can be had from CloudWatch; the message says why."""


def log_group(cluster: EksCluster) -> str:
    """The log group that the add-on writes to."""
    return f"/aws/containerinsights/{cluster.cluster_name}/application"


def read_cloudwatch_log(cluster: EksCluster, job: Mapping[str, Any]) -> KeptLog:
    """Read the end of the log of the container that decided a job, or say why there is none.

    Args:
        cluster: Gives the CloudWatch Logs client.
        job: As DescribeJobs answers.

    Raises:
        NoCloudWatchLogsError: If the log of no other job of the cluster can be had either.
    """
    group = log_group(cluster)
    prefix = _stream_prefix(cluster, job)
    if not prefix:
        return KeptLog(note="No log: AWS Batch does not say on which node its pod was, if it had one.")
    try:
        return _read(cluster, group, prefix)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            raise NoCloudWatchLogsError(
                f"there is no CloudWatch log group {group}: give setup `containerLogs`, or install the add-on "
                "amazon-cloudwatch-observability with a toleration of the taint batch.amazonaws.com/batch-node"
            ) from error
        if error_code(error) in DENIED:
            raise NoCloudWatchLogsError(
                f"CloudWatch Logs answered {error_text(error)}: allow logs:DescribeLogStreams and logs:GetLogEvents on "
                f"the log group {group}"
            ) from error
        return KeptLog(note=f"No log: its pod is gone, and CloudWatch Logs answered {error_text(error)}.")
    except (*UNSENT, NoCredentialsError) as error:
        raise NoCloudWatchLogsError(
            f"CloudWatch Logs cannot be reached ({error}): a private VPC needs the interface endpoint logs; the log "
            f"would be in the log group {group}"
        ) from error
    except BotoCoreError as error:
        return KeptLog(note=f"No log: its pod is gone, and CloudWatch Logs did not answer ({error}).")


def _stream_prefix(cluster: EksCluster, job: Mapping[str, Any]) -> str:
    attempt = last_attempt(job)
    namespace = pod_namespace(cluster, job)
    if not (attempt["nodeName"] and attempt["podName"] and namespace):
        return ""
    pod = f"{attempt['podName']}_{namespace}_{decisive_container(attempt)}"
    return f"{attempt['nodeName']}-application.var.log.containers.{pod}-"


def _read(cluster: EksCluster, group: str, prefix: str) -> KeptLog:
    # One call a try: without an endpoint each takes its time, and the log of a job is not worth much of it.
    client = cluster.logs_once
    streams = client.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
    # What follows is the container's id, which has no dash: a container `a` is not one named `a-b`.
    names = [stream["logStreamName"] for stream in streams if "-" not in stream["logStreamName"].removeprefix(prefix)]
    if not names:
        where = f"the CloudWatch log group {group} has no log stream {prefix}*"
        return KeptLog(note=f"No log: its pod is gone, and {where} (yet): {log_group_url(cluster, group, prefix)}")
    tail = LogTail()
    events = client.get_log_events(logGroupName=group, logStreamName=names[-1], limit=EVENTS, startFromHead=False)
    for event in events["events"]:
        tail.add(_line(event["message"]))
    more = f", of which the last {EVENTS} lines were read" if tail.lines == EVENTS else ""
    return tail.kept(f"The whole log{more}: {log_stream_url(cluster, group, names[-1])}")


def _line(message: str) -> str:
    """The container's own line; Fluent Bit wraps it in a record with the pod's name and more."""
    try:
        record = json.loads(message)
    except ValueError:
        record = message
    text = str(record.get("log", message)) if isinstance(record, dict) else message
    return text.rstrip("\n") + "\n"
