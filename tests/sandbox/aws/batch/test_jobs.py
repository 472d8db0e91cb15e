"""Jobs that really run, as pods on nodes."""

import itertools
import json
from typing import Any

import pytest

PODS = "/api/v1/namespaces/my-aws-batch-namespace/pods"
SLEEP = ["sleep", "60"]


def test_the_tutorial_s_override(tutorial: Any) -> None:
    override = {"podProperties": {"containers": [{"command": ["/bin/sh"], "args": ["-c", "echo hello world"]}]}}
    job = tutorial.job_ends(tutorial.submit("My-Eks-Job1", eksPropertiesOverride=override))

    assert job["status"] == "SUCCEEDED"
    assert job["createdAt"] <= job["startedAt"] <= job["stoppedAt"]
    assert job["createdAt"] > 1_600_000_000_000
    properties = job["eksProperties"]["podProperties"]
    assert properties["podName"].startswith("aws-batch.")
    assert properties["podName"] != f"aws-batch.{job['jobId']}"
    assert properties["nodeName"]
    (container,) = properties["containers"]
    assert (container["name"], container["exitCode"], container["reason"]) == ("Default", 0, "Completed")
    assert (container["command"], container["args"]) == (["/bin/sh"], ["-c", "echo hello world"])
    (attempt,) = job["eksAttempts"]
    assert attempt["podName"] == properties["podName"]
    assert attempt["podNamespace"] == "my-aws-batch-namespace"
    assert attempt["eksClusterArn"] == "arn:aws:eks:us-east-1:123456789012:cluster/my-test-cluster"
    assert attempt["containers"][0]["name"] == "Default"
    assert job["attempts"] == []


def test_the_pod_and_its_environment(tutorial: Any) -> None:
    job_id = tutorial.submit("env", ["sh", "-c", "env; sleep 30"])
    job = tutorial.job_is(job_id, "RUNNING")
    kubernetes = tutorial.kubernetes()
    name = job["eksProperties"]["podProperties"]["podName"]
    pod = kubernetes.get(f"{PODS}/{name}")

    labels = pod["metadata"]["labels"]
    environment = tutorial.environment_settles("My-Eks-CE1")
    node = kubernetes.get(f"/api/v1/nodes/{pod['spec']['nodeName']}")
    assert labels["environment"] == "test"
    assert labels["batch.amazonaws.com/job-id"] == job_id
    assert labels["batch.amazonaws.com/compute-environment-uuid"] == environment["uuid"]
    assert labels["batch.amazonaws.com/node-uid"] == node["metadata"]["uid"]
    assert node["metadata"]["labels"]["batch.amazonaws.com/compute-environment-uuid"] == environment["uuid"]
    taints = {(taint["key"], taint["effect"]) for taint in node["spec"]["taints"]}
    assert {("batch.amazonaws.com/batch-node", effect) for effect in ("NoSchedule", "NoExecute")} <= taints
    assert pod["spec"]["restartPolicy"] == "Never"
    assert pod["spec"]["hostNetwork"] is True
    assert pod["spec"]["containers"][0]["name"] == "default"
    assert pod["spec"]["containers"][0]["resources"]["requests"]["memory"] == "1Gi" or "1024Mi"

    log = tutorial.wait(lambda: kubernetes.text(f"{PODS}/{name}/log"))
    variables = dict(line.partition("=")[::2] for line in log.splitlines())
    assert variables["AWS_BATCH_JOB_ID"] == job_id
    assert variables["AWS_BATCH_JOB_ATTEMPT"] == "1"
    assert variables["AWS_BATCH_JQ_NAME"] == "My-Eks-JQ1"
    assert variables["AWS_BATCH_CE_NAME"] == "My-Eks-CE1"
    assert variables["AWS_BATCH_JOB_KUBERNETES_NODE_UID"] == node["metadata"]["uid"]
    assert "AWS_BATCH_JOB_ARRAY_INDEX" not in variables

    tutorial.client("batch").terminate_job(jobId=job_id, reason="enough seen")
    ended = tutorial.job_ends(job_id)
    assert (ended["status"], ended["statusReason"], ended["isTerminated"]) == ("FAILED", "enough seen", True)
    assert ended["eksAttempts"][0]["statusReason"] == "enough seen"


