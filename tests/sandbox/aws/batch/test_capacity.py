"""Nodes and the head of the queue: what is launched, what blocks, what is taken away."""

import json
from typing import Any

import pytest

HEAD = "My-Eks-JQ1"


def override(cpu: str, memory: str = "64Mi", *command: str) -> dict[str, Any]:
    container: dict[str, Any] = {"resources": {"limits": {"cpu": cpu, "memory": memory}}}
    if command:
        container["command"] = list(command)
    return {"podProperties": {"containers": [container]}}


def reason_of(world: Any, job_id: str) -> str:
    return str(world.wait(lambda: world.job(job_id).get("statusReason")))


def instances(world: Any) -> list[str]:
    """Types of the running instances that Batch launched."""
    states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    reservations = world.client("ec2").describe_instances(Filters=states)["Reservations"]
    return [each["InstanceType"] for found in reservations for each in found["Instances"]]


@pytest.mark.parametrize(
    ("cpu", "memory", "words"),
    [
        (
            "129",
            "64Mi",
            "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - "
            "CE(s) associated with the job queue cannot meet the CPU requirement of the job.",
        ),
        (
            "1",
            "500000Mi",
            "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher "
            "than that can be met by the CE(s) attached to the job queue.",
        ),
        ("100", "64Mi", "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"),
    ],
)
def test_a_job_too_big_blocks_the_queue(tutorial: Any, cpu: str, memory: str, words: str) -> None:
    batch = tutorial.client("batch")
    big = tutorial.submit("big", eksPropertiesOverride=override(cpu, memory))
    small = tutorial.submit("small", ["true"])
    assert reason_of(tutorial, big).startswith(words)
    assert tutorial.job(big)["status"] == "RUNNABLE"
    assert tutorial.job(small)["status"] == "RUNNABLE"
    assert "statusReason" not in tutorial.job(small)
    front = batch.get_job_queue_snapshot(jobQueue=HEAD)["frontOfQueue"]["jobs"]
    assert [each["jobArn"].rpartition("/")[2] for each in front] == [big, small]
    batch.cancel_job(jobId=big, reason="too big")
    assert tutorial.job_ends(small)["status"] == "SUCCEEDED"


def test_a_two_cpu_job_does_not_fit_a_two_cpu_instance(tutorial: Any) -> None:
    """User Guide, memory-cpu-batch-eks: use 1.75 instead."""
    batch = tutorial.client("batch")
    large = {"computeResources__instanceTypes": ["m5.large"], "computeResources__maxvCpus": 4}
    batch.create_compute_environment(**tutorial.environment("large", **large))
    tutorial.environment_settles("large")
    batch.create_job_queue(
        jobQueueName="large", priority=1, computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "large"}]
    )
    tutorial.queue_settles("large")
    two = tutorial.submit("two", jobQueue="large", eksPropertiesOverride=override("2"))
    assert reason_of(tutorial, two).startswith("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT")
    batch.cancel_job(jobId=two, reason="too big")
    fits = tutorial.submit("fits", jobQueue="large", eksPropertiesOverride=override("1.75", "64Mi", "true"))
    assert tutorial.job_ends(fits)["status"] == "SUCCEEDED"


def test_a_blocked_job_is_cancelled_by_the_queue_s_action(tutorial: Any) -> None:
    batch, sqs, events = tutorial.client("batch"), tutorial.client("sqs"), tutorial.client("events")
    service = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**service, "Resource": "*"}]}
    url = sqs.create_queue(QueueName="blocked", Attributes={"Policy": json.dumps(policy)})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="blocked", EventPattern=json.dumps({"detail-type": ["Batch Job Queue Blocked"]}))
    events.put_targets(Rule="blocked", Targets=[{"Id": "1", "Arn": arn}])
    action = {"state": "RUNNABLE", "maxTimeSeconds": 600, "action": "CANCEL"}
    reason = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"
    batch.create_job_queue(
        jobQueueName="limited",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "My-Eks-CE1"}],
        jobStateTimeLimitActions=[{**action, "reason": reason}],
    )
    tutorial.queue_settles("limited")
    tutorial.control("POST", "/_sandbox/settings", {"time_limit_scale": 0.001})
    job = tutorial.job_ends(tutorial.submit("big", jobQueue="limited", eksPropertiesOverride=override("200")))
    assert job["status"] == "FAILED"
    assert job["statusReason"].startswith(f"Canceled by JobStateTimeLimit action due to reason: {reason}")
    messages = tutorial.wait(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    event = json.loads(messages[0]["Body"])
    assert event["resources"] == [job["jobArn"], job["jobQueue"]]
    assert event["detail"]["statusReason"].startswith(reason)
    events.remove_targets(Rule="blocked", Ids=["1"])
    events.delete_rule(Name="blocked")


def test_from_the_largest_need_to_none(tutorial: Any) -> None:
    """One instance that takes all that waits, and none once it is idle."""
    tutorial.control("POST", "/_sandbox/settings", {"node_idle_timeout": 0.5})
    tutorial.wait(lambda: not instances(tutorial))
    parent = tutorial.submit("wave", ["sh", "-c", "sleep 0.2"], arrayProperties={"size": 6})
    tutorial.job_ends(parent)
    assert instances(tutorial) in (["m5.2xlarge"], [])
    tutorial.wait(lambda: not instances(tutorial))
    tutorial.wait(lambda: tutorial.environment_settles("My-Eks-CE1")["computeResources"]["desiredvCpus"] == 0)
    tutorial.control("POST", "/_sandbox/settings", {"node_idle_timeout": 60})


def test_more_is_not_launched_than_max_vcpus(tutorial: Any) -> None:
    batch = tutorial.client("batch")
    small = {"computeResources__instanceTypes": ["m5.large"], "computeResources__maxvCpus": 4}
    batch.create_compute_environment(**tutorial.environment("capped", **small))
    tutorial.environment_settles("capped")
    batch.create_job_queue(
        jobQueueName="capped", priority=1, computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "capped"}]
    )
    tutorial.queue_settles("capped")
    parent = tutorial.submit("five", ["sh", "-c", "sleep 0.3"], jobQueue="capped", arrayProperties={"size": 5})
    tutorial.job_is(f"{parent}:0", "RUNNING", "SUCCEEDED")
    described = tutorial.environment_settles("capped")
    assert described["computeResources"]["desiredvCpus"] == 4
    assert tutorial.job_ends(parent)["status"] == "SUCCEEDED"


