"""Job queues and scheduling policies: rules, states, deletion."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

ORDER = [{"order": 1, "computeEnvironment": "My-Eks-CE1"}]
REASON = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"
ACTION = {"reason": REASON, "state": "RUNNABLE", "maxTimeSeconds": 600, "action": "CANCEL"}


def request(**changes: Any) -> dict[str, Any]:
    return {"jobQueueName": "refused", "priority": 1, "computeEnvironmentOrder": ORDER, **changes}


def test_as_it_is_described(tutorial: Any) -> None:
    batch = tutorial.client("batch")
    answer = batch.create_job_queue(
        **request(jobQueueName="described", tags={"a": "b"}, jobStateTimeLimitActions=[ACTION])
    )
    (creating,) = batch.describe_job_queues(jobQueues=["described"])["jobQueues"]
    assert creating["status"] == "CREATING"
    queue = tutorial.queue_settles("described")
    assert queue == {
        "jobQueueName": "described",
        "jobQueueArn": answer["jobQueueArn"],
        "state": "ENABLED",
        "status": "VALID",
        "statusReason": "JobQueue Healthy",
        "priority": 1,
        "computeEnvironmentOrder": [
            {"order": 1, "computeEnvironment": tutorial.environment_settles("My-Eks-CE1")["computeEnvironmentArn"]}
        ],
        "serviceEnvironmentOrder": [],
        "jobQueueType": "EKS",
        "tags": {"a": "b"},
        "jobStateTimeLimitActions": [ACTION],
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"jobQueueName": "a b"}, "is not supported pattern"),
        ({"jobQueueName": "My-Eks-JQ1"}, "Object already exists"),
        ({"priority": -1}, "priority must be at least 0"),
        ({"computeEnvironmentOrder": []}, "1 to 3 entries"),
        ({"computeEnvironmentOrder": ORDER * 4}, "1 to 3 entries"),
        ({"computeEnvironmentOrder": ORDER * 2}, "an order twice"),
        ({"computeEnvironmentOrder": [*ORDER, {**ORDER[0], "order": 2}]}, "a compute environment twice"),
        ({"computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "none"}]}, "none does not exist"),
        ({"schedulingPolicyArn": "arn:aws:batch:us-east-1:123456789012:scheduling-policy/none"}, "does not exist"),
        ({"jobQueueType": "ECS"}, "must be EKS"),
        ({"state": "MAYBE"}, "must be one of ENABLED, DISABLED"),
        ({"jobStateTimeLimitActions": [{**ACTION, "maxTimeSeconds": 599}]}, "between 600 and 86400"),
        ({"jobStateTimeLimitActions": [{**ACTION, "action": "TERMINATE"}]}, "must be CANCEL"),
        ({"jobStateTimeLimitActions": [{**ACTION, "reason": "ACTION_REQUIRED"}]}, "is not supported"),
    ],
)
def test_refused(tutorial: Any, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=words):
        tutorial.client("batch").create_job_queue(**request(**changes))


def test_fifo_or_fair_share_for_life(tutorial: Any) -> None:
    batch = tutorial.client("batch")
    first = batch.create_scheduling_policy(name="first")["arn"]
    second = batch.create_scheduling_policy(name="second", fairsharePolicy={"shareDecaySeconds": 60})["arn"]
    with pytest.raises(ClientError, match="FIFO job queue can't have a scheduling policy added"):
        batch.update_job_queue(jobQueue="My-Eks-JQ1", schedulingPolicyArn=first)
    batch.create_job_queue(**request(jobQueueName="shared", schedulingPolicyArn=first))
    tutorial.queue_settles("shared")
    with pytest.raises(ClientError, match="can't be removed"):
        batch.update_job_queue(jobQueue="shared", schedulingPolicyArn="")
    with pytest.raises(ClientError, match="Cannot delete, found existing JobQueue relationship"):
        batch.delete_scheduling_policy(arn=first)
    batch.update_job_queue(jobQueue="shared", schedulingPolicyArn=second)
    assert tutorial.queue_settles("shared")["schedulingPolicyArn"] == second
    batch.delete_scheduling_policy(arn=first)
    listed = [each["arn"] for each in batch.list_scheduling_policies()["schedulingPolicies"]]
    assert (first in listed, second in listed) == (False, True)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"shareDecaySeconds": 604801}, "604800"),
        ({"computeReservation": 100}, "99"),
        ({"shareDistribution": [{"shareIdentifier": "a", "weightFactor": 1000.0}]}, "999.9999"),
        ({"shareDistribution": [{"shareIdentifier": "a"}] * 2}, "twice"),
    ],
)
def test_policies_that_are_refused(tutorial: Any, policy: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=words):
        tutorial.client("batch").create_scheduling_policy(name="refused", fairsharePolicy=policy)


def test_a_policy_as_it_is_described(tutorial: Any) -> None:
    batch = tutorial.client("batch")
    arn = batch.create_scheduling_policy(name="told", tags={"a": "b"})["arn"]
    batch.update_scheduling_policy(arn=arn, fairsharePolicy={"computeReservation": 5})
    (policy,) = batch.describe_scheduling_policies(arns=[arn, arn + "x"])["schedulingPolicies"]
    assert policy["tags"] == {"a": "b"}
    assert policy["fairsharePolicy"] == {"shareDecaySeconds": 0, "computeReservation": 5, "shareDistribution": []}
    with pytest.raises(ClientError, match="Object already exists"):
        batch.create_scheduling_policy(name="told")


def test_deletion_wants_disabled_and_ends_the_jobs(tutorial: Any) -> None:
    batch = tutorial.client("batch")
    batch.create_job_queue(**request(jobQueueName="going"))
    with pytest.raises(ClientError, match="Cannot delete, resource is being modified"):
        batch.delete_job_queue(jobQueue="going")
    tutorial.queue_settles("going")
    running = tutorial.submit("running", ["sleep", "60"], jobQueue="going")
    tutorial.job_is(running, "RUNNING")
    with pytest.raises(ClientError, match="state must be DISABLED"):
        batch.delete_job_queue(jobQueue="going")
    batch.update_job_queue(jobQueue="going", state="DISABLED")
    tutorial.queue_settles("going")
    with pytest.raises(ClientError, match="DISABLED"):
        tutorial.submit("late", ["true"], jobQueue="going")
    # A disabled queue lets its jobs finish; a deleted one does not.
    assert tutorial.job(running)["status"] == "RUNNING"
    batch.delete_job_queue(jobQueue="going")
    assert batch.describe_job_queues(jobQueues=["going"])["jobQueues"][0]["status"] == "DELETING"
    assert tutorial.job_ends(running)["status"] == "FAILED"
    tutorial.wait(lambda: not batch.describe_job_queues(jobQueues=["going"])["jobQueues"])
    assert tutorial.job(running)["status"] == "FAILED"
    batch.delete_job_queue(jobQueue="going")


def test_updates(tutorial: Any) -> None:
    batch = tutorial.client("batch")
    batch.create_job_queue(**request(jobQueueName="changed"))
    tutorial.queue_settles("changed")
    arn = batch.update_job_queue(jobQueue="changed", priority=7, jobStateTimeLimitActions=[ACTION])["jobQueueArn"]
    with pytest.raises(ClientError, match="Cannot update, resource is being modified"):
        batch.update_job_queue(jobQueue=arn, priority=8)
    queue = tutorial.queue_settles("changed")
    assert (queue["priority"], queue["jobStateTimeLimitActions"]) == (7, [ACTION])
    with pytest.raises(ClientError, match=r"JobQueue nowhere not found\."):
        batch.update_job_queue(jobQueue="nowhere", priority=1)


def test_pages_of_queues(tutorial: Any) -> None:
    batch = tutorial.client("batch")
    names = {each["jobQueueName"] for each in batch.describe_job_queues()["jobQueues"]}
    pages = batch.get_paginator("describe_job_queues").paginate(PaginationConfig={"PageSize": 1})
    paged = [each["jobQueueName"] for page in pages for each in page["jobQueues"]]
    assert set(paged) == names
    assert len(paged) == len(names)
