"""How workers are run: the image, the manifests, the systemd unit, and what a reader fills in."""

import re
import shlex
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import utils

from blocks.eks_cluster import EksCluster
from deployments.fill_in import PLACEHOLDERS, filled_in
from deployments.register import PROJECT, WORK_POOLS
from tests.deployments.worker_role import RBAC, documents

DEPLOYMENTS = PROJECT / "deployments"
MANIFEST = DEPLOYMENTS / "kubernetes" / "worker.yaml"
VALUES = {
    "REGION": "us-east-1",
    "ACCOUNT_ID": "123456789012",
    "WORKER_ROLE_NAME": "PrefectWorker",
    "PREFECT_SERVER_URL": "https://prefect.example.com/api",
}


def manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(filled_in(MANIFEST.read_text(), VALUES)))


def test_the_command_fills_a_document_in_and_names_what_is_wrong(tmp_path: Path) -> None:
    output = tmp_path / "worker.yaml"

    def fill_in(*values: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "deployments.fill_in", str(MANIFEST), *values, "--output", str(output)]
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    refused = fill_in("REGION=us-east-1", "PLACE=here")
    assert refused.returncode == 2
    assert "no placeholder is called PLACE; ACCOUNT_ID has no value; PREFECT_SERVER_URL has no value" in refused.stderr
    assert not output.exists()
    assert fill_in(*(f"{name}={value}" for name, value in VALUES.items())).returncode == 0
    assert list(yaml.safe_load_all(output.read_text())) == manifests()


def test_a_variable_s_name_is_no_placeholder() -> None:
    (container,) = manifests()[-1]["spec"]["template"]["spec"]["containers"]
    variables = {one["name"]: one.get("value") for one in container["env"]}
    assert variables == {
        "AWS_REGION": VALUES["REGION"],
        "PREFECT_API_URL": VALUES["PREFECT_SERVER_URL"],
        "PREFECT_API_KEY": None,
    }


def test_documents_have_no_other_placeholder() -> None:
    texts = [path.read_text() for folder in ("iam", "rbac") for path in (DEPLOYMENTS / folder).glob("*.[jy]*")]
    used = set(
        re.findall(r"\b[A-Z]+_(?:[A-Z]+_)*(?:ID|NAME|URL)\b|\bREGION\b", "\n".join([*texts, MANIFEST.read_text()]))
    )
    assert used - {"PREFECT_API_URL"} == set(PLACEHOLDERS)


def test_manifests_are_what_the_api_server_takes(cluster: EksCluster) -> None:
    """By server-side dry run; only the namespaces are made, since nothing can be tried in one that is not there."""
    found = manifests()
    for path in sorted(RBAC.glob("*.yaml")):
        found += documents(path.stem) if path.stem != "aws-auth-entry" else []
    namespaces = [one for one in found if one["kind"] == "Namespace"]
    others = [one for one in found if one["kind"] != "Namespace"]
    api = cluster.core_v1.api_client
    utils.create_from_yaml(api, yaml_objects=namespaces)
    made = utils.create_from_yaml(api, yaml_objects=others, dry_run="All", field_validation="Strict")
    assert len(made) == len(others)


def test_the_workers_of_the_manifest_run_the_image_in_the_private_registry_without_a_token_of_the_cluster() -> None:
    pod = manifests()[-1]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert container["image"].startswith("123456789012.dkr.ecr.us-east-1.amazonaws.com/")


def instruction(name: str) -> list[str]:
    return [line for line in (DEPLOYMENTS / "Dockerfile").read_text().splitlines() if line.startswith(f"{name} ")]


def test_the_image_has_the_locked_requirements_and_all_that_flows_import() -> None:
    copied = {line.split()[1].rstrip("/") for line in instruction("COPY")}
    assert copied == {"requirements.txt", "registry", "specs", "blocks", "tasks", "flows", "deployments"}
    assert all((PROJECT / name).exists() for name in copied)
    assert "--no-deps --require-hashes -r requirements.txt" in instruction("RUN")[0]


def unit() -> dict[str, str]:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.read(DEPLOYMENTS / "systemd" / "prefect-worker.service")
    return dict(parser["Service"])


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "prefect", *yaml.safe_load(instruction("CMD")[0].removeprefix("CMD "))],
        shlex.split(unit()["execstart"])[1:],
    ],
    ids=["image", "unit"],
)
def test_prefect_takes_the_command_that_starts_a_worker(command: list[str]) -> None:
    assert command[:4] == ["-m", "prefect", "worker", "start"]
    assert command[command.index("--pool") + 1] in WORK_POOLS
    said = subprocess.run([sys.executable, *command[:4], "--help"], capture_output=True, text=True, check=True).stdout
    assert {option for option in command if option.startswith("--") and option not in said} == set()


def test_the_unit_runs_the_project_s_own_interpreter() -> None:
    service = unit()
    assert Path(shlex.split(service["execstart"])[0]).is_relative_to(service["workingdirectory"])