def test_the_second_environment_takes_what_the_first_cannot(tutorial: Any) -> None:
    batch = tutorial.client("batch")
    batch.create_compute_environment(
        **tutorial.environment("tiny", computeResources__instanceTypes=["m5.large"], computeResources__maxvCpus=2)
    )
    tutorial.environment_settles("tiny")
    order = [{"order": 1, "computeEnvironment": "tiny"}, {"order": 2, "computeEnvironment": "My-Eks-CE1"}]
    batch.create_job_queue(jobQueueName="both", priority=1, computeEnvironmentOrder=order)
    tutorial.queue_settles("both")
    command = ["sh", "-c", "echo $AWS_BATCH_CE_NAME; sleep 0.5"]
    first = tutorial.submit("first", command, jobQueue="both")
    big = tutorial.submit("big", jobQueue="both", eksPropertiesOverride=override("3", "64Mi", "true"))
    assert [tutorial.job_ends(each)["status"] for each in (first, big)] == ["SUCCEEDED", "SUCCEEDED"]
    nodes = [tutorial.job(each)["eksProperties"]["podProperties"]["nodeName"] for each in (first, big)]
    assert nodes[0] != nodes[1]


def test_a_lost_node_fails_its_jobs_and_is_replaced(tutorial: Any) -> None:
    job_id = tutorial.submit("held", ["sh", "-c", "sleep $((AWS_BATCH_JOB_ATTEMPT == 1 ? 60 : 0))"])
    lost = tutorial.job_is(job_id, "RUNNING")["eksProperties"]["podProperties"]["nodeName"]
    retried = tutorial.submit(
        "retried", ["sh", "-c", "sleep $((AWS_BATCH_JOB_ATTEMPT == 1 ? 60 : 0))"], retryStrategy={"attempts": 2}
    )
    tutorial.job_is(retried, "RUNNING")
    found = tutorial.client("ec2").describe_instances(Filters=[{"Name": "private-dns-name", "Values": [lost]}])
    instance_id = found["Reservations"][0]["Instances"][0]["InstanceId"]
    tutorial.control("DELETE", f"/_sandbox/nodes/{instance_id}")
    assert tutorial.job_ends(job_id)["status"] == "FAILED"
    job = tutorial.job_ends(retried)
    assert (job["status"], len(job["eksAttempts"])) == ("SUCCEEDED", 2)
    assert job["eksAttempts"][1]["nodeName"] != lost


def test_the_lighter_share_goes_first(tutorial: Any) -> None:
    batch = tutorial.client("batch")
    shares = [{"shareIdentifier": "heavy", "weightFactor": 4.0}, {"shareIdentifier": "light*", "weightFactor": 1.0}]
    policy = batch.create_scheduling_policy(name="fair", fairsharePolicy={"shareDistribution": shares})["arn"]
    one = {"computeResources__instanceTypes": ["m5.large"], "computeResources__maxvCpus": 2}
    batch.create_compute_environment(**tutorial.environment("one", **one))
    tutorial.environment_settles("one")
    batch.create_job_queue(
        jobQueueName="fair",
        priority=1,
        schedulingPolicyArn=policy,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "one"}],
    )
    tutorial.queue_settles("fair")

    def submit(name: str, share: str, priority: int, *command: str) -> str:
        return str(
            tutorial.submit(
                name,
                list(command),
                jobQueue="fair",
                shareIdentifier=share,
                schedulingPriorityOverride=priority,
            )
        )

    holder = submit("holder", "other", 1, "sleep", "60")
    tutorial.job_is(holder, "RUNNING")
    ids = [submit("h1", "heavy", 1, "true"), submit("h2", "heavy", 5, "true"), submit("l1", "light-1", 1, "true")]
    ids.append(submit("h3", "heavy", 1, "true"))
    for job_id in ids:
        tutorial.job_is(job_id, "RUNNABLE")
    batch.terminate_job(jobId=holder, reason="go")
    jobs = [tutorial.job_ends(job_id) for job_id in ids]
    order = sorted(jobs, key=lambda job: job["startedAt"])
    assert [job["jobName"] for job in order] == ["h2", "l1", "h1", "h3"]


