"""What failed runs again, and only that: with changes, old indexes, more memory, and a link to the original."""

import json
import sys
import time
from pathlib import Path
from typing import Any, cast

import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.exceptions import Pause
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings
from prefect.states import Pending
from pydantic import ValidationError

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from flows.rerun import rerun_failed
from flows.submit import submit_jobs
from flows.watch import watch_jobs
from sandbox.remote import RemoteSandbox
from specs.fault import Findings, SpecError
from specs.job_request import JobRequest
from specs.rerun_changes import RerunChanges
from specs.rerun_request import RerunRequest
from specs.submitted_name import run_digits
from tasks.job import describe_jobs
from tasks.job_listing import list_submitted
from tasks.job_queue import describe_job_queue
from tasks.job_report import JobsFailedError, JobsReport
from tasks.job_request_check import find_definition
from tasks.rerun_plan import RERUN_TAG
from tests.flows.aws_calls import aws_calls
from tests.flows.jobs import shell
from tests.flows.planned_run import execute, planned

UNKNOWN = "876da822-4198-45f2-a252-6cea32512ea8"


def failed_run(cluster: EksCluster, jobs: list[JobRequest]) -> str:
    """A flow run of submit_jobs that reported failures."""
    run_id = planned(submit_jobs)
    with pytest.raises(JobsFailedError):
        execute(submit_jobs, run_id, cluster=cluster, jobs=jobs)
    return run_id


def jobs_of(cluster: EksCluster, run_id: str) -> list[dict[str, Any]]:
    """The jobs of a run as Batch describes them, in the order of its list."""
    listed = list_submitted(cluster, "My-Eks-JQ1", f"{run_digits(run_id)}-")
    described = describe_jobs(cluster, [job["jobId"] for job in listed])
    return sorted(described.values(), key=lambda job: str(job["jobName"]))


def statuses(report: JobsReport) -> dict[str, str]:
    return {job.job_name: job.status for job in report.jobs}


def submissions(sandbox: RemoteSandbox) -> int:
    return sum(call["operation"] == "SubmitJob" for call in sandbox.calls())


@pytest.fixture
def sandbox(batch_sandbox: RemoteSandbox) -> RemoteSandbox:
    return batch_sandbox


@pytest.fixture
def cluster(batch_cluster: EksCluster) -> EksCluster:
    return batch_cluster


def test_only_what_failed_of_a_run_runs_again_in_its_order_and_with_changes(
    cluster: EksCluster, tmp_path: Path
) -> None:
    good = shell("good", f"echo good >> {tmp_path}/ran")
    first = shell("first", f'echo first >> {tmp_path}/ran; test "$STAGE" = fixed', dependsOn=[{"jobId": "good"}])
    last = shell("last", f"echo last >> {tmp_path}/ran", dependsOn=[{"jobId": "first"}, {"jobId": "good"}])
    run_id, again = failed_run(cluster, [last, first, good]), planned(rerun_failed)
    changes = RerunChanges.model_validate({"env": [{"name": "STAGE", "value": "fixed"}], "memory": "2048Mi"})
    report = execute(rerun_failed, again, cluster=cluster, of=run_id, changes=changes)
    assert statuses(report) == {"first": "SUCCEEDED", "last": "SUCCEEDED"}
    assert (tmp_path / "ran").read_text().split() == ["good", "first", "first", "last"]
    originals = {job["jobId"] for job in jobs_of(cluster, run_id) if job["status"] == "FAILED"}
    repeated = jobs_of(cluster, again)
    assert {job["tags"][RERUN_TAG] for job in repeated} == originals
    (container,) = repeated[0]["eksProperties"]["podProperties"]["containers"]
    assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"] == "2048Mi"
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["rerun-failed"])))
    assert any(all(one in str(artifact.data) for one in [*originals, f"/{run_id}"]) for artifact in found)


def test_failed_children_run_again_with_their_old_index_also_after_a_second_failure(
    cluster: EksCluster, tmp_path: Path
) -> None:
    script = (
        f"i=$AWS_BATCH_JOB_ARRAY_INDEX; echo $i/$AWS_BATCH_JOB_ARRAY_SIZE >> {tmp_path}/ran; test $((i % 2)) = 0"
        f" || test -e {tmp_path}/fixed || {{ test $i = 1 && test -e {tmp_path}/half; }}"
    )
    run_id = failed_run(cluster, [shell("odd", script, arrayProperties={"size": 6})])
    (tmp_path / "half").touch()
    (tmp_path / "ran").unlink()
    again = planned(rerun_failed)
    with pytest.raises(JobsFailedError, match="2 of 3 children FAILED"):
        execute(rerun_failed, again, cluster=cluster, of=run_id)
    assert sorted((tmp_path / "ran").read_text().split()) == ["1/6", "3/6", "5/6"]
    (tmp_path / "ran").unlink()
    (tmp_path / "fixed").touch()
    (array,) = jobs_of(cluster, again)
    assert statuses(rerun_failed(cluster, f"{array['jobId']}:1")) == {"odd": "SUCCEEDED"}
    assert (tmp_path / "ran").read_text().split() == ["3/6"]
    assert statuses(rerun_failed(cluster, array["jobId"])) == {"odd": "SUCCEEDED"}
    assert sorted((tmp_path / "ran").read_text().split()) == ["3/6", "3/6", "5/6"]


