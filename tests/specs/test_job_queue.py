"""Every rule of job queues that needs no AWS."""

from typing import Any

import pytest

from specs.job_queue import JobQueueSpec

ORDER = "computeEnvironmentOrder"
ACTION = {
    "reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
    "state": "RUNNABLE",
    "maxTimeSeconds": 600,
    "action": "CANCEL",
}
ACTIONS = "jobStateTimeLimitActions"


def environments(*pairs: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"order": order, "computeEnvironment": name} for order, name in pairs]


@pytest.mark.parametrize(
    ("path", "value", "where", "words"),
    [
        ("jobQueueName", "x" * 129, "jobQueueName", "1 to 128"),
        ("priority", "10", "priority", "a whole number"),
        ("priority", -1, "priority", "at least 0"),
        (ORDER, environments((1, "a b")), f"{ORDER}[0].computeEnvironment", "or the ARN of a compute environment"),
        (ORDER, environments((1, "")), f"{ORDER}[0].computeEnvironment", "or the ARN of a compute environment"),
        (
            ORDER,
            environments((1, "arn:aws:batch:us-east-1:123456789012:job-queue/a")),
            f"{ORDER}[0].computeEnvironment",
            "or the ARN of a compute environment",
        ),
        ("state", "ON", "state", "must be one of"),
        (ORDER, [], ORDER, "at least one"),
        (ORDER, environments((1, "a"), (2, "b"), (3, "c"), (4, "d")), ORDER, "at most 3"),
        (ORDER, environments((1, "a"), (1, "b")), f"{ORDER}[1].order", "its own order"),
        (ORDER, environments((1, "a"), (2, "a")), f"{ORDER}[1].computeEnvironment", "its own compute environment"),
        (ORDER, [{"order": 1}], f"{ORDER}[0].computeEnvironment", "required"),
        ("jobQueueType", "ECS", "jobQueueType", "of type EKS"),
        ("schedulingPolicyArn", "My-Policy", "schedulingPolicyArn", "the ARN of a scheduling policy"),
        ("serviceEnvironmentOrder", [], "serviceEnvironmentOrder", "SageMaker"),
        (ACTIONS, [ACTION | {"reason": "SLOW"}], f"{ACTIONS}[0].reason", "must be one of"),
        (ACTIONS, [ACTION | {"state": "STARTING"}], f"{ACTIONS}[0].state", "must be one of"),
        (ACTIONS, [ACTION | {"maxTimeSeconds": 599}], f"{ACTIONS}[0].maxTimeSeconds", "between 600 and 86400"),
        (ACTIONS, [ACTION | {"maxTimeSeconds": 86401}], f"{ACTIONS}[0].maxTimeSeconds", "between 600 and 86400"),
        (ACTIONS, [ACTION | {"action": "TERMINATE"}], f"{ACTIONS}[0].action", "can only be cancelled"),
        ("tags", {}, "tags", "between 1 and 50"),
        ("queueName", "x", "queueName", "Did you mean jobQueueName?"),
    ],
)
def test_rule(path: str, value: Any, where: str, words: str, job_queue: Any, edit: Any, faults: Any) -> None:
    (fault,) = faults(JobQueueSpec, edit(job_queue, path, value))
    assert fault.path == where
    assert words in str(fault)


def test_a_queue_needs_a_compute_environment(job_queue: Any, edit: Any, faults: Any) -> None:
    (fault,) = faults(JobQueueSpec, edit(job_queue, ORDER))
    assert fault.path == ORDER


def test_defaults_are_the_tutorials(job_queue: Any) -> None:
    assert JobQueueSpec().to_document() == job_queue | {"state": "ENABLED"}


def test_everything(job_queue: Any) -> None:
    document = job_queue | {
        "state": "DISABLED",
        "jobQueueType": "EKS",
        "schedulingPolicyArn": "arn:aws:batch:us-east-1:123456789012:scheduling-policy/My-Eks-SP1",
        ACTIONS: [ACTION],
        "tags": {"team": "data"},
    }
    spec = JobQueueSpec.from_document(document)
    assert spec.to_document() == document
    assert spec.warnings == []