def test_a_timed_out_job_fails_and_is_not_retried(tutorial: Any) -> None:
    tutorial.control("POST", "/_sandbox/settings", {"time_limit_scale": 0.005})
    strategy = {"attempts": 3}
    job_id = tutorial.submit("slow", ["sleep", "300"], timeout={"attemptDurationSeconds": 60}, retryStrategy=strategy)
    job = tutorial.job_ends(job_id)
    tutorial.control("POST", "/_sandbox/settings", {"time_limit_scale": 1})
    assert (job["status"], job["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")
    assert job["timeout"] == {"attemptDurationSeconds": 60}
    (attempt,) = job["eksAttempts"]
    assert attempt["statusReason"] == "Job attempt duration exceeded timeout"
    assert job["isTerminated"] is False


def test_unmapped_nodes_invalidate_the_environment(empty: Any) -> None:
    """The tutorial forgets the node role: the job stays RUNNABLE, and after a delay the environment is given up."""
    empty.create_namespace()
    empty.create_cluster_role()
    empty.create_role()
    empty.map_role()
    empty.mirror_image()
    empty.control("POST", "/_sandbox/settings", {"node_join_timeout": 1})
    batch = empty.client("batch")
    batch.create_compute_environment(**empty.environment("My-Eks-CE1"))
    assert empty.environment_settles("My-Eks-CE1")["status"] == "VALID"
    batch.create_job_queue(
        jobQueueName=HEAD, priority=1, computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "My-Eks-CE1"}]
    )
    empty.queue_settles(HEAD)
    empty.define("MyJobOnEks_Sleep", "true")
    job_id = empty.submit("stuck")
    empty.wait(lambda: empty.environment_settles("My-Eks-CE1")["status"] == "INVALID")
    environment = empty.environment_settles("My-Eks-CE1")
    assert environment["statusReason"].startswith(
        "Your compute environment has been INVALIDATED and scaled down because none of the nodes joined the "
        "underlying Amazon EKS Cluster."
    )
    assert environment["computeResources"]["desiredvCpus"] == 0
    assert reason_of(empty, job_id) == "ACTION_REQUIRED - CE(s) associated with the job queue are invalid."
    assert empty.job(job_id)["status"] == "RUNNABLE"
    empty.wait(lambda: not instances(empty))

    empty.map_node_role()
    batch.update_compute_environment(computeEnvironment="My-Eks-CE1")
    job = empty.job_ends(job_id)
    assert job["status"] == "SUCCEEDED"
    assert "statusReason" not in job


def test_min_vcpus_are_kept(empty: Any) -> None:
    empty.create_namespace()
    empty.create_cluster_role()
    empty.create_role()
    empty.map_role()
    empty.map_node_role()
    batch = empty.client("batch")
    batch.create_compute_environment(**empty.environment("warm", computeResources__minvCpus=4))
    empty.environment_settles("warm")
    empty.wait(lambda: instances(empty) == ["m5.xlarge"])


def test_a_gpu_job_needs_an_instance_type_with_as_many_gpus(empty: Any) -> None:
    empty.set_up()

    def gpu_job(name: str, queue: str, gpus: str) -> str:
        pods = override("1", "64Mi", "true")
        pods["podProperties"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] = gpus
        return str(empty.submit(name, jobQueue=queue, eksPropertiesOverride=pods))

    batch = empty.client("batch")
    on_m5 = gpu_job("no-gpu", HEAD, "1")
    assert reason_of(empty, on_m5).startswith("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT")
    batch.cancel_job(jobId=on_m5, reason="no GPU")

    mixed = empty.environment("mixed", computeResources__instanceTypes=["m5.2xlarge", "g4dn.xlarge"])
    batch.create_compute_environment(**mixed)
    empty.environment_settles("mixed")
    order = [{"order": 1, "computeEnvironment": "mixed"}]
    batch.create_job_queue(jobQueueName="mixed", priority=1, computeEnvironmentOrder=order)
    empty.queue_settles("mixed")
    one = gpu_job("one-gpu", "mixed", "1")
    assert empty.job_ends(one)["status"] == "SUCCEEDED"
    assert "g4dn.xlarge" in instances(empty)
    two = gpu_job("two-gpus", "mixed", "2")
    assert reason_of(empty, two).startswith("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT")
    batch.cancel_job(jobId=two, reason="too many GPUs")
