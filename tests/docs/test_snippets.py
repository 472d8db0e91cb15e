"""Python, YAML and JSON in the documentation: it parses, and means something to the code or the service it is for."""

import ast
import inspect
import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

import botocore.session
import pytest
import yaml
from kubernetes import client as kubernetes
from prefect.cli.deploy._models import DeploymentConfig
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools import validate
from pydantic import TypeAdapter

from blocks.eks_cluster import EksCluster
from specs.compute_environment import ComputeEnvironmentSpec
from specs.job_definition import JobDefinitionSpec
from specs.job_queue import JobQueueSpec
from specs.job_request import JobRequest
from specs.mirror import MirrorSpec
from specs.platform import PlatformSpec
from specs.private_cluster import PrivateClusterSpec
from tests.docs.page import PAGES, Block, Page

LANGUAGES = {"python", "yaml", "json", "sh", "text"}
# IAM actions that no operation is named after (Service Authorization Reference).
NO_OPERATIONS = {
    "ecr:BatchImportUpstreamImage",
    "eks:AccessKubernetesApi",
    "iam:PassRole",
    "sts:TagSession",
}
AWS = botocore.session.get_session()


def blocks(*languages: str) -> list[Any]:
    return [
        pytest.param(block, id=f"{page} {block.language} {index}")
        for page in PAGES
        for index, block in enumerate(block for block in page.blocks if block.language in languages)
    ]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_block_says_what_it_is(page: Page) -> None:
    assert {block.language for block in page.blocks} <= LANGUAGES


@pytest.mark.parametrize("block", blocks("python"))
def test_python_imports_what_there_is_and_calls_it_with_parameters_that_it_has(block: Block) -> None:
    tree = ast.parse(block.code)
    known: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            known |= {alias.name: getattr(import_module(str(node.module)), alias.name) for alias in node.names}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    for call in calls:
        called = known[ast.unparse(call.func)]
        keywords = {str(keyword.arg): None for keyword in call.keywords}
        inspect.signature(getattr(called, "fn", called)).bind_partial(*call.args, **keywords)


@pytest.mark.parametrize("block", blocks("yaml", "json"))
def test_a_document_is_one_that_its_reader_takes(block: Block) -> None:
    documents = [json.loads(block.code)] if block.language == "json" else list(yaml.safe_load_all(block.code))
    for document in documents:
        check_document(document)


def check_document(document: Any) -> None:
    taken_by = [check for is_one, check in READERS if is_one(document)]
    assert len(taken_by) == 1, "nothing here knows what reads it: give READERS a row"
    taken_by[0](document)


def check_policy(document: dict[str, Any]) -> None:
    """An IAM policy: every action is an operation of its service, or one of the few that are not."""
    statements = document["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            service, _, operation = action.partition(":")
            assert "*" in operation or is_action(service, operation), action


def is_action(service: str, operation: str) -> bool:
    known = AWS.get_service_model(service).operation_names if service in AWS.get_available_services() else ()
    return operation in known or f"{service}:{operation}" in NO_OPERATIONS


def check_manifest(document: dict[str, Any]) -> None:
    """A Kubernetes manifest: the client has a model of the kind, with these fields."""
    version = str(document["apiVersion"]).split("/")[-1]
    model = getattr(kubernetes, f"{version[:1].upper()}{version[1:]}{document['kind']}", None)
    assert model is not None, document["kind"]
    assert set(document) <= set(model.attribute_map.values())


def check_deployments(document: dict[str, Any]) -> None:
    """Deployments of a prefect.yaml: every key means something to Prefect, the parameters fit the flow's form."""
    for deployment in document["deployments"]:
        assert set(deployment) <= set(DeploymentConfig.model_fields)
        DeploymentConfig.model_validate(deployment)
        module, _, name = deployment["entrypoint"].rpartition(".")
        schema = parameter_schema(getattr(import_module(module), name)).model_dump()
        validate(deployment["parameters"], schema, raise_on_error=True)


def check_toleration(document: dict[str, Any]) -> None:
    for toleration in document["tolerations"]:
        assert set(toleration) <= set(kubernetes.V1Toleration.attribute_map.values())


def check_endpoints(document: dict[str, str]) -> None:
    assert set(document) <= set(AWS.get_available_services())
    EksCluster(cluster_name="my-test-cluster", endpoint_urls=document)


def check_time_limits(document: list[dict[str, Any]]) -> None:
    queue = JobQueueSpec().to_document()
    assert JobQueueSpec.from_document({**queue, "jobStateTimeLimitActions": document})


def has(*names: str) -> Callable[[Any], bool]:
    return lambda document: isinstance(document, dict) and set(names) <= set(document)


def of(model: Any) -> Callable[[Any], object]:
    return lambda document: TypeAdapter(model).validate_python(document)


def is_list_with(name: str) -> Callable[[Any], bool]:
    return lambda document: isinstance(document, list) and all(name in each for each in document)


# Which documents there are, by their fields, and who reads each.
READERS: list[tuple[Callable[[Any], bool], Callable[[Any], object]]] = [
    (has("computeEnvironment"), of(PlatformSpec)),
    (has("computeEnvironmentName"), ComputeEnvironmentSpec.from_document),
    (has("jobDefinitionName"), JobDefinitionSpec.from_document),
    (has("jobQueueName"), JobQueueSpec.from_document),
    (has("jobName"), JobRequest.from_document),
    (is_list_with("jobName"), of(list[JobRequest])),
    (is_list_with("maxTimeSeconds"), check_time_limits),
    (has("images"), of(MirrorSpec)),
    (lambda document: has("kind")(document) and document["kind"] == "ClusterConfig", PrivateClusterSpec.from_document),
    (has("Statement"), check_policy),
    (has("tolerations"), check_toleration),
    (has("deployments"), check_deployments),
    (has("batch"), check_endpoints),
    (
        lambda document: has("apiVersion", "kind")(document) and document["kind"] != "ClusterConfig",
        check_manifest,
    ),
]
