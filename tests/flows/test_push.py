"""A run that is told of changes by EventBridge and SQS ends as one that polls, whatever becomes of the messages."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prefect import task
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled

from blocks.eks_cluster import EksCluster
from flows.reap import end_jobs_of, reap_jobs
from flows.submit import submit_jobs
from sandbox.remote import RemoteSandbox
from specs.submitted_name import run_digits
from tasks import job_watch
from tasks.job import JobResult
from tasks.job_changes import Polling
from tasks.job_log import JobLogs
from tasks.job_state_messages import Messages
from tasks.job_state_queue import job_state_queue
from tasks.job_submission import SubmittedJob
from tasks.job_watch import watch_jobs
from tests.flows.jobs import shell

FAR_AWAY = 600.0
DENIED = {"status": 403, "code": "AccessDeniedException", "message": "User: someone is not authorized to perform this"}


def until(file: Path) -> str:
    """A script that ends once a file exists."""
    return f"until test -e {file}; do sleep 0.1; done"


def event(job_id: str, status: str, *, ended_attempts: int = 0) -> str:
    """The part of an event that the documentation promises."""
    detail = {"jobId": job_id, "status": status, "eksAttempts": [{}] * ended_attempts, "jobName": "any"}
    return json.dumps({"source": "aws.batch", "detail-type": "Batch Job State Change", "detail": detail})


def send(cluster: EksCluster, queue_url: str, *bodies: str) -> None:
    for body in bodies:
        cluster.sqs.send_message(QueueUrl=queue_url, MessageBody=body)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What flows and tasks have warned of."""
    records = [record for record in caplog.records if record.name in ("prefect.flow_runs", "prefect.task_runs")]
    return [record.getMessage() for record in records if record.levelno == logging.WARNING]


def left_over(cluster: EksCluster) -> tuple[list[str], list[str]]:
    """Rules and queues that exist."""
    rules = [rule["Name"] for rule in cluster.events.list_rules()["Rules"]]
    return rules, cluster.sqs.list_queues().get("QueueUrls", [])


@pytest.fixture
def sandbox(batch: tuple[RemoteSandbox, EksCluster]) -> RemoteSandbox:
    batch[0].clear_faults()
    return batch[0]


@pytest.fixture
def cluster(batch: tuple[RemoteSandbox, EksCluster], sandbox: RemoteSandbox) -> EksCluster:
    return batch[1]


@pytest.fixture
def watch_one(cluster: EksCluster, tmp_path: Path) -> Callable[..., tuple[JobResult, list[str]]]:
    """``watch_one(act)``: watch a job that ends once the file `end` exists; gives its result and what was shown.

    ``act(queue_url, job_id, status)`` is called after each look.
    """

    def watch(act: Callable[[str, str, str], None]) -> tuple[JobResult, list[str]]:
        run_id, shown = str(uuid4()), list[str]()
        with job_state_queue(cluster, run_id, wanted=True) as queue_url:
            document = shell(f"{run_digits(run_id)}-0-00000000-r1-one", until(tmp_path / "end")).to_document()
            job_id = cluster.batch.submit_job(**document)["jobId"]

            def show(results: Collection[JobResult]) -> None:
                shown.extend(result.status for result in results)
                act(queue_url, job_id, shown[-1])

            with JobLogs(cluster) as logs:
                job = SubmittedJob(job_name="one", job_id=job_id)
                (result,) = watch_jobs(cluster, [job], queue_url=queue_url, logs=logs, show=[show])
        return result, shown

    return watch


def test_ends_are_learned_from_messages_with_few_calls_and_nothing_is_left(
    cluster: EksCluster, sandbox: RemoteSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_watch, "NET_SECONDS", FAR_AWAY)
    array = shell("array", "sleep 1", arrayProperties={"size": 3})
    jobs = [*(shell(f"told-{index}", "sleep 1") for index in range(29)), array]
    sandbox.clear_calls()
    report = submit_jobs(cluster, jobs, push=True)
    assert Counter(job.status for job in report.jobs) == {"SUCCEEDED": len(jobs)}
    calls = Counter(call["operation"] for call in sandbox.calls())
    assert calls["DescribeJobs"] < len(jobs)
    assert calls["ReceiveMessage"] > 0
    assert left_over(cluster) == ([], [])