def test_what_its_memory_limit_killed_gets_twice_the_memory_and_the_other_children_keep_theirs(
    cluster: EksCluster, tmp_path: Path
) -> None:
    code = f"import os, time; x = b'x' * (48 << 20); time.sleep(0 if os.path.exists('{tmp_path}/fixed') else 600)"
    script = f"""case $AWS_BATCH_JOB_ARRAY_INDEX in
      1) exec {sys.executable} -c "{code}";;
      2) test -e {tmp_path}/fixed;;
    esac"""
    document = shell("hungry", script, arrayProperties={"size": 3}).to_document()
    limits = {"cpu": "0.25", "memory": "40Mi"}
    document["eksPropertiesOverride"]["podProperties"]["containers"][0]["resources"] = {
        "limits": limits,
        "requests": limits,
    }
    run_id, again = failed_run(cluster, [JobRequest.from_document(document)]), planned(rerun_failed)
    (tmp_path / "fixed").touch()
    report = execute(rerun_failed, again, cluster=cluster, of=run_id, double_memory_after_oom=True)
    assert statuses(report) == {"hungry-1": "SUCCEEDED", "hungry-2": "SUCCEEDED"}
    pods = [job["eksProperties"]["podProperties"]["containers"] for job in jobs_of(cluster, again)]
    assert [one["resources"]["limits"]["memory"] for (one,) in pods] == ["40Mi", "80Mi"]


def test_a_repeated_rerun_submits_what_failed_of_it_and_nothing_else(
    cluster: EksCluster, sandbox: RemoteSandbox, tmp_path: Path
) -> None:
    jobs = [shell(name, f"test -e {tmp_path}/{name}") for name in ("one", "two")]
    run_id, again = failed_run(cluster, jobs), planned(rerun_failed)
    (tmp_path / "one").touch()
    with pytest.raises(JobsFailedError, match="exit code 1"):
        execute(rerun_failed, again, cluster=cluster, of=run_id)
    (tmp_path / "two").touch()
    # Meanwhile the original gets on: what the rerun is about was chosen before.
    assert set(statuses(execute(submit_jobs, run_id, cluster=cluster, jobs=jobs)).values()) == {"SUCCEEDED"}
    sandbox.clear_calls()
    report = execute(rerun_failed, again, cluster=cluster, of=run_id)
    assert (statuses(report), submissions(sandbox)) == ({"one": "SUCCEEDED", "two": "SUCCEEDED"}, 1)
    # The newest attempts of the original have succeeded, so that there is nothing left.
    assert rerun_failed(cluster, run_id).jobs == ()


def test_a_rerun_without_a_worker_is_resumed_by_another_one_and_doubles_nothing(
    cluster: EksCluster, sandbox: RemoteSandbox, tmp_path: Path
) -> None:
    run_id = failed_run(cluster, [shell("unheld", f"test -e {tmp_path}/fixed")])
    (tmp_path / "fixed").touch()
    parameters = {"cluster": cluster, "of": run_id, "hold_worker": False}
    deployment = cast(Any, rerun_failed.to_deployment("unserved", enforce_parameter_schema=False)).apply()
    with get_client(sync_client=True) as client:
        again = str(client.create_flow_run_from_deployment(deployment, state=Pending()).id)
    sandbox.clear_calls()
    with pytest.raises(Pause):
        execute(rerun_failed, again, **parameters)
    deadline = time.monotonic() + 120
    while not (resumed := watch_jobs(cluster)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: tmp_path}):
        report = execute(rerun_failed, again, **parameters)
    assert (resumed, statuses(report), submissions(sandbox)) == ([again], {"unheld": "SUCCEEDED"}, 1)


def test_what_has_not_failed_is_left_alone(cluster: EksCluster, sandbox: RemoteSandbox) -> None:
    report = submit_jobs(cluster, [shell("long", "sleep 60")], wait=False)
    sandbox.clear_calls()
    assert rerun_failed(cluster, report.jobs[0].job_id).jobs == ()
    assert submissions(sandbox) == 0
    cluster.batch.terminate_job(jobId=report.jobs[0].job_id, reason="the test is over")
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["rerun-failed"])))
    assert any(f"-long ({report.jobs[0].job_id}) is " in str(one.data) for one in found)


