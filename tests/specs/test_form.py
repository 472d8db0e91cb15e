"""Specs as flow parameters: the form that Prefect makes of them, and what it sends back."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import is_valid_schema, validate
from pydantic import TypeAdapter

from specs.compute_environment import ComputeEnvironmentSpec
from specs.identity_mapping import RoleMapping
from specs.job_definition import JobDefinitionSpec
from specs.job_identity import JobIdentitySpec
from specs.job_queue import JobQueueSpec
from specs.job_request import JobRequest
from specs.job_table import JobTable
from specs.lifecycle_policy import LifecyclePolicySpec
from specs.mirror import MirrorImage, MirrorRepositories
from specs.namespace import NamespaceSpec
from specs.part import Part
from specs.private_cluster import PrivateClusterSpec
from specs.pull_through_cache_rule import PullThroughCacheRuleSpec
from specs.rbac import ClusterRoleBindingSpec, ClusterRoleSpec, RoleBindingSpec, RoleSpec
from specs.repository import RepositorySpec
from specs.scheduling_policy import SchedulingPolicySpec
from specs.spec import Spec

SPECS: list[type[Spec]] = [
    NamespaceSpec,
    ClusterRoleSpec,
    ClusterRoleBindingSpec,
    RoleSpec,
    RoleBindingSpec,
    ComputeEnvironmentSpec,
    SchedulingPolicySpec,
    JobQueueSpec,
    JobDefinitionSpec,
    JobRequest,
    RepositorySpec,
    LifecyclePolicySpec,
    PullThroughCacheRuleSpec,
    PrivateClusterSpec,
]


def dummy_flow(
    namespace: NamespaceSpec,
    cluster_role: ClusterRoleSpec,
    cluster_role_binding: ClusterRoleBindingSpec,
    role: RoleSpec,
    role_binding: RoleBindingSpec,
    compute_environment: ComputeEnvironmentSpec,
    scheduling_policy: SchedulingPolicySpec,
    job_queue: JobQueueSpec,
    job_definition: JobDefinitionSpec,
    job_request: JobRequest,
    job_table: JobTable,
    repository: RepositorySpec,
    images: list[MirrorImage],
    repositories: MirrorRepositories,
    pull_through_cache_rule: PullThroughCacheRuleSpec,
    mapping: RoleMapping,
    private_cluster: PrivateClusterSpec,
    job_identity: JobIdentitySpec,
) -> None:
    """A flow that takes them all."""


@pytest.fixture(scope="module")
def definitions() -> dict[str, Any]:
    return parameter_schema(dummy_flow).model_dump()["definitions"]  # type: ignore[no-any-return]  # JSON


def test_every_field_has_a_title_a_description_and_an_example(definitions: dict[str, Any]) -> None:
    assert {spec.__name__ for spec in SPECS} | {"JobTable", "JobIdentitySpec"} <= set(definitions)
    fields = {
        f"{name}.{field}": schema
        for name, definition in definitions.items()
        for field, schema in definition["properties"].items()
    }
    assert len(fields) > 130
    for name, schema in fields.items():
        # pydantic leaves out what the referenced model says in the same words.
        target = definitions.get(schema.get("$ref", "").rpartition("/")[2], {})
        assert schema.get("title") or target["title"], name
        assert (schema.get("description") or target["description"]).endswith("."), name
        assert schema.get("examples"), name


def test_field_names_are_the_wires(definitions: dict[str, Any]) -> None:
    assert {"minvCpus", "maxvCpus", "desiredvCpus", "ec2KeyPair", "ec2Configuration"} <= set(
        definitions["ComputeResources"]["properties"]
    )
    assert {"Key", "Value"} == set(definitions["RepositoryTag"]["properties"])
    assert "nonResourceURLs" in definitions["PolicyRule"]["properties"]


def test_choices_and_ranges_reach_the_form(definitions: dict[str, Any]) -> None:
    resources = definitions["ComputeResources"]["properties"]
    assert resources["type"]["enum"] == ["EC2", "SPOT"]
    assert "BEST_FIT" not in resources["allocationStrategy"]["enum"]
    assert (
        definitions["RetryStrategy"]["properties"]["attempts"] | {"minimum": 1, "maximum": 10}
        == (definitions["RetryStrategy"]["properties"]["attempts"])
    )
    assert definitions["PodProperties"]["properties"]["dnsPolicy"]["enum"][0] == ""
    assert definitions["PodProperties"]["properties"]["containers"]["maxItems"] == 10


def test_the_server_accepts_what_the_form_sends(definitions: dict[str, Any]) -> None:
    """The Prefect server checks parameters against the schema before the flow runs."""
    specs = (JobDefinitionSpec(), JobRequest(), JobQueueSpec(), NamespaceSpec(), RepositorySpec())
    for spec in (*specs, PullThroughCacheRuleSpec(), PrivateClusterSpec(), JobTable()):
        schema = definitions[type(spec).__name__] | {"definitions": definitions}
        assert validate(spec.model_dump(mode="json"), schema) == []
        is_valid_schema(schema)


def test_the_server_refuses_early_what_the_schema_says(definitions: dict[str, Any]) -> None:
    schema = definitions["JobQueueSpec"] | {"definitions": definitions}
    assert validate({"jobQueueName": "a b", "state": "ON"}, schema)


def parts(spec: type[Part]) -> Iterator[type[Part]]:
    yield spec
    for one in spec.__subclasses__():
        yield from parts(one)


@pytest.mark.parametrize("part", sorted({*parts(Part)}, key=str), ids=str)
def test_examples_are_valid(part: type[Part]) -> None:
    for field in part.model_fields.values():
        for example in field.examples or []:
            TypeAdapter[Any](field.annotation or Any).validate_python(example)


def test_a_form_sends_every_field_and_the_document_stays_the_same(job_definition: dict[str, Any]) -> None:
    """The form submits defaults too: empty ones are not sent to AWS."""
    form = JobDefinitionSpec().model_dump()
    assert form["retryStrategy"] is None
    assert JobDefinitionSpec.model_validate(json.loads(json.dumps(form))).to_document() == (
        JobDefinitionSpec().to_document()
    )
    request = JobRequest.model_validate(JobRequest().model_dump())
    assert request.to_document() == JobRequest().to_document()
    assert JobTable.model_validate(json.loads(json.dumps(JobTable().model_dump()))) == JobTable()
