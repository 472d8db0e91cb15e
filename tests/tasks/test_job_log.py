"""Logs of jobs are followed while they run, and found after the end; none that is missing fails anything."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import flow

from blocks.eks_cluster import EksCluster
from sandbox.remote import RemoteSandbox
from tasks.cloudwatch_log import log_group
from tasks.job import JobResult, describe_jobs, job_result, last_attempt
from tasks.job_log import JobLogs


@pytest.fixture(scope="module")
def ready(batch: tuple[RemoteSandbox, EksCluster]) -> Iterator[tuple[RemoteSandbox, EksCluster]]:
    """A sandbox that was set up once, whose pods go as soon as they end."""
    batch[0].settings(pod_cleanup_delay=0)
    yield batch
    batch[0].settings(pod_cleanup_delay=10)


@pytest.fixture
def sandbox(ready: tuple[RemoteSandbox, EksCluster]) -> RemoteSandbox:
    ready[0].clear_faults()
    return ready[0]


@pytest.fixture
def cluster(ready: tuple[RemoteSandbox, EksCluster], sandbox: RemoteSandbox) -> EksCluster:
    return ready[1]


def submitted(cluster: EksCluster, script: str, **more: Any) -> str:
    override: Any = {"podProperties": {"containers": [{"command": ["/bin/sh"], "args": ["-c", script]}]}}
    return cluster.batch.submit_job(
        jobName="logged",
        jobQueue="My-Eks-JQ1",
        jobDefinition="MyJobOnEks_Sleep",
        eksPropertiesOverride=override,
        **more,
    )["jobId"]


def until(question: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while not (answer := question()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return answer


def when(cluster: EksCluster, job_id: str, *statuses: str) -> dict[str, Any]:
    def described() -> dict[str, Any] | None:
        job = describe_jobs(cluster, [job_id])[job_id]
        return job if job["status"] in statuses else None

    return dict(until(described))


def gone(cluster: EksCluster, job: dict[str, Any]) -> None:
    """Wait until Batch has deleted the pod of a job."""
    attempt = last_attempt(job)
    until(
        lambda: (
            attempt["podName"]
            not in {pod.metadata.name for pod in cluster.core_v1.list_namespaced_pod(attempt["podNamespace"]).items}
        )
    )


def in_a_run(body: Callable[[], None]) -> None:
    flow(name="logs")(body)()


def test_a_log_is_shown_as_it_comes_and_kept_though_its_pod_is_gone(
    cluster: EksCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = f"echo one; until test -e {tmp_path}/go; do sleep 0.05; done; echo two; exit 3"

    def body() -> None:
        job_id = submitted(cluster, script)
        running = when(cluster, job_id, "RUNNING")
        with JobLogs(cluster) as logs:
            logs.follow([("logged", running)])
            until(lambda: "logged: one" in caplog.messages)
            assert "logged: two" not in caplog.messages
            (tmp_path / "go").touch()
            ended = when(cluster, job_id, "FAILED")
            gone(cluster, ended)
            until(lambda: "logged: two" in caplog.messages)
            kept = logs.of_ended([("logged", ended)])[job_id]
        assert (kept.text, kept.lines, kept.size) == ("one\ntwo\n", 2, 8)
        assert f"kubectl logs -n my-aws-batch-namespace {last_attempt(ended)['podName']} -c default" in kept.note

    with caplog.at_level(logging.INFO):
        in_a_run(body)


def test_of_a_long_log_the_beginning_is_shown_and_the_end_is_kept(
    cluster: EksCluster, sandbox: RemoteSandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = f"seq 1500; until test -e {tmp_path}/go; do sleep 0.05; done; exit 1"

    def body() -> None:
        job_id = submitted(cluster, script)
        running = when(cluster, job_id, "RUNNING")
        sandbox.kubernetes_fault(match={"path": "/log$"}, reset=True, times=2)
        with JobLogs(cluster) as logs:
            logs.follow([("logged", running)])
            until(lambda: "logged: its log is cut here; the report of the run has its end" in caplog.messages)
            (tmp_path / "go").touch()
            kept = logs.of_ended([("logged", when(cluster, job_id, "FAILED"))])[job_id]
        assert (kept.lines, kept.text.splitlines()) == (1500, [str(number) for number in range(1301, 1501)])
        shown = [message for message in caplog.messages if message.startswith("logged: ")]
        assert shown[:1000] == [f"logged: {number}" for number in range(1, 1001)]
        assert len(shown) == 1001

    with caplog.at_level(logging.INFO):
        in_a_run(body)


def test_nothing_is_followed_after_the_end_of_a_run(cluster: EksCluster, caplog: pytest.LogCaptureFixture) -> None:
    def body() -> None:
        job_id = submitted(cluster, "echo one; exec sleep 60")
        with JobLogs(cluster) as logs:
            logs.follow([("logged", when(cluster, job_id, "RUNNING"))])
            until(lambda: "logged: one" in caplog.messages)
        assert not [thread for thread in threading.enumerate() if thread.name == "pod log"]
        cluster.batch.terminate_job(jobId=job_id, reason="the test is over")

    with caplog.at_level(logging.INFO):
        in_a_run(body)


def test_the_chosen_and_then_the_oldest_are_followed(
    cluster: EksCluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tasks.job_log.MOST_FOLLOWED", 2)

    def body() -> None:
        ids = [submitted(cluster, "echo here; exec sleep 60") for _ in range(3)]
        running = [(f"job-{number}", when(cluster, job_id, "RUNNING")) for number, job_id in enumerate(ids)]
        for number, (_name, job) in enumerate(running):
            job["startedAt"] = number + 1
        with JobLogs(cluster, ["job-2"]) as logs:
            logs.follow(running)
            until(lambda: {"job-2: here", "job-0: here"} <= set(caplog.messages))
            cluster.batch.terminate_job(jobId=ids[0], reason="enough")
            logs.of_ended([("job-0", when(cluster, ids[0], "FAILED"))])
            logs.follow(running[1:])
            until(lambda: "job-1: here" in caplog.messages)
        for job_id in ids:
            cluster.batch.terminate_job(jobId=job_id, reason="the test is over")

    with caplog.at_level(logging.INFO):
        in_a_run(body)


def ended_without_log(cluster: EksCluster) -> tuple[JobResult, dict[str, Any]]:
    """A job that failed, whose pod is gone before anybody read its log."""
    job_id = submitted(cluster, "echo lost; exit 1")
    job = when(cluster, job_id, "FAILED")
    gone(cluster, job)
    return job_result(cluster, job, "logged"), job


def completed(cluster: EksCluster, result: JobResult) -> JobResult:
    found: list[JobResult] = []

    def body() -> None:
        with JobLogs(cluster) as logs:
            found.extend(logs.complete([result]))

    in_a_run(body)
    return found[0]


def test_the_log_of_a_pod_that_is_gone_is_read_from_cloudwatch_or_missed_with_a_reason(
    cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    result, job = ended_without_log(cluster)
    missing = completed(cluster, result)
    assert missing.log == ""
    assert "there is no CloudWatch log group /aws/containerinsights/" in missing.log_note
    assert "amazon-cloudwatch-observability" in missing.log_note

    client: Any = cluster.session.client("logs")
    client.create_log_group(logGroupName=log_group(cluster))
    assert "has no log stream" in completed(cluster, result).log_note

    attempt = last_attempt(job)
    pod = f"{attempt['podName']}_{attempt['podNamespace']}"
    start = f"{attempt['nodeName']}-application.var.log.containers.{pod}_default"
    now = int(time.time() * 1000)
    for stream, lines in ((f"{start}-0123abcd.log", ["found", "it"]), (f"{start}-b-4567.log", ["another's"])):
        client.create_log_stream(logGroupName=log_group(cluster), logStreamName=stream)
        events = [{"timestamp": now, "message": json.dumps({"log": line, "stream": "stdout"})} for line in lines]
        client.put_log_events(logGroupName=log_group(cluster), logStreamName=stream, logEvents=events)
    found = completed(cluster, result)
    assert (found.log, found.log_lines) == ("found\nit\n", 2)
    assert "/log-events/" in found.log_note
    assert "default-0123abcd.log" in found.log_note

    denied = {"code": "AccessDeniedException", "message": "not authorized to perform: logs:DescribeLogStreams"}
    sandbox.fault(service="logs", operation="DescribeLogStreams", status=400, times=1, **denied)
    assert "allow logs:DescribeLogStreams and logs:GetLogEvents" in completed(cluster, result).log_note

    elsewhere = EksCluster(cluster_name=cluster.cluster_name, endpoint_urls={"logs": "http://127.0.0.1:9"})
    assert "interface endpoint logs" in completed(elsewhere, result).log_note
