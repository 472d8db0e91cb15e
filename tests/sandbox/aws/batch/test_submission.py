"""SubmitJob: what is refused, in AWS's words where they are known."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.batch.submission import SubmitQuota

OVERRIDES_REFUSED = r"Container overrides or node overrides should not be set for Batch on EKS jobs\."


def override(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"podProperties": {"containers": list(containers), **members}}


@pytest.fixture(scope="module")
def queues(tutorial: Any, make_definition: Any) -> Any:
    """The tutorial's FIFO queue beside a fair-share one and a disabled one, and more definitions."""
    batch = tutorial.client("batch")
    order = [{"order": 1, "computeEnvironment": "My-Eks-CE1"}]
    policy = batch.create_scheduling_policy(name="fair")["arn"]
    for name, more in (("fair", {"schedulingPolicyArn": policy}), ("off", {"state": "DISABLED"})):
        batch.create_job_queue(jobQueueName=name, priority=1, computeEnvironmentOrder=order, **more)
        tutorial.queue_settles(name)
    two = make_definition("two", "true")
    first = two["eksProperties"]["podProperties"]["containers"][0]
    two["eksProperties"]["podProperties"]["containers"] = [{**first, "name": "a"}, {**first, "name": "b"}]
    batch.register_job_definition(**two)
    batch.register_job_definition(**make_definition("inactive", "true"))
    batch.deregister_job_definition(jobDefinition="inactive:1")
    return tutorial


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"jobName": "a b"}, r"Error executing request, Exception : Job name should match valid pattern, RequestId: "),
        ({"jobName": "-a"}, "Job name should match valid pattern"),
        ({"jobName": "n" * 129}, "Job name should match valid pattern"),
        ({"jobQueue": "nowhere"}, r"JobQueue nowhere not found\."),
        ({"jobQueue": "off"}, "DISABLED"),
        ({"jobDefinition": "nothing"}, "JobDefinition name nothing does not exist or is not in ACTIVE status"),
        ({"jobDefinition": "inactive"}, "does not exist or is not in ACTIVE status"),
        ({"jobDefinition": "inactive:1"}, "does not exist or is not in ACTIVE status"),
        ({"jobDefinition": "two:latest"}, r"Provided name two:latest is not supported pattern"),
        (
            {"jobDefinition": "arn:aws:batch:us-east-1:123456789012:job-definition/nothing:1"},
            r"JobDefinition arn:aws:batch:us-east-1:123456789012:job-definition/nothing:1 not found\.",
        ),
        ({"containerOverrides": {"command": ["x"]}}, OVERRIDES_REFUSED),
        ({"nodeOverrides": {"numNodes": 2}}, OVERRIDES_REFUSED),
        ({"ecsPropertiesOverride": {"taskProperties": [{}]}}, "ecsPropertiesOverride"),
        ({"shareIdentifier": "a"}, "shareIdentifier can't be specified"),
        ({"jobQueue": "fair"}, r"shareIdentifier must be specified\."),
        (
            {"jobQueue": "fair", "shareIdentifier": "a"},
            "Either schedulingPriority in job definition or schedulingPriorityOverride should be specified",
        ),
        ({"schedulingPriorityOverride": 10000}, "between 0 and 9999"),
        ({"arrayProperties": {"size": 1}}, "between 2 and 10000"),
        ({"arrayProperties": {"size": 10001}}, "between 2 and 10000"),
        ({"dependsOn": [{"jobId": "unknown"}]}, "Job unknown in dependsOn does not exist"),
        ({"dependsOn": [{"jobId": "x"}] * 21}, "at most 20"),
        ({"dependsOn": [{"type": "SEQUENTIAL"}]}, "array jobs only"),
        (
            {"dependsOn": [{"type": "SEQUENTIAL", "jobId": "x"}], "arrayProperties": {"size": 2}},
            "must not have a jobId",
        ),
        ({"dependsOn": [{}]}, "must have a jobId"),
        ({"timeout": {"attemptDurationSeconds": 30}}, "at least 60"),
        ({"retryStrategy": {"attempts": 0}}, "between 1 and 10"),
        ({"parameters": {"big": "x" * 31_000}}, r"Job size must be less than 30 KiB, got 30 KiB"),
        ({"eksPropertiesOverride": override({"name": "other", "command": ["x"]})}, "does not match a container"),
        ({"jobDefinition": "two", "eksPropertiesOverride": override({"command": ["x"]})}, "name must be specified"),
        (
            {"jobDefinition": "two", "eksPropertiesOverride": override({"name": "a"}, {"name": "a"})},
            "names one twice",
        ),
        (
            {"eksPropertiesOverride": override({"resources": {"limits": {"cpu": "100m"}}})},
            "multiple of 0.25",
        ),
        (
            {"eksPropertiesOverride": override({"resources": {"requests": {"memory": "512Mi"}}})},
            "memory in limits must be equal to memory in requests",
        ),
        (
            {"eksPropertiesOverride": override({"env": [{"name": "AWS_BATCH_X", "value": "1"}]})},
            "cannot start with AWS_BATCH",
        ),
        ({"eksPropertiesOverride": override(metadata={"namespace": "kube-system"})}, "can't start with kube"),
        ({"tags": {f"k{n}": "v" for n in range(51)}}, "at most 50"),
    ],
)
def test_refused(queues: Any, changes: dict[str, Any], words: str) -> None:
    request = {"jobName": "j", "jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep", **changes}
    with pytest.raises(ClientError, match=words) as refused:
        queues.client("batch").submit_job(**request)
    assert refused.value.response["Error"]["Code"] == "ClientException"


