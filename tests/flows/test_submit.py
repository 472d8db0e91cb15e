"""Jobs are submitted once, whatever happens to calls, processes and runs; the ends of all of them are reported."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowRunFilter, FlowRunFilterId

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from demo.prefect_server import PrefectServer
from flows.diagnose import diagnose_job
from flows.reap import reap_jobs
from flows.submit import TUTORIAL_JOBS, submit_jobs
from sandbox.remote import RemoteSandbox
from specs.fault import SpecError
from specs.job_request import JobRequest
from specs.job_table import JobTable
from specs.submitted_name import run_digits
from tasks import job_submission, job_watch
from tasks.job import describe_jobs
from tasks.job_listing import list_submitted
from tasks.job_report import JobsFailedError
from tests.flows.emitted_events import emitted
from tests.flows.jobs import end_all, names_in_batch, shell
from tests.flows.planned_run import execute, planned

ROOT = Path(__file__).resolve().parent.parent.parent
TABLES_PAGE = (ROOT / "docs" / "how-to" / "job-table.md").read_text()
(DOCS_READ_A_CELL,) = re.findall(r"^day=.*$", TABLES_PAGE, re.MULTILINE)

THROTTLED = {"status": 429, "code": "TooManyRequestsException", "message": "Too Many Requests"}


def start_process(
    run_id: str, jobs: list[JobRequest], sandbox: RemoteSandbox, server: PrefectServer
) -> "subprocess.Popen[bytes]":
    """Execute a flow run in a process that can be stopped."""
    code = "import json, sys; from tests.flows.killed_submission import run; run(*json.loads(sys.argv[1]))"
    arguments = json.dumps([run_id, sandbox.env["EKS_CLUSTER"], [job.to_document() for job in jobs]])
    return subprocess.Popen([sys.executable, "-c", code, arguments], cwd=ROOT, env=os.environ | server.env)


def shown_artifacts(key: str) -> list[str]:
    """What artifacts of a key say, whichever runs made them."""
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return [str(artifact.data) for artifact in found]


@pytest.fixture
def sandbox(batch_sandbox: RemoteSandbox) -> RemoteSandbox:
    return batch_sandbox


@pytest.fixture
def cluster(batch_cluster: EksCluster) -> EksCluster:
    return batch_cluster


def test_a_throttled_submission_is_sent_again_and_the_job_runs_once(
    cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    sandbox.fault(service="batch", operation="SubmitJob", times=3, **THROTTLED)
    (result,) = submit_jobs(cluster, [shell("throttled", "echo hello world")]).jobs
    assert (result.job_name, result.status, result.log) == ("throttled", "SUCCEEDED", "hello world\n")
    assert names_in_batch(cluster)["throttled"] == 1


@pytest.mark.parametrize("fault", [{"reset": True}, {"status": 503, "code": "ServiceUnavailable"}], ids=str)
def test_jobs_whose_answers_were_lost_are_found_though_listjobs_lags(
    fault: dict[str, Any], cluster: EksCluster, sandbox: RemoteSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_submission, "SETTLE_SECONDS", 4.0)
    monkeypatch.setattr(job_submission, "LOOK_SECONDS", 0.5)
    sandbox.settings(list_jobs_delay=1.5)
    sandbox.fault(service="batch", operation="SubmitJob", times=2, after=True, **fault)
    sandbox.fault(service="batch", operation="SubmitJob", times=1, **fault)
    names = [f"lost-{next(iter(fault))}-{index}" for index in range(5)]
    report = submit_jobs(cluster, [shell(name, "true") for name in names])
    assert [(job.job_name, job.status) for job in report.jobs] == [(name, "SUCCEEDED") for name in names]
    counts = names_in_batch(cluster, lag=1.5)
    assert {name: counts[name] for name in names} == dict.fromkeys(names, 1)


def test_a_repeated_run_submits_again_what_failed_and_nothing_else(
    cluster: EksCluster, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    jobs = [shell("good", "true"), shell("twice", f"test -e {tmp_path}/seen || {{ touch {tmp_path}/seen; exit 3; }}")]
    run_id = planned(submit_jobs)
    with pytest.raises(JobsFailedError, match="exit code 3"):
        execute(submit_jobs, run_id, cluster=cluster, jobs=jobs)
    report = execute(submit_jobs, run_id, cluster=cluster, jobs=jobs)
    assert [(job.job_name, job.status) for job in report.jobs] == [("good", "SUCCEEDED"), ("twice", "SUCCEEDED")]
    counts = names_in_batch(cluster)
    assert (counts["good"], counts["twice"]) == (1, 2)


@pytest.mark.parametrize(
    "submitted", [pytest.param(1, marks=pytest.mark.campaign), 13, pytest.param(19, marks=pytest.mark.campaign)]
)
def test_a_run_killed_in_mid_submission_loses_and_doubles_nothing(
    submitted: int,
    cluster: EksCluster,
    sandbox: RemoteSandbox,
    prefect_server: PrefectServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job_submission, "SETTLE_SECONDS", 3.0)
    sandbox.settings(list_jobs_delay=1.0)
    jobs = [shell(f"killed-{submitted}-{index}", "true") for index in range(20)]
    run_id = planned(submit_jobs)
    sandbox.clear_calls()
    process = start_process(run_id, jobs, sandbox, prefect_server)
    while sum(call["operation"] == "SubmitJob" for call in sandbox.calls()) < submitted:
        assert process.poll() is None, "it ended before it could be killed"
    process.kill()
    process.wait()
    report = execute(submit_jobs, run_id, cluster=cluster, jobs=jobs)
    assert Counter(job.status for job in report.jobs) == {"SUCCEEDED": len(jobs)}
    counts = names_in_batch(cluster, lag=1.0)
    assert {job.job_name: counts[job.job_name] for job in jobs} == dict.fromkeys((j.job_name for j in jobs), 1)


@pytest.mark.parametrize("signalled", [signal.SIGTERM, signal.SIGKILL], ids=lambda one: one.name)
def test_the_jobs_of_a_run_that_is_stopped_end(
    signalled: signal.Signals, cluster: EksCluster, prefect_server: PrefectServer, sandbox: RemoteSandbox
) -> None:
    jobs = [shell(f"{signalled.name}-{index}", "sleep 60") for index in range(3)]
    run_id = planned(submit_jobs)
    process = start_process(run_id, jobs, sandbox, prefect_server)
    while sum(names_in_batch(cluster)[job.job_name.lower()] for job in jobs) < len(jobs):
        assert process.poll() is None, "it ended before it could be stopped"
    # Prefect's handler raises, which comes to nothing while Python runs a destructor: asked again, as people do.
    while process.poll() is None:
        process.send_signal(signalled)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
    if signalled == signal.SIGKILL:
        assert len(reap_jobs(cluster, run_id)) == len(jobs)
    deadline = time.monotonic() + 60
    ours = [job["jobId"] for job in list_submitted(cluster, "My-Eks-JQ1", f"{run_digits(run_id)}-")]
    while {job["status"] for job in describe_jobs(cluster, ours).values()} != {"FAILED"}:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert reap_jobs(cluster, run_id) == []


def test_an_array_s_failed_children_are_in_the_result(cluster: EksCluster) -> None:
    script = "echo child $AWS_BATCH_JOB_ARRAY_INDEX; exit $((AWS_BATCH_JOB_ARRAY_INDEX % 2))"
    array = shell("array", script, arrayProperties={"size": 6})
    with pytest.raises(
        JobsFailedError, match=r"3 of 6 children FAILED: 1 \(exit code 1\), 3 \(exit code 1\), 5"
    ) as failed:
        submit_jobs(cluster, [array])
    assert [child.index for child in failed.value.jobs[0].failed_children] == [1, 3, 5]
    shown = next(text for text in shown_artifacts("submit-jobs") if failed.value.jobs[0].job_id in text)
    assert "## Log of array:1\n\n```\nchild 1\n```\n\nThe whole log: `kubectl logs" in shown


def test_an_array_whose_children_cannot_start_is_explained(cluster: EksCluster) -> None:
    document = shell("hanging", "true", arrayProperties={"size": 2}).to_document()
    document["eksPropertiesOverride"]["podProperties"]["containers"][0]["image"] = "public.ecr.aws/some/image:1"
    waiting = shell("behind", "true", dependsOn=[{"jobId": "hanging"}])
    with pytest.raises(JobsFailedError, match=r"Failed to pull image") as failed:
        submit_jobs(cluster, [JobRequest.from_document(document), waiting], stuck_after_seconds=1)
    assert "it waits for hanging, which hangs" in str(failed.value)
    end_all(cluster)


def test_of_jobs_that_hang_those_that_can_never_start_are_ended_if_asked_to(
    cluster: EksCluster, prefect_server: PrefectServer
) -> None:
    document = shell("never", "true", arrayProperties={"size": 2}).to_document()
    document["eksPropertiesOverride"]["podProperties"]["containers"][0]["image"] = "public.ecr.aws/some/image:1"
    slow = shell("maybe", "true", dependsOn=[{"jobId": "never"}])
    with pytest.raises(JobsFailedError, match="It was ended, since it can never start") as failed:
        submit_jobs(cluster, [JobRequest.from_document(document), slow], stuck_after_seconds=1, end_stuck_jobs=True)
    assert "it waits for never, which hangs" in str(failed.value)
    found = [job for job in list_submitted(cluster, "My-Eks-JQ1", "") if job["jobName"].endswith("-never")]
    deadline = time.monotonic() + 60
    while (job := describe_jobs(cluster, [found[0]["jobId"]])[found[0]["jobId"]])["status"] != "FAILED":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert job["statusReason"].startswith("It can never start: Failed to pull image")


@pytest.mark.parametrize("submit_as", ["jobs", "array"])
def test_every_row_of_a_table_is_a_job_that_reads_its_cells_as_the_docs_say(
    submit_as: str, cluster: EksCluster, tmp_path: Path
) -> None:
    days = ["007", "", 'a "b", c', "$HOME $(HOME) $$ $((1))", "\\n %s é"]
    (tmp_path / "days.csv").write_text(
        "region,day\n" + "".join(f'x,"{day.replace(chr(34), chr(34) * 2)}"\n' for day in days)
    )
    script = f"{DOCS_READ_A_CELL}\nprintf '%s' \"$day\" > {tmp_path}/${{AWS_BATCH_JOB_ID}}.day"
    table: Any = {"job": shell("rows", script), "path": str(tmp_path / "days.csv"), "submit_as": submit_as}
    untouched: Any = [job.model_dump(mode="json") for job in TUTORIAL_JOBS]  # as the form sends them
    report = submit_jobs(cluster, untouched, table=JobTable(**table))
    names = ["rows-rows-1-5"] if submit_as == "array" else [f"rows-{number}" for number in range(1, 6)]
    assert [(job.job_name, job.status) for job in report.jobs] == [(name, "SUCCEEDED") for name in names]
    ids = [job.job_id for job in report.jobs]
    files = [f"{ids[0]}:{index}" for index in range(5)] if submit_as == "array" else ids
    assert [(tmp_path / f"{name}.day").read_text() for name in files] == days


def test_cells_are_in_a_command_and_other_jobs_go_before_the_table_s(cluster: EksCluster, tmp_path: Path) -> None:
    job = shell("cell", "echo $(day) Ref::day; test -e Ref::file", dependsOn=[{"jobId": "first"}])
    table = JobTable(job=job, rows=[{"day": "2026-01-31", "file": f"{tmp_path}/first"}])
    pasted = yaml.safe_dump_all([shell("pasted", "echo $0").to_document()])
    jobs = [shell("first", f"sleep 1; touch {tmp_path}/first")]
    report = submit_jobs(cluster, jobs, documents=pasted, table=table)
    logs = [("first", ""), ("pasted", "/bin/sh\n"), ("cell-1", "2026-01-31 2026-01-31\n")]
    assert [(job.job_name, job.log) for job in report.jobs] == logs


def test_the_rows_of_failed_children_are_named(cluster: EksCluster) -> None:
    rows = [{"code": code} for code in ("0", "3", "0")]
    script = 'exit "$(printf %s "$JOB_TABLE" | sed -n "$((AWS_BATCH_JOB_ARRAY_INDEX + 2))p")"'
    table = JobTable(job=shell("codes", script), rows=rows, submit_as="array")
    with pytest.raises(JobsFailedError, match=r"1 of 3 children FAILED: 1 \(row 2, exit code 3\)"):
        submit_jobs(cluster, table=table)


def test_a_repeated_run_whose_table_has_changed_doubles_nothing(
    cluster: EksCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_submission, "SETTLE_SECONDS", 1.0)
    file = tmp_path / "days.csv"
    table = JobTable(job=shell("changed", "true"), path=str(file))
    run_id = planned(submit_jobs)
    file.write_text("day\n1\n2\n")
    execute(submit_jobs, run_id, cluster=cluster, jobs=[], table=table)
    for changed in ("day\n1\n3\n", "day\n1\n"):
        file.write_text(changed)
        with pytest.raises(OperationError, match=r"are not among them; the first is \w+-1-\w+-r1-changed-2"):
            execute(submit_jobs, run_id, cluster=cluster, jobs=[], table=table)
    file.write_text("day\n1\n2\n4\n")
    report = execute(submit_jobs, run_id, cluster=cluster, jobs=[], table=table)
    assert [(job.job_name, job.status) for job in report.jobs] == [(f"changed-{n}", "SUCCEEDED") for n in (1, 2, 3)]
    counts = names_in_batch(cluster)
    assert [counts[f"changed-{number}"] for number in (1, 2, 3)] == [1, 1, 1]


def test_jobs_wait_for_each_other_by_name(cluster: EksCluster, tmp_path: Path) -> None:
    last = shell("last", f"test -e {tmp_path}/first", dependsOn=[{"jobId": "first"}])
    first = shell("first", f"sleep 1; touch {tmp_path}/first")
    assert [job.status for job in submit_jobs(cluster, [last, first]).jobs] == ["SUCCEEDED", "SUCCEEDED"]


def test_a_faulty_table_is_refused_before_any_call(cluster: EksCluster, sandbox: RemoteSandbox) -> None:
    sandbox.clear_calls()
    with pytest.raises(SpecError, match="All rows have the columns of the first"):
        submit_jobs(cluster, table=JobTable(rows=[{"a": "1"}, {"b": "1"}]))
    assert not [call for call in sandbox.calls() if call["service"] == "batch"]


def test_a_fault_that_all_rows_share_is_named_once(cluster: EksCluster) -> None:
    job = JobRequest(job_name="row", job_queue="nowhere")
    table = JobTable(job=job, rows=[{"day": str(day)} for day in range(12)])
    with pytest.raises(OperationError, match=r"row-10 and 2 more: job queue nowhere does not exist") as refused:
        submit_jobs(cluster, table=table)
    assert str(refused.value).count("does not exist") == 1


def test_jobs_that_wait_for_each_other_in_a_circle_are_refused_before_any_call(
    cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    sandbox.clear_calls()
    circle = [shell("a", "true", dependsOn=[{"jobId": "b"}]), shell("b", "true", dependsOn=[{"jobId": "a"}])]
    with pytest.raises(SpecError, match=r"a -> b -> a|b -> a -> b"):
        submit_jobs(cluster, circle)
    assert not [call for call in sandbox.calls() if call["service"] == "batch"]


def test_the_log_of_the_container_that_failed_is_shown(cluster: EksCluster) -> None:
    newest = cluster.batch.describe_job_definitions(jobDefinitionName="MyJobOnEks_Sleep")["jobDefinitions"][0]
    container: Any = newest["eksProperties"]["podProperties"]["containers"][0]
    scripts = {"good": "echo fine", "bad": "echo out of cheese; exit 4"}
    containers: Any = [
        {**container, "name": name, "command": ["/bin/sh", "-c", script]} for name, script in scripts.items()
    ]
    cluster.batch.register_job_definition(
        jobDefinitionName="two", type="container", eksProperties={"podProperties": {"containers": containers}}
    )
    two = JobRequest.from_document({"jobName": "two", "jobQueue": "My-Eks-JQ1", "jobDefinition": "two"})
    with pytest.raises(JobsFailedError, match="exit code 4") as failed:
        submit_jobs(cluster, [two], stuck_after_seconds=20)
    assert "out of cheese" in str(failed.value)


def test_a_job_that_batch_has_forgotten_is_waited_for_no_longer(
    cluster: EksCluster, sandbox: RemoteSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_watch, "ABSENT_SECONDS", 1.0)
    sandbox.settings(ended_job_retention=0)
    with pytest.raises(JobsFailedError, match="AWS Batch has not shown it"):
        submit_jobs(cluster, [shell("forgotten", "true")])


def test_the_artifact_shows_counts_and_course_and_in_the_end_each_job(cluster: EksCluster) -> None:
    job = submit_jobs(cluster, [shell("shown", "echo hello world")]).jobs[0]
    shown = next(text for text in shown_artifacts("submit-jobs") if job.job_id in text)
    for text in (f"[shown]({job.console_url})", "hello world", "data:image/svg+xml;base64,"):
        assert text in shown


def test_diagnosis_of_jobs_that_ended_run_wait_and_hang(cluster: EksCluster) -> None:
    with pytest.raises(JobsFailedError, match=r"its command was not found") as failed:
        submit_jobs(
            cluster, [shell("missing", "exit 127"), shell("after-missing", "true", dependsOn=[{"jobId": "missing"}])]
        )
    assert "a job that it waits for failed" in str(failed.value)
    found = {
        summary["jobName"].rpartition("r1-")[2]: summary["jobId"]
        for summary in list_submitted(cluster, "My-Eks-JQ1", "")
    }
    missing = diagnose_job(cluster, found["missing"])
    assert (missing.status, "exit code 127" in missing.evidence) == ("FAILED", True)
    assert "correct command and args" in missing.next_step
    running = cluster.batch.submit_job(jobName="r", jobQueue="My-Eks-JQ1", jobDefinition="MyJobOnEks_Sleep")["jobId"]
    waiting = cluster.batch.submit_job(
        jobName="w", jobQueue="My-Eks-JQ1", jobDefinition="MyJobOnEks_Sleep", dependsOn=[{"jobId": running}]
    )["jobId"]
    assert running in diagnose_job(cluster, waiting).evidence
    with pytest.raises(OperationError, match="AWS Batch does not know it"):
        diagnose_job(cluster, "876da822-4198-45f2-a252-6cea32512ea8")
    assert any("## Cause\n\nits command was not found in the image" in text for text in shown_artifacts("diagnose-job"))
    end_all(cluster)


def events_of(server: PrefectServer, *names: str) -> list[dict[str, Any]]:
    """The events of AWS Batch's jobs about things of these names, newest first."""
    found = emitted(server, "aws-batch.")
    return [event for event in found if event["resource"].get("prefect.resource.name", "") in names]


