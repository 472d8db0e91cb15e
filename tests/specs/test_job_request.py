"""Every rule of submissions that needs no AWS."""

from typing import Any

import pytest

from specs.fault import SpecError
from specs.job_definition import JobDefinitionSpec
from specs.job_request import JobRequest

POD = "eksPropertiesOverride.podProperties"
C = f"{POD}.containers[0]"
ARRAY = {"size": 10}


@pytest.mark.parametrize(
    ("path", "value", "where", "words"),
    [
        ("jobName", "-job", "jobName", "a letter or a digit first"),
        ("jobName", "x" * 129, "jobName", "1 to 128"),
        ("jobQueue", "my queue", "jobQueue", "the name or ARN of a job queue"),
        ("jobDefinition", "name:0", "jobDefinition", "name:revision or ARN"),
        ("jobDefinition", "name:latest", "jobDefinition", "name:revision or ARN"),
        ("arrayProperties", {"size": 1}, "arrayProperties.size", "between 2 and 10000"),
        ("arrayProperties", {"size": 10001}, "arrayProperties.size", "between 2 and 10000"),
        ("arrayProperties", {}, "arrayProperties.size", "has a size"),
        ("dependsOn", [{"jobId": f"job{n}"} for n in range(21)], "dependsOn", "at most 20"),
        ("dependsOn", [{}], "dependsOn[0].jobId", "names the job"),
        ("dependsOn", [{"jobId": "a", "type": "N_TO_N"}], "dependsOn[0].type", "for array jobs"),
        ("dependsOn", [{"type": "SEQUENTIAL"}], "dependsOn[0].type", "for array jobs"),
        ("dependsOn", [{"jobId": "a", "type": "AFTER"}], "dependsOn[0].type", "must be one of"),
        ("dependsOn", [{"jobId": "a"}, {"jobId": "a"}], "dependsOn[1]", "already"),
        ("containerOverrides", {}, "containerOverrides", "should not be set for Batch on EKS jobs."),
        ("nodeOverrides", {}, "nodeOverrides", "should not be set for Batch on EKS jobs."),
        ("ecsPropertiesOverride", {}, "ecsPropertiesOverride", "jobs that run on ECS"),
        ("propagateTags", True, "propagateTags", "does not put them on pods"),
        ("shareIdentifier", "a-b", "shareIdentifier", "letters and digits"),
        ("schedulingPriorityOverride", 10000, "schedulingPriorityOverride", "between 0 and 9999"),
        ("timeout", {"attemptDurationSeconds": 1}, "timeout.attemptDurationSeconds", "at least 60"),
        ("retryStrategy", {"attempts": 11}, "retryStrategy.attempts", "between 1 and 10"),
        ("parameters", {"big": "x" * 30 * 1024}, "document", "at most 30720 bytes"),
        ("tags", {"aws:x": ""}, 'tags["aws:x"]', "AWS's own"),
        (f"{POD}.volumes", [], f"{POD}.volumes", "new revision"),
        (f"{POD}.hostNetwork", True, f"{POD}.hostNetwork", "new revision"),
        (f"{POD}.serviceAccountName", "x", f"{POD}.serviceAccountName", "new revision"),
        (f"{C}.securityContext", {}, f"{C}.securityContext", "new revision"),
        (f"{C}.volumeMounts", [], f"{C}.volumeMounts", "new revision"),
        (f"{C}.imagePullPolicy", "Always", f"{C}.imagePullPolicy", "new revision"),
        (f"{C}.env", [{"name": "AWS_BATCH_X"}], f"{C}.env[0].name", "AWS_BATCH"),
        (f"{C}.resources", {"limits": {"cpu": "100m"}}, f'{C}.resources.limits["cpu"]', "milli"),
        (f"{C}.image", "<image>", f"{C}.image", "no placeholders"),
        (f"{POD}.containers", [{"name": "a"}, {"name": "a"}], f"{POD}.containers[1].name", "overridden once"),
        (f"{POD}.metadata", {"namespace": "kube-x"}, f"{POD}.metadata.namespace", "begin with kube"),
        ("jobDefinitions", "x", "jobDefinitions", "Did you mean jobDefinition?"),
    ],
)
def test_rule(path: str, value: Any, where: str, words: str, job_request: Any, edit: Any, faults: Any) -> None:
    found = faults(JobRequest, edit(job_request, path, value))
    assert [fault.path for fault in found] == [where]
    assert words in str(found[0])


