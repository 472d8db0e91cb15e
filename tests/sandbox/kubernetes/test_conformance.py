"""The embedded server's answers are those recorded from a real kube-apiserver, but for differences with a reason.

`conformance_requests.json` is played in order on a fresh control plane; `kube-apiserver-1.20.json` has the real
one's answers. Record them anew with RECORD_CONFORMANCE=1 and KUBEBUILDER_ASSETS set.
"""

import json
import os
import ssl
import time
from http import HTTPStatus
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


RECORDING = bool(os.environ.get("RECORD_CONFORMANCE"))
# How long a real server's authorizer may take to learn of a role; all refusals are asked for that long while recording.
SETTLE_SECONDS = 1 if RECORDING else 15


@pytest.mark.timeout(120)
def test_answers_are_those_of_a_real_kube_apiserver(cluster):
    recorded = json.loads(TRANSCRIPT.read_text())
    answers = play(cluster, [None] * len(REQUESTS) if RECORDING else recorded)
    if cluster.kind == "real" and RECORDING:
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


def play(cluster: Any, recorded: list[Any]) -> list[Any]:
    """Send all requests and give the answers in a form that does not depend on time and chance."""
    cluster.namespace("t1")
    context = ssl.create_default_context(cafile=str(cluster.authority.ca_file))
    with httpx.Client(base_url=cluster.control_plane.url, verify=context, trust_env=False, timeout=30) as http:
        if cluster.kind != "real":
            return [answer(http, cluster.token(), request) for request in REQUESTS]
        return [settled_answer(http, cluster.token(), *asked) for asked in zip(REQUESTS, recorded, strict=True)]


def settled_answer(http: httpx.Client, token: str, request: dict[str, str], recorded: Any) -> Any:
    """As `answer`, once roles are in effect: a refusal that is not the recorded one is asked for again."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        found = answer(http, token, request)
        if found == recorded or found[0] != HTTPStatus.FORBIDDEN or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def answer(http: httpx.Client, token: str, request: dict[str, str]) -> Any:
    """Send one request; gives its status and its normalised body."""
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "probe", "Accept": "application/json"}
    if "contentType" in request:
        headers["Content-Type"] = request["contentType"]
    if "as" in request:
        headers["Impersonate-User"] = request["as"]
    if "asGroup" in request:
        headers["Impersonate-Group"] = request["asGroup"]
    body = request.get("body", "").replace("ADMIN-TOKEN", token)
    response = http.request(request["method"], request["path"], headers=headers, content=body)
    return [response.status_code, normalised(response.text.replace(token, "ADMIN-TOKEN"))]