def test_what_cannot_be_run_again_is_refused_before_anything_is_submitted(
    cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    cannot = "echo $(AWS_BATCH_JOB_ARRAY_INDEX); exit $((AWS_BATCH_JOB_ARRAY_INDEX % 2))"
    run_id = failed_run(cluster, [shell("filled-in", cannot, arrayProperties={"size": 2})])
    sandbox.clear_calls()
    with pytest.raises(
        SpecError, match=r"puts the new index in.*\n.*no argument of what failed has this placeholder"
    ) as no:
        rerun_failed(cluster, run_id, RerunChanges(parameters={"unknown": "x"}))
    assert "whole_arrays" in str(no.value)
    with pytest.raises(OperationError, match="no job of a flow run of this id"):
        rerun_failed(cluster, UNKNOWN)
    calls = aws_calls(sandbox)
    with pytest.raises(SpecError, match=r"of = 'My-Eks-Job1'.*\n.*changes.memory"):
        rerun_failed(cluster, "My-Eks-Job1", RerunChanges(memory="2048Mi"), double_memory_after_oom=True)
    assert (aws_calls(sandbox), submissions(sandbox)) == (calls, 0)
    with pytest.raises(JobsFailedError, match="1 of 2 children FAILED"):
        rerun_failed(cluster, run_id, whole_arrays=True)


CONTAINERS = [
    {
        "name": name,
        "image": "private/image:1",
        "command": ["run", "Ref::input"],
        "env": [{"name": "STAGE", "value": "test"}, {"name": "KEPT", "value": "as it is"}],
        "resources": {"limits": {"cpu": "1", "memory": "1024Mi"}, "requests": {"cpu": "0.5", "memory": "1024Mi"}},
    }
    for name in ("main", "side")
]
MORE_MEMORY = {"limits": {"memory": "2048Mi"}, "requests": {"memory": "2048Mi"}}
OVERRIDES = [
    {"name": "main", "image": "private/image:2", "args": ["--all"], "env": [{"name": "STAGE", "value": "prod"}]},
    {"name": "side", "command": ["other", "Ref::input"], "resources": MORE_MEMORY},
]
METADATA = {"labels": {"team": "web"}, "annotations": {"a": "b"}}


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"parameters": {"input": "b"}, "timeout": {"attemptDurationSeconds": 90}, "retryStrategy": {"attempts": 4}},
        {"arrayProperties": {"size": 3}, "eksPropertiesOverride": {"podProperties": {"metadata": METADATA}}},
        {"eksPropertiesOverride": {"podProperties": {"containers": OVERRIDES}}},
    ],
    ids=lambda asked: "-".join(asked) or "as-defined",
)
def test_a_described_job_gives_back_what_was_asked_for(asked: dict[str, Any], cluster: EksCluster) -> None:
    pod: Any = {"containers": CONTAINERS, "metadata": {"labels": {"team": "data", "kept": "as-it-is"}}}
    cluster.batch.register_job_definition(
        jobDefinitionName="described",
        type="container",
        parameters={"input": "a"},
        timeout={"attemptDurationSeconds": 60},
        eksProperties={"podProperties": pod},
    )
    queue = describe_job_queue(cluster, "My-Eks-JQ1")
    definition = find_definition(cluster, "described")
    assert queue
    assert definition
    known = {"jobQueue": queue["jobQueueArn"], "jobDefinition": definition["jobDefinitionArn"]}
    job_id = cluster.batch.submit_job(jobName="described", **known, **asked)["jobId"]
    cluster.batch.terminate_job(jobId=job_id, reason="only its description counts")
    request = RerunRequest(describe_jobs(cluster, [job_id])[job_id], definition)
    # Where a value was put in for a placeholder that the job itself brought, the value is asked for.
    wanted = json.loads(json.dumps(known | asked).replace('"other", "Ref::input"', '"other", "a"'))
    assert request.document() == wanted
    JobRequest.from_document({"jobName": "again", **request.document()})


def test_parameters_changes_and_doubled_memory_keep_all_else() -> None:
    defined = {"eksProperties": {"podProperties": {"containers": CONTAINERS}}, "parameters": {"input": "a", "x": "y"}}
    ran = {"jobQueue": "Q", "jobDefinition": "D:1", **defined}
    request, found = RerunRequest(ran, defined), Findings()
    request.change(RerunChanges(container="side", cpu="2", parameters={"input": "b"}), found)
    assert (found.faults, request.double_memory()) == ([], "1024Mi → 2048Mi, 1024Mi → 2048Mi")
    doubled = {"memory": "2048Mi"}
    assert request.document() == {
        "jobQueue": "Q",
        "jobDefinition": "D:1",
        "parameters": {"input": "b"},
        "eksPropertiesOverride": {
            "podProperties": {
                "containers": [
                    {"name": "main", "resources": {"limits": doubled, "requests": doubled}},
                    {"name": "side", "resources": {side: {"cpu": "2", **doubled} for side in ("limits", "requests")}},
                ]
            }
        },
    }
    RerunRequest(ran, defined).change(RerunChanges(cpu="2"), found)
    assert "2 containers" in found.faults[0].rule


def test_changes_that_aws_would_refuse_are_refused_in_the_form() -> None:
    faults = r'changes.image.*\n.*changes.env\[0\].name.*\n.*limits\["cpu"\].*\n.*limits\["memory"\]'
    with pytest.raises(ValidationError, match=faults):
        RerunChanges.model_validate(
            {"image": "an image", "env": [{"name": "AWS_BATCH_X"}], "cpu": "100m", "memory": "4Gi"}
        )