def test_the_pod_is_cleaned_up(tutorial: Any) -> None:
    job = tutorial.job_ends(tutorial.submit("tidy", ["true"]))
    name = job["eksProperties"]["podProperties"]["podName"]
    names = lambda: [pod["metadata"]["name"] for pod in tutorial.kubernetes().get(PODS)["items"]]  # noqa: E731
    tutorial.wait(lambda: name not in names())
    assert tutorial.job(job["jobId"])["eksProperties"]["podProperties"]["podName"] == name


def test_failure_and_retries(tutorial: Any) -> None:
    job_id = tutorial.submit(
        "fails", ["sh", "-c", "exit $((AWS_BATCH_JOB_ATTEMPT + 10))"], retryStrategy={"attempts": 3}
    )
    job = tutorial.job_ends(job_id)
    assert job["status"] == "FAILED"
    codes = [attempt["containers"][0]["exitCode"] for attempt in job["eksAttempts"]]
    assert codes == [11, 12, 13]
    assert len({attempt["podName"] for attempt in job["eksAttempts"]}) == 3
    assert job["eksProperties"]["podProperties"]["containers"][0]["exitCode"] == 13
    assert job["eksProperties"]["podProperties"]["containers"][0]["reason"] == "Error"


@pytest.mark.parametrize(
    ("conditions", "attempts"),
    [
        ([{"onExitCode": "3", "action": "RETRY"}, {"onReason": "*", "action": "exit"}], 3),
        ([{"onExitCode": "4", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}], 1),
        ([{"onExitCode": "4", "action": "EXIT"}], 3),
        ([{"onExitCode": "3", "onReason": "Nothing*", "action": "EXIT"}], 3),
        ([{"onExitCode": "3*", "onReason": "Err*", "action": "EXIT"}], 1),
    ],
)
def test_evaluate_on_exit(tutorial: Any, conditions: list[dict[str, str]], attempts: int) -> None:
    """Conditions are ANDed, the first that matches decides, none that matches means RETRY."""
    strategy = {"attempts": 3, "evaluateOnExit": conditions}
    job = tutorial.job_ends(tutorial.submit("evaluated", ["sh", "-c", "exit 3"], retryStrategy=strategy))
    assert len(job["eksAttempts"]) == attempts


def test_parameters_replace_references(tutorial: Any) -> None:
    tutorial.define(
        "greeting", "sh", "-c", "test Ref::who = Ref::expected", parameters={"who": "me", "expected": "you"}
    )
    assert tutorial.job_ends(tutorial.submit("p", jobDefinition="greeting"))["status"] == "FAILED"
    job = tutorial.job_ends(tutorial.submit("p", jobDefinition="greeting", parameters={"who": "you"}))
    assert job["status"] == "SUCCEEDED"
    assert job["parameters"] == {"who": "you", "expected": "you"}
    assert job["eksProperties"]["podProperties"]["containers"][0]["command"][-1] == "test you = you"


