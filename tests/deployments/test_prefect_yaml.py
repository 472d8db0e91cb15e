"""prefect.yaml against Prefect's own model, since Prefect ignores unknown keys in it."""

import tomllib
from importlib import import_module
from typing import Any

import pytest
import yaml
from prefect.cli.deploy._models import DeploymentConfig
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools import validate

from deployments.register import PREFECT_FILE, PROJECT, WORK_POOLS
from flows.mirror import mirror_images
from specs.lifecycle_policy import LifecyclePolicySpec
from tasks.mirror_deployment import DEPLOYMENT
from tasks.mirror_file import read_mirror_file

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
    asked_for = set(schema["required"]) - set(deployment["parameters"])
    assert asked_for <= {"job_id", "of", "flow_run_id"}, "only what is diagnosed, run again or reaped has no default"
    validate(deployment["parameters"], schema, raise_on_error=True, ignore_required=bool(asked_for))


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_blocks_are_named_by_slug_so_that_their_secrets_are_not_stored(deployment: dict[str, Any]) -> None:
    assert deployment["parameters"]["cluster"] == {"$ref": {"block_document_slug": "eks-cluster/default"}}
    assert "prefect.blocks" not in PREFECT_FILE.read_text()


def test_images_are_refreshed_before_the_submission_of_every_night() -> None:
    schedules = {
        deployment["name"]: (schedule["cron"], schedule["timezone"])
        for deployment in DEPLOYMENTS
        for schedule in deployment.get("schedules", ())
        if "cron" in schedule
    }
    assert schedules == {
        "mirror-refresh": ("0 1 * * *", "UTC"),
        "nightly": ("0 2 * * *", "UTC"),
        "drift": ("0 3 * * *", "UTC"),
    }


def test_only_what_needs_the_internet_runs_where_it_is() -> None:
    pools = {deployment["name"]: deployment["work_pool"]["name"] for deployment in DEPLOYMENTS}
    outside = {name for name, pool in pools.items() if pool == "batch-eks-internet"}
    assert outside == {"create-cluster", "delete-cluster", "mirror", "mirror-refresh", "warm-cache"}
    assert set(pools.values()) == set(WORK_POOLS)


def test_the_list_of_images_is_valid_and_its_lifecycle_policy_is_the_one_offered() -> None:
    (file,) = {name for d in DEPLOYMENTS if (name := d["parameters"].get("images_file"))}
    spec = read_mirror_file(str(PROJECT / file))
    assert [image.source for image in spec.images] == ["public.ecr.aws/amazonlinux/amazonlinux:2"]
    assert spec.repositories.lifecycle_policy == LifecyclePolicySpec()


def test_setup_waits_for_a_deployment_that_exists() -> None:
    entrypoints = {deployment["name"]: deployment["entrypoint"] for deployment in DEPLOYMENTS}
    flow, _, deployment = DEPLOYMENT.partition("/")
    assert entrypoints[deployment] == "flows.mirror.mirror_images"
    assert flow == mirror_images.name


def test_every_deployment_is_described_tagged_and_of_this_version() -> None:
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    for deployment in DEPLOYMENTS:
        assert deployment["description"].endswith("."), deployment["name"]
        assert deployment["tags"], deployment["name"]
        assert deployment["version"] == version, deployment["name"]


def test_what_changes_a_cluster_waits_its_turn_and_submissions_are_free() -> None:
    strategies = {d["name"]: d.get("concurrency_limit", {}).get("collision_strategy") for d in DEPLOYMENTS}
    assert strategies == dict.fromkeys(strategies) | dict.fromkeys(
        ["create-cluster", "delete-cluster", "setup", "migrate-identity", "teardown"], "ENQUEUE"
    ) | dict.fromkeys(["drift", "mirror-refresh", "watch"], "CANCEL_NEW")
