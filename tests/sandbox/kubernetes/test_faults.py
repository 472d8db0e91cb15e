"""Faults on demand, on the embedded control plane."""

import httpx
import pytest

from sandbox.kubernetes.client import ApiError

pytestmark = pytest.mark.parametrize("running_cluster", ["embedded"], indirect=True)

FAULTS = "/_sandbox/faults"


@pytest.fixture
def somebody(cluster):
    """A user; the sandbox's own requests are spared."""
    return cluster.client("root", "system:masters")


def test_an_answer_is_replaced_a_number_of_times(cluster, somebody):
    match = {"method": "GET", "path": "/namespaces$"}
    cluster.client().post(FAULTS, {"match": match, "status": 503, "times": 2})
    for _ in range(2):
        with pytest.raises(ApiError) as refused:
            somebody.get("/api/v1/namespaces")
        assert refused.value.status == 503
    assert somebody.get("/api/v1/namespaces")["items"]


def test_the_connection_is_cut(cluster, somebody):
    cluster.client().post(FAULTS, {"match": {"path": "/nodes"}, "reset": True})
    with pytest.raises(httpx.TransportError):
        somebody.get("/api/v1/nodes")
    assert somebody.get("/api/v1/nodes")["items"] == []


def test_the_request_takes_effect_before_its_answer_is_lost(cluster, somebody):
    cluster.client().post(FAULTS, {"match": {"method": "POST"}, "reset": True, "after": True})
    with pytest.raises(httpx.TransportError):
        somebody.post("/api/v1/namespaces", {"metadata": {"name": "batch"}})
    assert somebody.get("/api/v1/namespaces/batch")
    assert [call.verb for call in cluster.control_plane.calls()] == ["POST", "GET"]


def test_faults_are_cleared(cluster, somebody):
    cluster.client().post(FAULTS, {"match": {}, "status": 500, "times": 100})
    cluster.client().delete(FAULTS)
    assert somebody.get("/version")


def test_only_the_sandbox_may_ask_for_faults(somebody):
    with pytest.raises(ApiError) as refused:
        somebody.post(FAULTS, {"match": {}, "status": 500})
    assert refused.value.status == 403
