"""prefect.yaml against Prefect's own model, since Prefect ignores unknown keys in it."""

from importlib import import_module
from typing import Any

import pytest
import yaml
from prefect.cli.deploy._models import DeploymentConfig
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools import validate

from deployments.register import PREFECT_FILE

DOCUMENT = yaml.safe_load(PREFECT_FILE.read_text())
DEPLOYMENTS = DOCUMENT["deployments"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_every_key_of_a_deployment_means_something_to_prefect(deployment: dict[str, Any]) -> None:
    assert set(deployment) <= set(DeploymentConfig.model_fields)
    DeploymentConfig.model_validate(deployment)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_default_parameters_fit_the_flow_s_form(deployment: dict[str, Any]) -> None:
    module, _, name = deployment["entrypoint"].rpartition(".")
    flow = getattr(import_module(module), name)
    schema = parameter_schema(flow).model_dump()
    assert set(deployment["parameters"]) <= set(schema["properties"])
    validate(deployment["parameters"], schema, raise_on_error=True, ignore_required=False)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_blocks_are_named_by_slug_so_that_their_secrets_are_not_stored(deployment: dict[str, Any]) -> None:
    assert deployment["parameters"]["cluster"] == {"$ref": {"block_document_slug": "eks-cluster/default"}}
    assert "prefect.blocks" not in PREFECT_FILE.read_text()


def test_one_submission_runs_every_night() -> None:
    (schedule,) = [schedule for deployment in DEPLOYMENTS for schedule in deployment.get("schedules", ())]
    assert (schedule["cron"], schedule["timezone"]) == ("0 2 * * *", "UTC")