def test_an_array(tutorial: Any) -> None:
    command = ["sh", "-c", "test $AWS_BATCH_JOB_ARRAY_SIZE = 4 && test $AWS_BATCH_JOB_ARRAY_INDEX != 2"]
    parent_id = tutorial.submit("array", command, arrayProperties={"size": 4})
    parent = tutorial.job_ends(parent_id)
    assert (parent["status"], parent["statusReason"]) == ("FAILED", "Array Child Job failed")
    assert parent["arrayProperties"]["size"] == 4
    assert parent["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 3
    assert parent["arrayProperties"]["statusSummary"]["FAILED"] == 1
    batch = tutorial.client("batch")
    children = batch.describe_jobs(jobs=[f"{parent_id}:{index}" for index in range(5)])["jobs"]
    assert [child["arrayProperties"] for child in children] == [{"index": index} for index in range(4)]
    assert [child["status"] for child in children] == ["SUCCEEDED", "SUCCEEDED", "FAILED", "SUCCEEDED"]
    failed = batch.list_jobs(arrayJobId=parent_id, jobStatus="FAILED")["jobSummaryList"]
    assert [(each["jobId"], each["container"]) for each in failed] == [
        (f"{parent_id}:2", {"exitCode": 1, "reason": "Error"})
    ]


def test_dependencies(tutorial: Any) -> None:
    batch = tutorial.client("batch")
    first = tutorial.submit("first", ["sh", "-c", "sleep 1"])
    second = tutorial.submit("second", ["true"], dependsOn=[{"jobId": first}])
    assert tutorial.job_is(second, "PENDING")["dependsOn"] == [{"jobId": first}]
    assert tutorial.job_ends(second)["status"] == "SUCCEEDED"
    assert tutorial.job(second)["startedAt"] >= tutorial.job(first)["stoppedAt"]

    broken = tutorial.submit("broken", ["false"])
    after = tutorial.submit("after", ["true"], dependsOn=[{"jobId": broken}])
    last = tutorial.submit("last", ["true"], dependsOn=[{"jobId": after}])
    for job_id in (after, last):
        job = tutorial.job_ends(job_id)
        assert (job["status"], job["statusReason"]) == ("FAILED", "Dependent Job failed")
        assert job["eksAttempts"] == []
        assert "startedAt" not in job

    held = tutorial.submit("held", SLEEP)
    waiting = tutorial.submit("waiting", ["true"], dependsOn=[{"jobId": held}])
    tutorial.job_is(waiting, "PENDING")
    batch.cancel_job(jobId=waiting, reason="not needed")
    # A PENDING job is cancelled once the jobs it depends on have completed.
    assert tutorial.job(waiting)["status"] == "PENDING"
    batch.terminate_job(jobId=held, reason="enough")
    job = tutorial.job_ends(waiting)
    assert (job["status"], job["statusReason"], job["isCancelled"]) == ("FAILED", "not needed", True)


def test_array_dependencies(tutorial: Any) -> None:
    size = {"size": 3}
    sequential = tutorial.submit("s", ["true"], arrayProperties=size, dependsOn=[{"type": "SEQUENTIAL"}])
    assert tutorial.job_ends(sequential)["status"] == "SUCCEEDED"
    times = [tutorial.job(f"{sequential}:{index}") for index in range(3)]
    assert all(before["stoppedAt"] <= after["startedAt"] for before, after in itertools.pairwise(times))

    command = ["sh", "-c", "test $AWS_BATCH_JOB_ARRAY_INDEX != 1"]
    left = tutorial.submit("left", command, arrayProperties=size)
    right = tutorial.submit("right", ["true"], arrayProperties=size, dependsOn=[{"jobId": left, "type": "N_TO_N"}])
    tutorial.job_ends(right)
    assert [tutorial.job(f"{right}:{index}")["status"] for index in range(3)] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]


def test_cancelling_an_array_cancels_its_children(tutorial: Any) -> None:
    parent = tutorial.submit("a", SLEEP, arrayProperties={"size": 3}, dependsOn=[{"type": "SEQUENTIAL"}])
    tutorial.job_is(f"{parent}:0", "RUNNING")
    batch = tutorial.client("batch")
    batch.cancel_job(jobId=parent, reason="changed my mind")
    # The running child is left alone by a cancel; the others end after it.
    assert tutorial.job(f"{parent}:0")["status"] == "RUNNING"
    assert tutorial.job(parent)["status"] == "PENDING"
    batch.terminate_job(jobId=parent, reason="all of it")
    assert tutorial.job_ends(parent)["status"] == "FAILED"
    assert tutorial.job(f"{parent}:2")["statusReason"] == "changed my mind"
    assert tutorial.job(f"{parent}:0")["statusReason"] == "all of it"