def test_sequential_names_no_job(job_request: Any, faults: Any) -> None:
    document = job_request | {"arrayProperties": ARRAY, "dependsOn": [{"jobId": "a", "type": "SEQUENTIAL"}]}
    (fault,) = faults(JobRequest, document)
    assert "names no job" in fault.rule


def test_several_overrides_name_their_containers(job_request: Any, edit: Any, faults: Any) -> None:
    found = faults(JobRequest, edit(job_request, f"{POD}.containers", [{"args": ["a"]}, {"name": "b"}]))
    assert [fault.path for fault in found] == [f"{C}.name"]


@pytest.mark.parametrize(
    "changes",
    [
        {"jobDefinition": "MyJobOnEks_Sleep:3"},
        {"jobDefinition": "arn:aws:batch:us-east-1:123456789012:job-definition/MyJobOnEks_Sleep:3"},
        {"jobDefinition": "arn:aws:batch:us-east-1:123456789012:job-definition/MyJobOnEks_Sleep"},
        {"jobQueue": "arn:aws-us-gov:batch:us-gov-west-1:123456789012:job-queue/My-Eks-JQ1"},
        {"arrayProperties": ARRAY, "dependsOn": [{"type": "SEQUENTIAL"}, {"jobId": "a", "type": "N_TO_N"}]},
        {"arrayProperties": {"size": 10000}, "shareIdentifier": "research*", "schedulingPriorityOverride": 0},
        {"retryStrategy": {"attempts": 10}, "timeout": {"attemptDurationSeconds": 60}, "parameters": {"a": "b"}},
        {"tags": {"a": "b"}},
    ],
)
def test_allowed(changes: Any, job_request: Any) -> None:
    spec = JobRequest.from_document(job_request | changes)
    assert spec.to_document() == job_request | changes
    assert spec.warnings == []


@pytest.mark.parametrize(
    ("share", "queue_has_policy", "words"),
    [
        ({}, True, "must be given"),
        ({"shareIdentifier": "research"}, False, "must not be given"),
        ({}, False, None),
        ({"shareIdentifier": "research"}, True, None),
    ],
)
def test_against_queue(share: Any, queue_has_policy: bool, words: str | None, job_request: Any) -> None:
    spec = JobRequest.from_document(job_request | share)
    if words is None:
        spec.check_against_queue(queue_has_policy)
        return
    with pytest.raises(SpecError, match=words):
        spec.check_against_queue(queue_has_policy)


@pytest.mark.parametrize(
    ("containers", "overrides", "words"),
    [
        ([None], [{"args": ["a"]}], None),
        (["main"], [{"args": ["a"]}], None),
        (["main", "side"], [{"name": "side"}], None),
        ([None], [{"name": "Default"}], None),
        (["main", "side"], [{"args": ["a"]}], "Set name to one of: main, side."),
        (["main", "side"], [{"name": "other"}], "must match a container"),
        (["main"], [{"name": "main"}, {"name": "other"}], "must match a container"),
    ],
)
def test_against_definition(
    containers: Any, overrides: Any, words: str | None, job_request: Any, job_definition: Any, edit: Any
) -> None:
    plain = job_definition["eksProperties"]["podProperties"]["containers"][0]
    named = [plain | ({"name": name} if name else {}) for name in containers]
    definition = JobDefinitionSpec.from_document(edit(job_definition, "eksProperties.podProperties.containers", named))
    spec = JobRequest.from_document(edit(job_request, f"{POD}.containers", overrides))
    if words is None:
        spec.check_against_definition(definition)
        return
    with pytest.raises(SpecError) as caught:
        spec.check_against_definition(definition)
    assert words in str(caught.value)


def test_init_containers_that_are_not_there_cannot_be_overridden(
    job_request: Any, job_definition: Any, edit: Any
) -> None:
    spec = JobRequest.from_document(edit(job_request, f"{POD}.initContainers", [{"args": ["a"]}]))
    with pytest.raises(SpecError, match="Leave the override out"):
        spec.check_against_definition(JobDefinitionSpec.from_document(job_definition))


def test_defaults_are_the_tutorials() -> None:
    assert JobRequest().to_document() == {
        "jobName": "My-Eks-Job1",
        "jobQueue": "My-Eks-JQ1",
        "jobDefinition": "MyJobOnEks_Sleep",
    }
