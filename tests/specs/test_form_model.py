"""What a form sends for inputs that were left empty is as if it had not been sent."""

from typing import Any

import pytest

from flows.rerun import NO_CHANGES, rerun_failed
from flows.setup import setup_batch
from flows.submit import NO_TABLE, TUTORIAL_JOBS, submit_jobs
from specs.fault import SpecError
from specs.job_request import JobRequest

EMPTY = {"__prefect_kind": "json"}
CLUSTER = {"cluster_name": "my-test-cluster"}


def test_a_table_that_was_left_empty_is_none() -> None:
    """As the dialog for schedules of Prefect 3.8.8 sends it for a deployment whose table nobody has touched."""
    job = {"jobName": None, "parameters": EMPTY, "tags": EMPTY, "dependsOn": [None], "timeout": None}
    table = {"job": job, "path": None, "pasted": None, "rows": EMPTY, "submitAs": None}
    taken = submit_jobs.validate_parameters({"cluster": CLUSTER, "table": table, "jobs": TUTORIAL_JOBS})
    assert taken["table"] == NO_TABLE


def test_changes_that_were_left_empty_are_none() -> None:
    changes = {"environment": EMPTY, "command": None, "image": None}
    taken = rerun_failed.validate_parameters({"cluster": CLUSTER, "of": "x", "changes": changes})
    assert taken["changes"] == NO_CHANGES


def test_what_was_filled_in_counts() -> None:
    resources: dict[str, Any] = {
        "instanceRole": "EksBatchInstanceProfile",
        "maxvCpus": 4,
        "tags": EMPTY,
        "ec2KeyPair": None,
    }
    platform = {"computeEnvironment": {"computeResources": resources}, "namespace": None}
    taken = setup_batch.validate_parameters({"cluster": CLUSTER, "platform": platform})["platform"]
    assert taken.compute_environment.compute_resources.maxv_cpus == 4
    assert taken.namespace.name == "my-aws-batch-namespace"


def test_nothing_is_left_out_of_a_document() -> None:
    with pytest.raises(SpecError, match="jobName"):
        JobRequest.from_document({"jobName": None, "jobQueue": "q", "jobDefinition": "d"})