def test_cancel_leaves_what_has_started(tutorial: Any) -> None:
    job_id = tutorial.submit("running", SLEEP)
    tutorial.job_is(job_id, "RUNNING")
    batch = tutorial.client("batch")
    batch.cancel_job(jobId=job_id, reason="too late")
    assert tutorial.job(job_id)["status"] == "RUNNING"
    assert tutorial.job(job_id)["isCancelled"] is False
    answer = batch.terminate_jobs(jobs=[job_id, "unknown"], reason="now")
    assert (answer["successful"], answer["errors"]) == ([job_id, "unknown"], [])
    assert tutorial.job_ends(job_id)["statusReason"] == "now"


def test_bulk_limits(tutorial: Any) -> None:
    batch = tutorial.client("batch")
    with pytest.raises(batch.exceptions.ClientException, match="1 to 50"):
        batch.cancel_jobs(jobs=["x"] * 51, reason="r")
    with pytest.raises(batch.exceptions.ClientException, match="1 to 1024"):
        batch.terminate_job(jobId="x", reason="r" * 1025)
    with pytest.raises(batch.exceptions.ClientException, match=r"Maximum number of jobs supported is  100 \."):
        batch.describe_jobs(jobs=["x"] * 101)
    assert batch.describe_jobs(jobs=["unknown", "un:0", "known:x"])["jobs"] == []


def test_a_public_image_hangs_in_starting(tutorial: Any) -> None:
    image = "public.ecr.aws/amazonlinux/amazonlinux:2"
    override = {"podProperties": {"containers": [{"image": image}]}}
    job_id = tutorial.submit("public", eksPropertiesOverride=override)
    job = tutorial.job_is(job_id, "STARTING")
    name = job["eksProperties"]["podProperties"]["podName"]

    def failed_pull() -> Any:
        found = tutorial.kubernetes().get(
            "/api/v1/namespaces/my-aws-batch-namespace/events", fieldSelector=f"involvedObject.name={name}"
        )
        return [each for each in found["items"] if f'Failed to pull image "{image}"' in each["message"]]

    (event, *_) = tutorial.wait(failed_pull)
    assert event["message"].endswith("dial tcp: i/o timeout")
    assert tutorial.job(job_id)["status"] == "STARTING"
    tutorial.client("batch").terminate_job(jobId=job_id, reason="image is out of reach")
    job = tutorial.job_ends(job_id)
    assert job["statusReason"] == "image is out of reach"
    assert "startedAt" not in job


def test_another_namespace(tutorial: Any) -> None:
    """Without the same rights there the job stays RUNNABLE; with them it runs."""
    override = {"podProperties": {"metadata": {"namespace": "elsewhere"}, "containers": [{"command": ["true"]}]}}
    tutorial.create_namespace("elsewhere")
    job_id = tutorial.submit("there", eksPropertiesOverride=override)
    tutorial.job_is(job_id, "RUNNABLE")
    refused = lambda: [  # noqa: E731
        call
        for call in tutorial.control("GET", "/_sandbox/calls")
        if call["operation"].startswith("POST /api/v1/namespaces/elsewhere/pods") and call["status"] == 403
    ]
    tutorial.wait(refused)
    assert tutorial.job(job_id)["status"] == "RUNNABLE"
    tutorial.create_role(namespace="elsewhere")
    job = tutorial.job_ends(job_id)
    assert job["status"] == "SUCCEEDED"
    assert job["eksAttempts"][0]["podNamespace"] == "elsewhere"


