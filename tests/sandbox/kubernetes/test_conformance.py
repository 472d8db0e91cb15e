"""The embedded server's answers are those recorded from a real kube-apiserver, but for differences with a reason.

`conformance_requests.json` is played in order on a fresh control plane; `kube-apiserver-1.20.json` has the real
one's answers. Record them anew with RECORD_CONFORMANCE=1 and KUBEBUILDER_ASSETS set.
"""

import json
import os
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sandbox.kubernetes.normalised_answer import normalised

HERE = Path(__file__).parent
TRANSCRIPT = HERE / "kube-apiserver-1.20.json"
REQUESTS = json.loads((HERE / "conformance_requests.json").read_text())

# Where the embedded server answers otherwise, by the request's name, and why.
ACCEPTED: dict[str, str] = json.loads((HERE / "accepted_differences.json").read_text())


@pytest.mark.timeout(120)
def test_answers_are_those_of_a_real_kube_apiserver(cluster):
    answers = play(cluster)
    if cluster.kind == "real" and os.environ.get("RECORD_CONFORMANCE"):
        lines = [json.dumps(answer, sort_keys=True) for answer in answers]
        TRANSCRIPT.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    recorded = json.loads(TRANSCRIPT.read_text())
    assert len(recorded) == len(REQUESTS)
    different = {number for number, answer in enumerate(answers) if answer != recorded[number]}
    if cluster.kind == "real":
        if cluster.client().get("/version")["minor"] == "20":
            assert_same(different, set(), answers, recorded)
    else:
        named = {request.get("name"): number for number, request in enumerate(REQUESTS)}
        assert_same(different, {named[name] for name in ACCEPTED}, answers, recorded)


def assert_same(different: set[int], accepted: set[int], answers: list[Any], recorded: list[Any]) -> None:
    """Fail with the first unexpected difference; a listed one that is gone is a failure too."""
    for number in sorted(different - accepted):
        shown = json.dumps(REQUESTS[number])
        pytest.fail(f"request {number}: {shown}\nreal: {recorded[number]}\nhere: {answers[number]}")
    assert accepted <= different, f"no longer different: {sorted(accepted - different)}"


def play(cluster: Any) -> list[Any]:
    """Send all requests and give the answers in a form that does not depend on time and chance."""
    cluster.namespace("t1")
    context = ssl.create_default_context(cafile=str(cluster.authority.ca_file))
    token = cluster.token()
    answers = []
    with httpx.Client(base_url=cluster.control_plane.url, verify=context, trust_env=False, timeout=30) as http:
        for request in REQUESTS:
            headers = {"Authorization": f"Bearer {token}", "User-Agent": "probe", "Accept": "application/json"}
            if "contentType" in request:
                headers["Content-Type"] = request["contentType"]
            if "as" in request:
                headers["Impersonate-User"] = request["as"]
            if "asGroup" in request:
                headers["Impersonate-Group"] = request["asGroup"]
            body = request.get("body", "").replace("ADMIN-TOKEN", token)
            response = http.request(request["method"], request["path"], headers=headers, content=body)
            text = response.text.replace(token, "ADMIN-TOKEN")
            answers.append([response.status_code, normalised(text)])
    return answers
