"""Watches, with the official client and the sandbox's own."""

import threading

import kubernetes
import pytest

from sandbox.authenticator import Identity
from sandbox.kubernetes.client import ApiClient, ApiError
from sandbox.kubernetes.embedded_control_plane import EmbeddedControlPlane

MAPS = "/api/v1/namespaces/batch/configmaps"


@pytest.fixture
def admin(cluster):
    """An administrator, with the namespace `batch`."""
    cluster.namespace("batch")
    return cluster.client()


def test_a_watch_goes_on_where_a_list_ended(admin):
    admin.post(MAPS, {"metadata": {"name": "before"}})
    since = admin.get(MAPS)["metadata"]["resourceVersion"]
    admin.post(MAPS, {"metadata": {"name": "a"}})
    admin.patch(f"{MAPS}/a", {"data": {"k": "v"}})
    admin.delete(f"{MAPS}/a")
    events = [
        (event["type"], event["object"]["metadata"]["name"])
        for event in admin.watch(MAPS, resourceVersion=since, timeoutSeconds="1")
    ]
    assert events == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_a_watch_without_a_version_begins_with_what_there_is(cluster, admin):
    admin.post(MAPS, {"metadata": {"name": "before"}})
    watch = kubernetes.watch.Watch()
    core = kubernetes.client.CoreV1Api(cluster.official())
    seen = []
    for event in watch.stream(core.list_namespaced_config_map, "batch", timeout_seconds=20):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 1:
            threading.Thread(target=admin.post, args=(MAPS, {"metadata": {"name": "after"}})).start()
        if seen[-1] == ("ADDED", "after"):
            watch.stop()
    assert seen == [("ADDED", "before"), ("ADDED", "after")]


def test_an_object_that_stops_matching_is_deleted_for_the_watch(admin):
    since = admin.get(MAPS)["metadata"]["resourceVersion"]
    admin.post(MAPS, {"metadata": {"name": "a", "labels": {"x": "1"}}})
    admin.patch(f"{MAPS}/a", {"metadata": {"labels": {"x": "2"}}})
    admin.patch(f"{MAPS}/a", {"metadata": {"labels": {"x": "1"}}})
    events = admin.watch(MAPS, resourceVersion=since, labelSelector="x=1", timeoutSeconds="1")
    assert [event["type"] for event in events] == ["ADDED", "DELETED", "ADDED"]


@pytest.mark.parametrize("running_cluster", ["embedded"], indirect=True)
def test_a_version_that_is_forgotten_has_expired(admin):
    since = admin.get(MAPS)["metadata"]["resourceVersion"]
    admin.post(MAPS, {"metadata": {"name": "a"}})
    for number in range(4100):
        admin.patch(f"{MAPS}/a", {"data": {"k": str(number)}})
    with pytest.raises(ApiError) as gone:
        list(admin.watch(MAPS, resourceVersion=since, timeoutSeconds="1"))
    assert (gone.value.status, gone.value.reason) == (410, "Expired")


def test_a_watch_ends_with_the_control_planes_stop(cluster):
    plane = EmbeddedControlPlane(cluster.authority, lambda token: Identity(token, "", ()))
    plane.start()
    client = ApiClient(plane.url, cluster.authority.ca_file, plane.admin_token)
    events = client.watch("/api/v1/namespaces")
    assert next(events)["type"] == "ADDED"
    plane.stop()
    for event in events:
        assert event["type"] == "ADDED"
