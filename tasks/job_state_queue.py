"""The queue that a run is told of the states of its jobs by, and the EventBridge rule that fills it.

Each execution of a run has its own: an event goes to one reader of a queue only, and a rule for the names of the run's
jobs lets nothing else in. Both are named after the run, so that whoever cleans up finds them without the run.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError
from prefect.logging import get_run_logger

from blocks.aws_errors import explain_aws
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.submitted_name import run_digits
from tasks.job_submission import RUN_TAG
from tasks.ownership import OWNER, OWNER_TAG

RETENTION_SECONDS = 3600
TARGET_ID = "queue"


@contextmanager
def job_state_queue(cluster: EksCluster, run_id: str, *, wanted: bool) -> Iterator[str]:
    """Have a queue that fills with the changes of a run's jobs while the body goes on.

    Made before the first submission, so that no change is missed. Where that is refused, a warning says so and the
    run goes on without.

    Args:
        cluster: Gives the EventBridge and SQS clients.
        run_id: Id of the flow run whose jobs they are.
        wanted: Nothing is made or asked where False.

    Yields:
        The queue's URL; empty where there is none.
    """
    # SQS refuses the name of a queue for 60 seconds after its deletion (botocore sqs QueueDeletedRecently), and a
    # run may be executed again sooner.
    name = f"{_prefix(run_id)}{uuid4().hex[:8]}"
    queue_url = _made(cluster, run_id, name) if wanted else ""
    try:
        yield queue_url
    finally:
        if queue_url:
            _remove(cluster, run_id)


def remove_job_state_queues(cluster: EksCluster, run_id: str) -> list[OperationError]:
    """Remove rules and queues of all executions of a run; can be repeated.

    Args:
        cluster: Gives the EventBridge and SQS clients.
        run_id: Id of the flow run.

    Returns:
        What AWS refused: nobody's jobs depend on it, so it is no reason to fail.
    """
    prefix, refused = _prefix(run_id), []
    # The rules first: one without its queue would count failed invocations.
    for what, remove in (("EventBridge rules", _remove_rules), ("SQS queues", _remove_queues)):
        try:
            remove(cluster, prefix)
        except (ClientError, BotoCoreError) as error:
            refused.append(explain_aws(error, f"{what} {prefix}*"))
    return refused


def _made(cluster: EksCluster, run_id: str, name: str) -> str:
    """The URL of the queue; empty where it cannot be made, and then nothing is left."""
    has_rule = False
    try:
        _put_rule(cluster, run_id, name)
        has_rule = True
        return _put_queue(cluster, run_id, name)
    except (ClientError, BotoCoreError, OperationError) as error:
        explained = explain_aws(error, f"job states {name}") if not isinstance(error, OperationError) else error
        get_run_logger().warning("The jobs are polled, since EventBridge and SQS cannot tell of them: %s", explained)
        if has_rule:
            _remove(cluster, run_id)
        return ""


def _put_rule(cluster: EksCluster, run_id: str, name: str) -> None:
    cluster.events.put_rule(
        Name=name,
        EventPattern=json.dumps(event_pattern(run_id)),
        Description=f"Job states for flow run {run_id}; removed at its end.",
        Tags=[{"Key": key, "Value": value} for key, value in _tags(run_id).items()],
    )


def _put_queue(cluster: EksCluster, run_id: str, name: str) -> str:
    rule_arn, queue_arn = _arn(cluster, "events", f"rule/{name}"), _arn(cluster, "sqs", name)
    queue_url = cluster.sqs.create_queue(
        QueueName=name,
        Attributes={
            "Policy": json.dumps(queue_policy(queue_arn, rule_arn)),
            "MessageRetentionPeriod": str(RETENTION_SECONDS),
            "SqsManagedSseEnabled": "true",
        },
        tags=_tags(run_id),
    )["QueueUrl"]
    failed = cluster.events.put_targets(Rule=name, Targets=[{"Id": TARGET_ID, "Arn": queue_arn}])["FailedEntries"]
    if failed:
        raise OperationError(
            f"EventBridge rule {name}",
            f"PutTargets answered {failed[0].get('ErrorCode')}: {failed[0].get('ErrorMessage')}",
            "EventBridge does not take the queue as a target",
            "correct what the message names",
        )
    return queue_url


def event_pattern(run_id: str) -> dict[str, Any]:
    """Matches the events of a run's jobs by what their names begin with, and not those of an array's children.

    A child's events would be many, and its parent has its own; only a child has an index (botocore batch
    ArrayPropertiesDetail). Operators: EventBridge User Guide, eb-create-pattern-operators.
    """
    return {
        "source": ["aws.batch"],
        "detail-type": ["Batch Job State Change"],
        "detail": {
            "jobName": [{"prefix": f"{run_digits(run_id)}-"}],
            "arrayProperties": {"index": [{"exists": False}]},
        },
    }


def queue_policy(queue_arn: str, rule_arn: str) -> dict[str, Any]:
    """Lets EventBridge send to the queue for the rule, and nobody else (User Guide, eb-use-resource-based)."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _prefix(run_id: str) -> str:
    return f"{OWNER}-{run_digits(run_id)}-"


def _tags(run_id: str) -> dict[str, str]:
    return {OWNER_TAG: OWNER, RUN_TAG: run_id}


def _arn(cluster: EksCluster, service: str, resource: str) -> str:
    return f"arn:{cluster.partition}:{service}:{cluster.region}:{cluster.account_id}:{resource}"


def _remove(cluster: EksCluster, run_id: str) -> None:
    for refused in remove_job_state_queues(cluster, run_id):
        get_run_logger().warning("Not removed: %s", refused)


def _remove_rules(cluster: EksCluster, prefix: str) -> None:
    for rule in cluster.events.list_rules(NamePrefix=prefix)["Rules"]:
        # The run, its hooks and `reap` may clean up at the same time.
        with suppress(cluster.events.exceptions.ResourceNotFoundException):
            cluster.events.remove_targets(Rule=rule["Name"], Ids=[TARGET_ID])
            cluster.events.delete_rule(Name=rule["Name"])


def _remove_queues(cluster: EksCluster, prefix: str) -> None:
    for queue_url in cluster.sqs.list_queues(QueueNamePrefix=prefix).get("QueueUrls", []):
        with suppress(cluster.sqs.exceptions.QueueDoesNotExist):
            cluster.sqs.delete_queue(QueueUrl=queue_url)