def test_accepted_by_name_revision_and_arn(queues: Any) -> None:
    batch = queues.client("batch")
    arn = batch.describe_job_definitions(jobDefinitionName="two")["jobDefinitions"][0]["jobDefinitionArn"]
    for given in ("two", "two:1", arn):
        job_id = queues.submit("j", jobDefinition=given)
        assert queues.job(job_id)["jobDefinition"] == arn
        batch.terminate_job(jobId=job_id, reason="enough seen")


def test_a_share_is_described(queues: Any) -> None:
    job_id = queues.submit("shared", jobQueue="fair", shareIdentifier="team", schedulingPriorityOverride=7)
    job = queues.job(job_id)
    assert (job["shareIdentifier"], job["schedulingPriority"]) == ("team", 7)
    queues.client("batch").terminate_job(jobId=job_id, reason="enough seen")


def test_fifty_a_second() -> None:
    now = [0.0]
    quota = SubmitQuota(lambda: now[0])

    def taken() -> int:
        return sum(quota.take() for _ in range(200))

    assert taken() == 50
    for seconds, more in ((0.5, 25), (0.01, 0), (0.01, 1), (3600, 50)):
        now[0] += seconds
        assert taken() == more


def test_what_is_beyond_the_quota_is_refused(queues: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # A busy machine sends no fifty a second.
    monkeypatch.setattr("sandbox.aws.batch.submission._SUBMISSIONS_A_SECOND", 2)
    queues.control("POST", "/_sandbox/settings", {"batch_quotas": True})
    batch = queues.client("batch")
    accepted: list[str] = []
    refused: ClientError | None = None
    for number in range(100):
        try:
            request = {"jobQueue": "My-Eks-JQ1", "jobDefinition": "two"}
            accepted.append(batch.submit_job(jobName=f"q-{number}", **request)["jobId"])
        except ClientError as error:
            refused = error
            break
    queues.control("POST", "/_sandbox/settings", {"batch_quotas": False})
    assert refused is not None
    assert len(accepted) >= 2
    assert refused.response["Error"]["Code"] == "TooManyRequestsException"
    assert refused.response["Error"]["Message"] == "Too Many Requests"
    assert refused.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    for start in range(0, len(accepted), 50):
        batch.terminate_jobs(jobs=accepted[start : start + 50], reason="enough seen")
