"""Job definitions: the rules of eksProperties, defaults, revisions."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from sandbox.aws.batch import pod_rules
from sandbox.aws.errors import AwsError

LIMITS = {"cpu": "1", "memory": "1024Mi"}
C0 = "eksProperties__podProperties__containers"


def container(**members: Any) -> dict[str, Any]:
    return {"image": "repo/image:1", "resources": {"limits": dict(LIMITS)}, **members}


def pod(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"containers": list(containers) or [container()], **members}


def refusal(document: dict[str, Any]) -> str:
    with pytest.raises(AwsError) as refused:
        pod_rules.check_pod(document)
    assert refused.value.code == "ClientException"
    return refused.value.message


@pytest.mark.parametrize(
    ("cpu", "valid"),
    [
        *[("0.25", True), ("1", True), ("1.75", True), (".5", True)],
        *[("100m", False), ("0.3", False), ("0", False), ("lots", False), ("-1", False), ("1e2", False), ("٣", False)],
    ],
)
def test_cpu_is_a_multiple_of_a_quarter(cpu: str, valid: bool) -> None:
    document = pod(container(resources={"limits": {"cpu": cpu, "memory": "4Mi"}}))
    if valid:
        pod_rules.check_pod(document)
    else:
        assert "multiple of 0.25" in refusal(document)


@given(st.integers(1, 4000))
def test_cpu_in_quarters_is_accepted_and_counted(quarters: int) -> None:
    cpu = f"{quarters // 4}.{25 * (quarters % 4):02d}"
    pod_rules.check_pod(pod(container(resources={"limits": {"cpu": cpu, "memory": "4Mi"}})))
    assert pod_rules.cpu_millis(cpu) == quarters * 250


@given(st.integers(1, 100_000).filter(lambda millis: millis % 250 != 0))
def test_no_other_cpu_is_accepted(millis: int) -> None:
    cpu = f"{millis // 1000}.{millis % 1000:03d}"
    assert "multiple of 0.25" in refusal(pod(container(resources={"limits": {"cpu": cpu, "memory": "4Mi"}})))


@pytest.mark.parametrize(
    ("memory", "valid"),
    [("4Mi", True), ("1024Mi", True), ("3Mi", False), ("1Gi", False), ("1024", False), ("1.5Mi", False), ("-3", False)],
)
def test_memory_is_in_mebibytes(memory: str, valid: bool) -> None:
    document = pod(container(resources={"requests": {"cpu": "1", "memory": memory}}))
    if valid:
        pod_rules.check_pod(document)
    else:
        assert '"Mi" suffix' in refusal(document)


def test_requests_against_limits() -> None:
    both = {"limits": {"cpu": "1", "memory": "64Mi"}, "requests": {"cpu": "0.5", "memory": "64Mi"}}
    pod_rules.check_pod(pod(container(resources=both)))
    more_cpu = {"limits": {"cpu": "1", "memory": "64Mi"}, "requests": {"cpu": "1.25"}}
    assert "cpu in limits must be at least as large" in refusal(pod(container(resources=more_cpu)))
    other_memory = {"limits": {"cpu": "1", "memory": "64Mi"}, "requests": {"memory": "32Mi"}}
    assert "memory in limits must be equal" in refusal(pod(container(resources=other_memory)))
    gpu = {"limits": {**LIMITS, "nvidia.com/gpu": "2"}, "requests": {"nvidia.com/gpu": "1"}}
    assert "nvidia.com/gpu in limits must be equal" in refusal(pod(container(resources=gpu)))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (pod(container(resources={"limits": {"cpu": "1"}})), "must specify memory"),
        (pod(container(resources={"limits": {"memory": "4Mi"}})), "must specify cpu"),
        (pod(container(resources={"limits": {**LIMITS, "ephemeral-storage": "1Gi"}})), "supported resources"),
        (pod(container(resources={"limits": {**LIMITS, "nvidia.com/gpu": "0.5"}})), "whole integer"),
        ({"containers": []}, "at least one container"),
        (pod(*[container(name=f"c{n}") for n in range(11)]), "at most 10"),
        (pod(container(), initContainers=[container(name=f"i{n}") for n in range(11)]), "at most 10"),
        (pod(container(), container()), "unique"),
        (pod(container(name="a"), initContainers=[container(name="a")]), "unique"),
        (pod(container(env=[{"name": "AWS_BATCH_JOB_ID", "value": "x"}])), "cannot start with AWS_BATCH"),
        (pod(container(imagePullPolicy="Sometimes")), "imagePullPolicy"),
        (pod(container(), dnsPolicy="None"), "dnsPolicy"),
        (pod(container(), metadata={"annotations": {"a": "x" * 256}}), "255 characters"),
        (pod(container(), metadata={"namespace": "default"}), "can't be default"),
        (pod(container(), metadata={"namespace": "kube-x"}), "can't start with kube"),
        (pod(container(), metadata={"namespace": "Upper"}), "must be 1-63 characters"),
        (pod(container(), metadata={"namespace": "n" * 64}), "must be 1-63 characters"),
        (pod(container(volumeMounts=[{"name": "v", "mountPath": "/v"}])), "does not match a volume"),
        (pod(container(), volumes=[{"name": "v"}]), "exactly one of"),
        (pod(container(), volumes=[{"name": "v", "emptyDir": {}}] * 2), "unique"),
    ],
)
def test_rules_of_pods(document: dict[str, Any], words: str) -> None:
    assert words in refusal(document)


def test_defaults_come_back_filled_in(tutorial: Any, make_definition: Callable[..., dict[str, Any]]) -> None:
    batch = tutorial.client("batch")
    document = make_definition("defaults", "true", eksProperties__podProperties__hostNetwork=None)
    document["eksProperties"]["podProperties"]["initContainers"] = [
        {"name": "init", "image": "a/b:latest", "resources": {"requests": {"cpu": "0.25"}}}
    ]
    batch.register_job_definition(**document)

    (found,) = batch.describe_job_definitions(jobDefinitionName="defaults")["jobDefinitions"]

    properties = found["eksProperties"]["podProperties"]
    assert properties["hostNetwork"] is True
    assert "dnsPolicy" not in properties
    (first,) = properties["containers"]
    assert first["name"] == "Default"
    assert first["imagePullPolicy"] == "IfNotPresent"
    assert first["resources"] == {"limits": LIMITS, "requests": LIMITS}
    (init,) = properties["initContainers"]
    assert init["imagePullPolicy"] == "Always"
    assert init["resources"] == {"requests": {"cpu": "0.25"}}
    assert (found["status"], found["containerOrchestrationType"], found["type"]) == ("ACTIVE", "EKS", "container")


def test_every_registration_is_a_revision(tutorial: Any, make_definition: Callable[..., dict[str, Any]]) -> None:
    batch = tutorial.client("batch")
    for number in (1, 2, 3):
        assert batch.register_job_definition(**make_definition("revised", "true"))["revision"] == number
    batch.deregister_job_definition(jobDefinition="revised:2")
    listed = batch.describe_job_definitions(jobDefinitionName="revised")["jobDefinitions"]
    assert [(each["revision"], each["status"]) for each in listed] == [(3, "ACTIVE"), (2, "INACTIVE"), (1, "ACTIVE")]
    active = batch.describe_job_definitions(jobDefinitionName="revised", status="ACTIVE")["jobDefinitions"]
    assert [each["revision"] for each in active] == [3, 1]
    arn = listed[0]["jobDefinitionArn"]
    assert (
        batch.describe_job_definitions(jobDefinitions=[arn, "revised:1", "unknown"])["jobDefinitions"][0] == listed[0]
    )
    with pytest.raises(ClientError, match=r"JobDefinition revised:9 not found\."):
        batch.deregister_job_definition(jobDefinition="revised:9")
    with pytest.raises(ClientError, match="with its revision"):
        batch.deregister_job_definition(jobDefinition="revised")


def test_pages(tutorial: Any, make_definition: Callable[..., dict[str, Any]]) -> None:
    batch = tutorial.client("batch")
    for _ in range(5):
        batch.register_job_definition(**make_definition("paged", "true"))
    pages = batch.get_paginator("describe_job_definitions").paginate(
        jobDefinitionName="paged", PaginationConfig={"PageSize": 2}
    )
    assert [[each["revision"] for each in page["jobDefinitions"]] for page in pages] == [[5, 4], [3, 2], [1]]
    with pytest.raises(ClientError, match="Invalid nextToken"):
        batch.describe_job_definitions(jobDefinitionName="paged", nextToken="nonsense!")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"jobDefinitionName": "a b"}, r"Provided name a b is not supported pattern\[a-zA-Z_0-9-\]{1,128}"),
        ({"type": "multinode"}, "multi-node"),
        ({"eksProperties": None}, "eksProperties.podProperties must be specified"),
        ({"containerProperties": {"image": "x", "vcpus": 1, "memory": 4}}, "can't be specified together"),
        ({"retryStrategy": {"attempts": 11}}, "between 1 and 10"),
        ({"retryStrategy": {"evaluateOnExit": [{"action": "EXIT"}]}}, "attempts must be specified"),
        ({"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"action": "EXIT"}] * 6}}, "at most 5"),
        (
            {"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onExitCode": "x*", "action": "EXIT"}]}},
            "not a valid pattern",
        ),
        (
            {"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onReason": "a*b", "action": "EXIT"}]}},
            "not a valid pattern",
        ),
        ({"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"action": "MAYBE"}]}}, "must be one of"),
        ({"timeout": {"attemptDurationSeconds": 59}}, "at least 60"),
        ({"schedulingPriority": 10000}, "between 0 and 9999"),
        ({"platformCapabilities": ["EC2"]}, "not supported for EKS"),
        ({"parameters": {"big": "x" * 25_000}}, "Job definition size must be less than 24 KiB, got 24 KiB"),
        ({"tags": {f"k{n}": "v" for n in range(51)}}, "at most 50"),
    ],
)
def test_registrations_that_are_refused(
    tutorial: Any, make_definition: Callable[..., dict[str, Any]], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ClientError, match=words) as refused:
        tutorial.client("batch").register_job_definition(**make_definition("refused", "true", **changes))
    assert refused.value.response["Error"]["Code"] == "ClientException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_what_was_sent_is_not_changed_by_a_job(tutorial: Any, make_definition: Callable[..., dict[str, Any]]) -> None:
    batch = tutorial.client("batch")
    batch.register_job_definition(**make_definition("kept", "true"))
    before = copy.deepcopy(batch.describe_job_definitions(jobDefinitionName="kept")["jobDefinitions"])
    job_id = tutorial.submit("j", ["false"], jobDefinition="kept")
    batch.cancel_job(jobId=job_id, reason="enough seen")
    assert batch.describe_job_definitions(jobDefinitionName="kept")["jobDefinitions"] == before