def test_a_second_container_and_an_init_container(tutorial: Any, make_definition: Any) -> None:
    document = make_definition("pair", "sh", "-c", "exit 0", image=tutorial.image)
    pod = document["eksProperties"]["podProperties"]
    (first,) = pod["containers"]
    pod["containers"] = [{**first, "name": "Main"}, {**first, "name": "Side", "command": ["sh", "-c", "exit 5"]}]
    pod["initContainers"] = [{**first, "name": "Prepare", "command": ["true"]}]
    tutorial.client("batch").register_job_definition(**document)
    job = tutorial.job_ends(tutorial.submit("pair", jobDefinition="pair"))
    assert job["status"] == "FAILED"
    (attempt,) = job["eksAttempts"]
    assert [(each["name"], each["exitCode"]) for each in attempt["containers"]] == [("Main", 0), ("Side", 5)]
    assert [(each["name"], each["exitCode"]) for each in attempt["initContainers"]] == [("Prepare", 0)]


def test_tags(tutorial: Any) -> None:
    batch = tutorial.client("batch")
    job_id = tutorial.submit("tagged", ["true"], tags={"a": "1"})
    arn = tutorial.job(job_id)["jobArn"]
    batch.tag_resource(resourceArn=arn, tags={"b": "2", "c": "3"})
    batch.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert batch.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2", "c": "3"}
    batch.untag_resource(resourceArn=arn, tagKeys=["b", "c"])
    assert batch.list_tags_for_resource(resourceArn=arn)["tags"] == {}
    queue = tutorial.queue_settles("My-Eks-JQ1")["jobQueueArn"]
    batch.tag_resource(resourceArn=queue, tags={"team": "data"})
    assert tutorial.queue_settles("My-Eks-JQ1")["tags"] == {"team": "data"}
    definition = tutorial.job(job_id)["jobDefinition"]
    batch.tag_resource(resourceArn=definition, tags={"spec": "hash"})
    described = batch.describe_job_definitions(jobDefinitions=[definition])["jobDefinitions"]
    assert described[0]["tags"] == {"spec": "hash"}
    with pytest.raises(batch.exceptions.ClientException, match="does not exist"):
        batch.list_tags_for_resource(resourceArn="arn:aws:batch:us-east-1:123456789012:job-queue/none")


def test_job_events_reach_sqs(tutorial: Any) -> None:
    sqs, events = tutorial.client("sqs"), tutorial.client("events")
    url = sqs.create_queue(QueueName="batch-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:events:us-east-1:123456789012:rule/jobs"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    pattern = {
        "source": ["aws.batch"],
        "detail-type": ["Batch Job State Change"],
        "detail": {"status": ["RUNNING", "SUCCEEDED"]},
    }
    events.put_rule(Name="jobs", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="jobs", Targets=[{"Id": "1", "Arn": arn}])
    # A queue that EventBridge may not send to, and one that is gone, get nothing and are in nobody's way.
    sqs.create_queue(QueueName="closed")
    for name in ("closed", "gone"):
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn.replace("batch-events", name)}])
    job_id = tutorial.submit("told", ["true"])
    received: list[Any] = []

    def two() -> bool:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        received.extend(json.loads(message["Body"]) for message in found)
        return len(received) >= 2

    tutorial.wait(two)
    closed = sqs.get_queue_url(QueueName="closed")["QueueUrl"]
    assert "Messages" not in sqs.receive_message(QueueUrl=closed)
    for name in ("jobs", "closed", "gone"):
        events.remove_targets(Rule=name, Ids=["1"])
        events.delete_rule(Name=name)
    sqs.delete_queue(QueueUrl=closed)
    with pytest.raises(sqs.exceptions.QueueDeletedRecently):
        sqs.create_queue(QueueName="closed")
    assert [event["detail"]["status"] for event in received] == ["RUNNING", "SUCCEEDED"]
    assert {event["detail"]["jobId"] for event in received} == {job_id}
    assert received[0]["source"] == "aws.batch"
    assert received[0]["resources"] == [tutorial.job(job_id)["jobArn"]]
    assert received[1]["detail"]["eksAttempts"][0]["containers"][0]["exitCode"] == 0