def test_messages_are_taken_for_hints_only(
    cluster: EksCluster,
    watch_one: Callable[..., tuple[JobResult, list[str]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job_watch, "NET_SECONDS_WITH_LOGS", FAR_AWAY)
    running = list[str]()

    def lie(queue_url: str, job_id: str, status: str) -> None:
        running.extend([status] if status == "RUNNING" else [])
        if len(running) == 1:
            send(cluster, queue_url, "not JSON", event(job_id, "SUCCEEDED"), event(job_id, "SUCCEEDED"))
        if len(running) == 2:
            (tmp_path / "end").touch()

    result, shown = watch_one(lie)
    assert (result.status, shown.count("SUCCEEDED")) == ("SUCCEEDED", 1)
    assert len(running) > 1


def test_messages_that_tell_nothing_new_make_nobody_look(cluster: EksCluster) -> None:
    queue_url = cluster.sqs.create_queue(QueueName="messages")["QueueUrl"]
    known = {
        name: JobResult(job_name=name, job_id=name, status=status)
        for name, status in {"late": "RUNNING", "further": "RUNNABLE", "again": "RUNNING"}.items()
    }

    @task
    def wait(*messages: str) -> Collection[str]:
        send(cluster, queue_url, *messages)
        return Messages(cluster, queue_url, FAR_AWAY, Polling(FAR_AWAY)).wait(known)

    late = [event("late", status) for status in ("RUNNING", "STARTING", "RUNNABLE", "STARTING", "UNHEARD_OF")]
    malformed = ["", "[]", "{}", '{"detail": {"jobId": 1}}', '{"detail": null}', event("of another run", "FAILED")]
    again = event("again", "RUNNABLE", ended_attempts=1)
    assert wait(*late, *malformed, event("further", "STARTING"), again) == {"further", "again"}
    assert "Messages" not in cluster.sqs.receive_message(QueueUrl=queue_url, VisibilityTimeout=0)
    cluster.sqs.delete_queue(QueueUrl=queue_url)


def test_lost_messages_cost_a_delay_only(
    cluster: EksCluster,
    watch_one: Callable[..., tuple[JobResult, list[str]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job_watch, "NET_SECONDS_WITH_LOGS", 1.0)

    def lose(queue_url: str, job_id: str, status: str) -> None:
        if not (tmp_path / "end").exists():
            cluster.events.disable_rule(Name=queue_url.rpartition("/")[2])
            cluster.sqs.purge_queue(QueueUrl=queue_url)
        (tmp_path / "end").touch()

    assert watch_one(lose)[0].status == "SUCCEEDED"


def test_a_queue_that_is_deleted_in_mid_run_is_done_without(
    cluster: EksCluster,
    watch_one: Callable[..., tuple[JobResult, list[str]]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def delete(queue_url: str, job_id: str, status: str) -> None:
        if not (tmp_path / "end").exists():
            cluster.sqs.delete_queue(QueueUrl=queue_url)
        (tmp_path / "end").touch()

    assert watch_one(delete)[0].status == "SUCCEEDED"
    (warning,) = warnings(caplog)
    assert warning.startswith("From now on the jobs are polled")
    assert "NonExistentQueue" in warning
    assert left_over(cluster) == ([], [])


@pytest.mark.parametrize(("service", "operation"), [("events", "PutRule"), ("sqs", "CreateQueue")])
def test_a_run_that_may_not_be_told_polls(
    service: str, operation: str, cluster: EksCluster, sandbox: RemoteSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.fault(service=service, operation=operation, **DENIED)
    sandbox.clear_calls()
    assert submit_jobs(cluster, [shell("polled", "true")], push=True).jobs[0].status == "SUCCEEDED"
    assert not [call for call in sandbox.calls() if call["operation"] == "ReceiveMessage"]
    (warning,) = warnings(caplog)
    assert warning.startswith("The jobs are polled")
    assert f"IAM policies do not allow {operation}" in warning
    assert left_over(cluster) == ([], [])


def cancelled(cluster: EksCluster, run_id: str) -> None:
    """What Prefect does where a run was cancelled whose process is gone."""
    run = FlowRun(id=UUID(run_id), flow_id=uuid4(), parameters={"cluster": cluster, "push": True})
    end_jobs_of(submit_jobs, run, Cancelled())


@pytest.mark.parametrize("clean_up", [reap_jobs, cancelled], ids=["reap", "hook"])
def test_what_killed_executions_of_a_run_leave_is_removed(
    clean_up: Callable[[EksCluster, str], object],
    cluster: EksCluster,
    sandbox: RemoteSandbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run_id, other = str(uuid4()), str(uuid4())
    with job_state_queue(cluster, run_id, wanted=True) as first:
        assert first
    # One execution ended by itself a moment ago, and SQS keeps the name of its queue for a minute.
    with ExitStack() as killed, job_state_queue(cluster, other, wanted=True) as others:
        for _ in range(2):
            killed.enter_context(job_state_queue(cluster, run_id, wanted=True))
        rules, queues = left_over(cluster)
        assert (len(rules), len(queues)) == (3, 3)
        rule_arn = cluster.events.describe_rule(Name=rules[0])["Arn"]
        tags = {tag["Key"]: tag["Value"] for tag in cluster.events.list_tags_for_resource(ResourceARN=rule_arn)["Tags"]}
        assert tags == cluster.sqs.list_queue_tags(QueueUrl=queues[0])["Tags"]
        assert tags["managed-by"] == "batch-eks-flows"
        # Somebody else removes one of each at the same moment.
        gone = {"events": "ResourceNotFoundException", "sqs": "QueueDoesNotExist"}
        for (service, code), operation in zip(gone.items(), ("DeleteRule", "DeleteQueue"), strict=True):
            sandbox.fault(service=service, operation=operation, status=400, code=code, after=True, times=1)
        clean_up(cluster, run_id)
        assert not [record for record in caplog.records if "may be left" in record.message] + warnings(caplog)
        assert left_over(cluster) == ([others.rpartition("/")[2]], [others])
