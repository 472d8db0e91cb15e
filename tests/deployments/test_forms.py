"""The form of every deployed flow: what stands at each field, and what is said of a wrong value."""

from importlib import import_module
from typing import Any

import pytest
import yaml
from prefect.exceptions import ParameterTypeError
from prefect.utilities.callables import parameter_schema

from deployments.register import PREFECT_FILE
from flows.setup import setup_batch
from flows.submit import submit_jobs

ENTRYPOINTS = sorted(
    {deployment["entrypoint"] for deployment in yaml.safe_load(PREFECT_FILE.read_text())["deployments"]}
)
# The form shows its picker, and none of its fields.
BLOCK = "EksCluster"


def flow_of(entrypoint: str) -> Any:
    module, _, name = entrypoint.rpartition(".")
    return getattr(import_module(module), name)


def target(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """What a field refers to, itself or as its items."""
    reference = field.get("$ref") or field.get("items", {}).get("$ref", "")
    found: dict[str, Any] = definitions.get(reference.rpartition("/")[2], {})
    return found


def fields_of(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every field that the form shows, parameters and nested ones, but for the block's own."""
    found: dict[str, dict[str, Any]] = {}
    places = [("", schema)]
    places += [(f"{name}.", each) for name, each in schema["definitions"].items() if not is_block(name)]
    for name, place in places:
        for field, described in place.get("properties", {}).items():
            found[name + field] = described
            found |= {f"{name}{field}.{key}": each for key, each in described.get("properties", {}).items()}
    return found


def is_block(name: str) -> bool:
    return name == BLOCK or name.startswith(("Aws", "AssumeRole"))


@pytest.mark.parametrize("entrypoint", ENTRYPOINTS)
def test_every_field_has_a_title_a_description_and_an_example(entrypoint: str) -> None:
    schema = parameter_schema(flow_of(entrypoint)).model_dump()
    for name, field in fields_of(schema).items():
        referred = target(field, schema["definitions"])
        assert field.get("title") or referred.get("title"), name
        described = field.get("description") or referred.get("description", "")
        assert described.rstrip().endswith("."), name
        if name != "cluster":
            assert field.get("examples") or referred.get("examples"), name


@pytest.mark.parametrize("entrypoint", ENTRYPOINTS)
def test_the_cluster_is_picked_from_the_blocks(entrypoint: str) -> None:
    schema = parameter_schema(flow_of(entrypoint)).model_dump()
    assert schema["properties"]["cluster"]["$ref"] == f"#/definitions/{BLOCK}"
    assert schema["definitions"][BLOCK]["block_type_slug"] == "eks-cluster"


@pytest.mark.parametrize("entrypoint", ENTRYPOINTS)
def test_nothing_needs_json_but_maps_with_names_of_the_user_s_own(entrypoint: str) -> None:
    """An object without properties is an empty box in the form, which only its menu turns into a field for JSON."""
    schema = parameter_schema(flow_of(entrypoint)).model_dump()
    for name, field in fields_of(schema).items():
        shapes = [field, *field.get("anyOf", ()), field.get("items", {})]
        assert "$ref" in field or "anyOf" in field or "type" in field, f"{name} has no type"
        if any(shape.get("type") == "object" and not shape.get("properties") for shape in shapes):
            assert "as JSON" in field["description"], name


def test_a_wrong_value_within_documents_is_named_by_its_path() -> None:
    resources = {"instanceRole": "EksBatchInstanceProfile", "minvCpus": 9, "maxvCpus": 4}
    parameters = {"cluster": {"cluster_name": "c"}, "platform": {"computeEnvironment": {"computeResources": resources}}}
    with pytest.raises(ParameterTypeError, match=r"platform\.computeEnvironment: .*\n- computeResources\.minvCpus = 9"):
        setup_batch.validate_parameters(parameters)


def test_all_wrong_documents_that_were_pasted_are_named() -> None:
    documents = "computeEnvironmentName: a b\n---\njobQueueName: Q\nstate: ON\n---\nkind: ClusterRole\n"
    parameters = {"cluster": {"cluster_name": "c"}, "platform": {"documents": documents}}
    with pytest.raises(ParameterTypeError) as refused:
        setup_batch.validate_parameters(parameters)
    for path in ("[0].computeEnvironmentName", "[1].state", "[2].document"):
        assert f"platform.documents{path}" in str(refused.value)


def test_a_job_that_is_no_job_is_named_by_its_place() -> None:
    parameters = {"cluster": {"cluster_name": "c"}, "jobs": [{}, {"jobName": "no spaces"}]}
    with pytest.raises(ParameterTypeError, match=r"jobs\.1: .*\n- jobName = 'no spaces'"):
        submit_jobs.validate_parameters(parameters)