def test_automations_are_told_of_jobs_that_failed(cluster: EksCluster, prefect_server: PrefectServer) -> None:
    with pytest.raises(JobsFailedError):
        submit_jobs(cluster, [shell("unlucky", "exit 5"), shell("lucky", "true")])
    deadline = time.monotonic() + 30
    while True:
        failed, ended = events_of(prefect_server, "unlucky"), events_of(prefect_server, "")
        if failed and ended and ended[0]["payload"] == {"jobs": {"FAILED": 1, "SUCCEEDED": 1}, "failed": 1}:
            break
        assert time.monotonic() < deadline, (failed, ended)
        time.sleep(0.2)
    assert [(event["event"], event["payload"]["exit_code"]) for event in failed] == [("aws-batch.job.failed", 5)]
    assert any(related["prefect.resource.role"] == "flow-run" for related in failed[0]["related"])
    assert not events_of(prefect_server, "lucky")


def test_automations_are_told_at_once_and_of_every_transition_if_asked_to(
    cluster: EksCluster, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    """The last job ends only once the events of its start and of the first one's failure are there."""
    wanted = {("early", "aws-batch.job.failed"), ("late", "aws-batch.job.running")}

    def told() -> set[tuple[str, str]]:
        found = events_of(prefect_server, "early", "late")
        return {(event["resource"]["prefect.resource.name"], event["event"]) for event in found}

    def release() -> None:
        deadline = time.monotonic() + 60
        while not wanted <= told() and time.monotonic() < deadline:
            time.sleep(0.2)
        (tmp_path / "told").touch()

    waiting = shell("late", f"timeout 50 sh -c 'until test -e {tmp_path}/told; do sleep 0.1; done'")
    releaser = threading.Thread(target=release)
    releaser.start()
    with pytest.raises(JobsFailedError, match="1 FAILED, 1 SUCCEEDED"):
        submit_jobs(cluster, [shell("early", "exit 5"), waiting], report_transitions=True)
    releaser.join()
    deadline = time.monotonic() + 30
    while not wanted | {("late", "aws-batch.job.succeeded")} <= told():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_each_job_has_a_task_run_that_ends_as_it_does(cluster: EksCluster) -> None:
    jobs = [shell("shown-good", "true"), shell("shown-bad", "exit 6")]
    run_id = planned(submit_jobs)
    with pytest.raises(JobsFailedError):
        execute(submit_jobs, run_id, cluster=cluster, jobs=jobs)
    with get_client(sync_client=True) as client:
        found = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run_id)])))
    states = {run.name: run.state for run in found if run.name.startswith("job ")}
    assert {name: state and state.name for name, state in states.items()} == {
        "job shown-good": "Completed",
        "job shown-bad": "Failed",
    }
    assert "exit code 6" in str(states["job shown-bad"])


