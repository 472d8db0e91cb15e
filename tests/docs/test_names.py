"""Names in the documentation's sentences are those of the code, of AWS, of Kubernetes or of Prefect."""

import ast
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

import botocore.session
import pytest
import yaml
from kubernetes import client as kubernetes
from prefect.settings import Settings
from prefect_aws import AwsCredentials
from prefect_aws.client_parameters import AwsClientParameters

from deployments.register import PREFECT_FILE
from tests.docs.page import PAGES, ROOT, Page

FOLDERS = ("deployments", "flows", "tasks", "blocks", "specs", "registry", "sandbox", "demo", "benchmarks")
SERVICES = ("batch", "ec2", "ecr", "eks", "events", "iam", "logs", "sqs", "sts")
DEPLOYMENTS = {deployment["name"]: deployment for deployment in yaml.safe_load(PREFECT_FILE.read_text())["deployments"]}
FLOWS = {deployment["entrypoint"].rpartition(".")[2] for deployment in DEPLOYMENTS.values()}
# Of nobody whose names can be asked for here.
ELSEWHERE = {
    "--cli-input-json": "option of every command of the AWS CLI",
    "HTTPS_PROXY": "read by botocore, httpx and websockets",
}
_PATH = rf"(?:{'|'.join(FOLDERS)}|docs|tests)/[\w./-]*"
_NAMES = r"(`[\w-]+`(?:(?:,| and| or) `[\w-]+`)*)"


def in_sentences(pattern: str) -> list[Any]:
    """Names in backticks behind a word, each with its page."""
    return [
        pytest.param(name, id=f"{page}: {name}")
        for page in PAGES
        for names in re.findall(rf"{pattern}\s+{_NAMES}", page.prose)
        for name in re.findall(r"[\w-]+", names)
    ]


@pytest.mark.parametrize("name", in_sentences(r"\bdeployments?"))
def test_every_deployment_exists(name: str) -> None:
    assert name in DEPLOYMENTS


@pytest.mark.parametrize("name", in_sentences(r"\bflows?"))
def test_every_flow_exists(name: str) -> None:
    assert name in FLOWS


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_path_and_dotted_name_exists(page: Page) -> None:
    missing = []
    for code in page.code:
        if re.fullmatch(_PATH, code):
            missing += [] if (ROOT / code).exists() else [code]
        elif re.fullmatch(rf"(?:{'|'.join(FOLDERS)})(?:\.\w+)+", code):
            missing += [] if is_importable(code) else [code]
    missing += [name for name in re.findall(r"^::: (.*)$", page.text, re.MULTILINE) if not is_importable(name)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_identifier_is_known(page: Page) -> None:
    unknown = {
        word
        for code in page.code
        if not re.fullmatch(_PATH, code)
        for word in re.findall(r"(?<![\w-])--[a-z][a-z-]+|[A-Za-z]\w*", code)
        if is_identifier(word) and word not in known_identifiers()
    }
    assert unknown - set(ELSEWHERE) == set()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_iam_action_is_an_operation(page: Page) -> None:
    session = botocore.session.get_session()
    actions = [found for code in page.code if (found := re.fullmatch(rf"({'|'.join(SERVICES)}):([A-Z]\w+)", code))]
    wrong = [action[0] for action in actions if action[2] not in session.get_service_model(action[1]).operation_names]
    assert [action for action in wrong if action != "iam:PassRole"] == []


def is_importable(name: str) -> bool:
    try:
        return pkgutil.resolve_name(name) is not None
    except (ImportError, AttributeError):
        return False


def is_identifier(word: str) -> bool:
    """Whether a word is spelt as no word of a language is: an option, snake_case, camelCase, UPPER_CASE."""
    return word.startswith("--") or "_" in word.strip("_") or bool(re.search(r"[a-z0-9][A-Z]", word))


@cache
def known_identifiers() -> frozenset[str]:
    """All that the code, AWS, Kubernetes, Prefect and our own documents call anything."""
    return frozenset(
        {*of_the_code(), *of_aws(), *of_kubernetes(), *of_prefect(), *re.findall(r"[\w-]+", PREFECT_FILE.read_text())}
    )


def of_the_code() -> Iterator[str]:
    """Names, and texts that are nothing but one: field aliases, options of commands, values of choices."""
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            yield path.stem
            for node in ast.walk(ast.parse(path.read_text())):
                match node:
                    case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                        yield name
                    case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.keyword(arg=str(name)):
                        yield name
                    case ast.Constant(value=str(text)) if re.fullmatch(r"[\w./:-]+", text):
                        yield from (text, *re.split(r"[./:]", text))
    for module in (import_module(f"specs.{found.name}") for found in pkgutil.iter_modules([str(ROOT / "specs")])):
        for value in vars(module).values():
            for field in getattr(value, "model_fields", {}).values():
                yield field.alias or ""


def of_aws() -> Iterator[str]:
    """Operations, members and enumerated values of the services."""
    loader = botocore.session.get_session().get_component("data_loader")
    for service in SERVICES:
        model = loader.load_service_model(service, "service-2")
        yield f"AWS_ENDPOINT_URL_{service.upper()}"
        yield from model["operations"]
        for name, shape in model["shapes"].items():
            yield from (name, *shape.get("members", ()), *shape.get("enum", ()))


def of_kubernetes() -> Iterator[str]:
    for name, model in vars(kubernetes).items():
        if hasattr(model, "attribute_map"):
            yield from (name, *model.attribute_map.values())


def of_prefect() -> Iterator[str]:
    yield from AwsCredentials.model_fields
    yield from AwsClientParameters.model_fields
    yield from settings_of(Settings)


def settings_of(model: Any) -> Iterator[str]:
    """The environment variables of Prefect's settings, those of parts included."""
    for name, field in model.model_fields.items():
        if hasattr(field.annotation, "model_fields"):
            yield from settings_of(field.annotation)
        else:
            yield f"{model.model_config.get('env_prefix', 'PREFECT_')}{name}".upper()
            yield from (str(choice).upper() for choice in getattr(field.validation_alias, "choices", ()))
