"""What the official Python client is told is the same on both control planes, but for differences with a reason.

`client_answers.json` has the answers of a real kube-apiserver, by check; `client_differences.json` names the checks
that the embedded one answers otherwise, and why. Record them anew with RECORD_CONFORMANCE=1 and KUBEBUILDER_ASSETS set.
"""

import json
import os
from pathlib import Path

import pytest

from tests.sandbox.kubernetes.client_checks import ClientChecks

HERE = Path(__file__).parent
ANSWERS = HERE / "client_answers.json"
ACCEPTED: dict[str, str] = json.loads((HERE / "client_differences.json").read_text())


def test_clients_are_told_the_same_by_both_control_planes(cluster, eventually, tmp_path):
    answers = ClientChecks(cluster.official(), eventually, tmp_path).answers()
    if cluster.kind == "real" and os.environ.get("RECORD_CONFORMANCE"):
        lines = [f"{json.dumps(name)}: {json.dumps(answer, sort_keys=True)}" for name, answer in answers.items()]
        ANSWERS.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    recorded = json.loads(ANSWERS.read_text())
    assert list(answers) == list(recorded)
    different = {name for name, answer in answers.items() if answer != recorded[name]}
    if cluster.kind == "real" and not answers["the version is told"].startswith("v1.20."):
        pytest.skip("the answers were recorded from Kubernetes 1.20")
    accepted = set() if cluster.kind == "real" else set(ACCEPTED)
    for name in sorted(different - accepted):
        pytest.fail(f"{name}\nreal: {recorded[name]}\nhere: {answers[name]}")
    assert accepted <= different, f"no longer different: {sorted(accepted - different)}"