def test_a_dependency_that_batch_does_not_know_is_refused_before_any_job_is_submitted(cluster: EksCluster) -> None:
    unknown = "876da822-4198-45f2-a252-6cea32512ea8"
    jobs = [shell("independent", "true"), shell("orphan", "true", dependsOn=[{"jobId": unknown}])]
    with pytest.raises(OperationError, match=f"orphan: it waits for job {unknown}, which AWS Batch does not know"):
        submit_jobs(cluster, jobs)
    assert names_in_batch(cluster)["independent"] == 0


@pytest.mark.parametrize(
    "seconds", [5, pytest.param(60, marks=[pytest.mark.campaign, pytest.mark.timeout(400)])], ids="{}s".format
)
def test_jobs_survive_that_every_call_is_throttled_for_a_while(
    seconds: int, cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    """From the submission on: that of the first job is throttled, and so is every call after it."""
    names = [f"patient-{seconds}-{index}" for index in range(5)]
    sandbox.fault(service="batch", operation="SubmitJob", **THROTTLED)
    sandbox.fault(service="batch", operation="DescribeJobs", **THROTTLED)
    healed = threading.Timer(seconds, sandbox.clear_faults)
    healed.start()
    report = submit_jobs(cluster, [shell(name, "true") for name in names])
    healed.join()
    assert [(job.job_name, job.status) for job in report.jobs] == [(name, "SUCCEEDED") for name in names]
    counts = names_in_batch(cluster)
    assert {name: counts[name] for name in names} == dict.fromkeys(names, 1)


def test_a_watch_survives_errors_of_the_service_and_broken_connections(
    cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    sandbox.fault(service="batch", operation="DescribeJobs", times=3, status=503, code="ServiceUnavailable")
    sandbox.fault(service="batch", operation="DescribeJobs", times=3, reset=True)
    assert submit_jobs(cluster, [shell("followed", "sleep 1")]).jobs[0].status == "SUCCEEDED"


def test_a_hanging_job_is_reported_even_where_nothing_more_can_be_asked(
    cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    sandbox.fault(service="batch", operation="DescribeJobQueues", skip=1, times=99, status=403, code="AccessDenied")
    document = shell("larger", "true").to_document()
    resources = {"limits": {"cpu": "200"}, "requests": {"cpu": "200"}}
    document["eksPropertiesOverride"]["podProperties"]["containers"][0]["resources"] = resources
    with pytest.raises(JobsFailedError, match="it could not be looked into"):
        submit_jobs(cluster, [JobRequest.from_document(document)], stuck_after_seconds=0.5)
    sandbox.clear_faults()
    end_all(cluster)


def test_a_job_that_fails_is_reported_with_its_exit_code_and_log(cluster: EksCluster) -> None:
    with pytest.raises(JobsFailedError, match="exit code 3") as failed:
        submit_jobs(cluster, [shell("cheese", "echo out of cheese; exit 3")])
    assert "out of cheese" in str(failed.value)
