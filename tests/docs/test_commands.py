"""Commands in the documentation: each is run by a test or by CI, or its syntax is checked as far as nothing is called.

What needs an account or a running sandbox is marked so on the line before its block; nothing else may need one.
"""

import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from awscli.clidriver import create_clidriver
from botocore import xform_name
from prefect.cli._app import _app as prefect_cli
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools import validate

from deployments.register import PREFECT_FILE, WORK_POOLS
from tests.docs.page import PAGES, ROOT, Page

# What may stand in a block without a mark: who runs it, and the words there that do.
RUN_BY = {
    "make demo": (".ci/run", "make demo"),
    "make test": (".ci/run", "make test"),
    "make up": ("tests/demo/running_up.py", "demo.up"),
    "python -m sandbox up --state-dir DIR": ("sandbox/remote.py", '"sandbox", "up"'),
    "day=${day-$(printf": ("tests/flows/test_submit.py", "^day=.*$"),
    ". .venv/bin/activate": ("Makefile", "-m venv $(VENV)"),
}
MAKEFILE = (ROOT / "Makefile").read_text()
DEPLOYMENTS = yaml.safe_load(PREFECT_FILE.read_text())["deployments"]


def commands(page: Page) -> list[tuple[str, str]]:
    """Commands of the page's shell blocks, each with what it needs."""
    return [
        (line.strip(), block.needs)
        for block in page.blocks
        if block.language == "sh"
        for line in re.sub(r"\\\n\s*", " ", block.code).splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]


COMMANDS = [(page, command, needs) for page in PAGES for command, needs in commands(page)]


@pytest.mark.parametrize(("page", "command", "needs"), COMMANDS, ids=[f"{page}: {text}" for page, text, _ in COMMANDS])
def test_a_command_is_run_or_its_syntax_is_right(
    page: Page, command: str, needs: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not needs:
        by = next((by for text, by in RUN_BY.items() if re.match(rf"{re.escape(text)}(?![\w-])", command)), None)
        assert by, f"{page}: nothing runs `{command}`; mark its block as one for a real account or a sandbox"
        assert by[1] in (ROOT / by[0]).read_text()
        return
    program, *arguments = shlex.split(command, comments=True)
    if program == "python":
        check_module(arguments, monkeypatch)
    elif program == "prefect":
        check_prefect(arguments)
    elif program == "aws":
        check_aws(arguments, monkeypatch, capsys)
    elif program == "kubectl":
        check_kubectl(arguments)
    elif program == "export":
        assert all(re.fullmatch(r"[A-Z_]+=\S+", argument) for argument in arguments)
    else:
        pytest.fail(f"{page}: `{program}` is not checked here")


INLINE = [
    pytest.param(code, id=f"{page}: {code}")
    for page in PAGES
    for code in page.code
    if re.match(r"(make|python -m|prefect|aws [a-z]+) [a-z]", code)
]


@pytest.mark.parametrize("command", INLINE)
def test_a_command_in_a_sentence_exists(command: str) -> None:
    """Often only its beginning is there."""
    program, *arguments = command.split()
    if program == "make":
        assert f"\n{arguments[0]}:" in MAKEFILE
    elif program == "python":
        assert find_spec(arguments[1]) is not None
    elif program == "prefect":
        check_prefect(arguments)
    else:
        service, operation, *_ = arguments
        operations = botocore.session.get_session().get_service_model(service).operation_names
        assert operation in {xform_name(name, "-") for name in operations}


class ParsedError(Exception):
    """A command line was taken."""


def check_module(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The module's own parser takes the arguments; what it would do then is not done."""
    assert arguments[0] == "-m"
    module, parse = arguments[1], ArgumentParser.parse_args

    def parsed(self: ArgumentParser, args: Any = None, namespace: Any = None) -> Namespace:
        parse(self, args, namespace)
        raise ParsedError

    spec = find_spec(module)
    assert spec is not None
    if spec.submodule_search_locations is not None:
        spec = find_spec(f"{module}.__main__")
    assert spec is not None
    assert spec.origin is not None
    if "ArgumentParser" not in Path(spec.origin).read_text():
        assert arguments[2:] == []
        return
    monkeypatch.setattr(ArgumentParser, "parse_args", parsed)
    monkeypatch.delitem(sys.modules, spec.name, raising=False)
    monkeypatch.setattr(sys, "argv", [spec.origin, *arguments[2:]])
    with pytest.raises(ParsedError):
        runpy.run_module(module, run_name="__main__")


def check_prefect(arguments: list[str]) -> None:
    """Prefect's command line takes it; deployments, their parameters and work pools exist."""
    _, bound, *_ = prefect_cli.parse_args(arguments, exit_on_error=False, print_error=False)
    if arguments[:2] == ["deployment", "run"]:
        check_run(bound.arguments["name"], bound.arguments.get("params") or [])
    elif arguments[:2] == ["worker", "start"]:
        assert bound.arguments["work_pool_name"] in WORK_POOLS


def check_run(name: str, given: list[str]) -> None:
    flow, schema, defaults = form(name.partition("/")[2])
    assert flow == name.partition("/")[0]
    values = {key: as_json(value) for key, _, value in (one.partition("=") for one in given)}
    assert set(values) <= set(schema["properties"])
    validate(defaults | values, schema, raise_on_error=True)


@cache
def form(deployment: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Name of a deployment's flow, the schema of its form, and the default parameters."""
    (found,) = (one for one in DEPLOYMENTS if one["name"] == deployment)
    module, _, function = found["entrypoint"].rpartition(".")
    flow = getattr(import_module(module), function)
    return flow.name, parameter_schema(flow).model_dump(), found["parameters"]


def as_json(value: str) -> Any:
    """As `--param` reads it: JSON, else a text."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def check_aws(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The operation exists and takes these options, and none that it needs is missing. Nothing is called."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    # Asked for a sample of the answer, it parses its arguments and sends nothing.
    create_clidriver().main([*arguments, "--generate-cli-skeleton", "output"])
    # Of some operations it finds its own sample to be too short.
    sampled = ("Parameter validation failed:", "valid min")
    complaints = [line for line in capsys.readouterr().err.splitlines() if line and not any(s in line for s in sampled)]
    assert complaints == []


def check_kubectl(arguments: list[str]) -> None:
    if not shutil.which("kubectl"):
        pytest.skip("needs kubectl")
    options = [argument.partition("=")[0] for argument in arguments if argument.startswith("--")]
    # Options of every command are told apart from those of this one.
    told = "".join(
        subprocess.run(["kubectl", *command], capture_output=True, text=True, check=True).stdout
        for command in ([arguments[0], "--help"], ["options"])
    )
    assert [option for option in options if f"{option}=" not in told] == []
