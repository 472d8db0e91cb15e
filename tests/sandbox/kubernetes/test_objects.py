"""Objects as clients see them: conflicts, names, versions, patches, deletion."""

import kubernetes
import pytest

from sandbox.kubernetes.client import ApiError

MAPS = "/api/v1/namespaces/batch/configmaps"
PODS = "/api/v1/namespaces/batch/pods"


@pytest.fixture
def admin(cluster):
    """An administrator, with the namespace `batch`."""
    cluster.namespace("batch")
    return cluster.client()


@pytest.fixture
def core(cluster, admin):
    """The official client's core API."""
    return kubernetes.client.CoreV1Api(cluster.official())


def pod(name="p", **spec):
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}


def test_an_object_gets_its_identity_from_the_server(admin):
    made = admin.post(MAPS, {"metadata": {"name": "a", "uid": "mine"}, "data": {"k": "v"}})
    metadata = made["metadata"]
    assert metadata["uid"] != "mine"
    assert metadata["namespace"] == "batch"
    assert metadata["creationTimestamp"].endswith("Z")
    assert admin.get(f"{MAPS}/a") == made
    changed = admin.put(f"{MAPS}/a", {"metadata": {"name": "a"}, "data": {"k": "w"}})
    assert int(changed["metadata"]["resourceVersion"]) > int(metadata["resourceVersion"])
    assert changed["metadata"]["uid"] == metadata["uid"]


def test_a_write_without_a_change_is_no_new_version(admin):
    made = admin.post(MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    assert admin.put(f"{MAPS}/a", {"metadata": {"name": "a"}, "data": {"k": "v"}}) == made


def test_the_second_of_two_writers_gets_a_conflict(core):
    core.create_namespaced_config_map("batch", {"metadata": {"name": "aws-auth"}, "data": {"mapRoles": "[]"}})
    first, second = (core.read_namespaced_config_map("aws-auth", "batch") for _ in range(2))
    first.data["mapRoles"] = "- first"
    core.replace_namespaced_config_map("aws-auth", "batch", first)
    second.data["mapRoles"] = "- second"
    with pytest.raises(kubernetes.client.ApiException) as refused:
        core.replace_namespaced_config_map("aws-auth", "batch", second)
    assert (refused.value.status, refused.value.reason) == (409, "Conflict")
    assert "the object has been modified" in refused.value.body
    assert core.read_namespaced_config_map("aws-auth", "batch").data == {"mapRoles": "- first"}


def test_a_dry_run_checks_everything_and_changes_nothing(admin):
    answer = admin.post(f"{MAPS}", {"metadata": {"name": "a"}}, dryRun="All")
    assert answer["metadata"]["uid"]
    assert "resourceVersion" not in answer["metadata"]
    with pytest.raises(ApiError, match="not found"):
        admin.get(f"{MAPS}/a")
    with pytest.raises(ApiError, match='namespaces "ghost" not found'):
        admin.post("/api/v1/namespaces/ghost/configmaps", {"metadata": {"name": "a"}}, dryRun="All")
    made = admin.post(MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    with pytest.raises(ApiError, match="already exists"):
        admin.post(MAPS, {"metadata": {"name": "a"}}, dryRun="All")
    assert admin.patch(f"{MAPS}/a", {"data": {"k": "w"}}, dryRun="All")["data"] == {"k": "w"}
    admin.delete(f"{MAPS}/a", dryRun="All")
    assert admin.get(f"{MAPS}/a") == made


@pytest.mark.parametrize(
    ("content_type", "patch", "data"),
    [
        ("application/json-patch+json", [{"op": "add", "path": "/data/b", "value": "2"}], {"a": "1", "b": "2"}),
        ("application/json-patch+json", [{"op": "test", "path": "/data/a", "value": "1"}], {"a": "1"}),
        ("application/merge-patch+json", {"data": {"a": None, "b": "2"}}, {"b": "2"}),
        ("application/strategic-merge-patch+json", {"data": {"b": "2"}}, {"a": "1", "b": "2"}),
        ("application/strategic-merge-patch+json", {"data": {"$patch": "replace", "b": "2"}}, {"b": "2"}),
    ],
)
def test_patches(cluster, core, content_type, patch, data):
    core.create_namespaced_config_map("batch", {"metadata": {"name": "a"}, "data": {"a": "1"}})
    core.api_client.set_default_header("Content-Type", content_type)
    answer = core.patch_namespaced_config_map("a", "batch", patch, _content_type=content_type)
    assert answer.data == data


def test_server_side_apply_tells_conflicts_and_takes_over_by_force(cluster, admin):
    client = kubernetes.dynamic.DynamicClient(cluster.official())
    maps = client.resources.get(api_version="v1", kind="ConfigMap")

    def apply(manager, data, **options):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "batch"}, "data": data}
        return client.server_side_apply(maps, body=body, name="a", namespace="batch", field_manager=manager, **options)

    apply("one", {"a": "1", "b": "1"})
    with pytest.raises(kubernetes.dynamic.exceptions.ConflictError) as refused:
        apply("two", {"a": "2"})
    assert "Apply failed with 1 conflict" in refused.value.summary()
    assert apply("two", {"a": "2"}, force_conflicts=True).data.to_dict() == {"a": "2", "b": "1"}
    assert apply("one", {}).data.to_dict() == {"a": "2"}
    managers = {entry["manager"] for entry in admin.get(f"{MAPS}/a")["metadata"]["managedFields"]}
    assert "two" in managers


def test_lists_are_selected_and_paged(core):
    for number in range(7):
        body = {"metadata": {"name": f"m{number}", "labels": {"parity": "odd" if number % 2 else "even"}}}
        core.create_namespaced_config_map("batch", body)
    selected = core.list_namespaced_config_map("batch", label_selector="parity in (odd),parity!=even")
    assert [item.metadata.name for item in selected.items] == ["m1", "m3", "m5"]
    named = core.list_namespaced_config_map("batch", field_selector="metadata.name=m4")
    assert [item.metadata.name for item in named.items] == ["m4"]
    names, token = [], None
    while token != "":
        page = core.list_namespaced_config_map("batch", limit=3, _continue=token)
        names += [item.metadata.name for item in page.items]
        token = page.metadata._continue or ""
        core.create_namespaced_config_map("batch", {"metadata": {"name": f"z{len(names)}"}})
    assert names == [f"m{number}" for number in range(7)]


def test_a_pod_that_runs_somewhere_is_deleted_by_its_kubelet(admin):
    admin.post(PODS, pod(nodeName="n1"))
    marked = admin.delete(f"{PODS}/p")
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    assert admin.get(f"{PODS}/p")["metadata"]["deletionTimestamp"]
    admin.delete(f"{PODS}/p", {"gracePeriodSeconds": 0})
    with pytest.raises(ApiError, match='pods "p" not found'):
        admin.get(f"{PODS}/p")


@pytest.mark.parametrize("status", [None, "Succeeded", "Failed"])
def test_a_pod_that_does_not_run_is_deleted_at_once(admin, status):
    admin.post(PODS, pod(nodeName="n1") if status else pod())
    if status:
        admin.patch(f"{PODS}/p/status", {"status": {"phase": status}})
    admin.delete(f"{PODS}/p")
    assert admin.get(PODS)["items"] == []


def test_a_finalizer_holds_an_object_back(admin):
    admin.post(MAPS, {"metadata": {"name": "a", "finalizers": ["example.com/hold"]}})
    assert admin.delete(f"{MAPS}/a")["metadata"]["deletionTimestamp"]
    assert admin.get(f"{MAPS}/a")
    admin.patch(f"{MAPS}/a", {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/hold"]}})
    with pytest.raises(ApiError, match="not found"):
        admin.get(f"{MAPS}/a")


def test_a_deleted_namespace_takes_its_contents_along(admin, eventually):
    roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/batch/roles"
    admin.post(MAPS, {"metadata": {"name": "a", "finalizers": ["example.com/hold"]}})
    admin.post(roles, {"metadata": {"name": "r"}, "rules": []})
    admin.delete("/api/v1/namespaces/batch")
    eventually(lambda: not admin.get(roles)["items"])
    assert admin.get("/api/v1/namespaces/batch")["status"]["phase"] == "Terminating"
    with pytest.raises(ApiError, match="because it is being terminated"):
        admin.post(MAPS, {"metadata": {"name": "b"}})
    admin.patch(f"{MAPS}/a", {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/hold"]}})
    eventually(lambda: "batch" not in [item["metadata"]["name"] for item in admin.get("/api/v1/namespaces")["items"]])


def test_every_namespace_has_a_default_service_account(admin, eventually):
    for namespace in ("default", "kube-system", "batch"):
        assert admin.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default")
    admin.delete("/api/v1/namespaces/batch/serviceaccounts/default")
    eventually(lambda: admin.get("/api/v1/namespaces/batch/serviceaccounts")["items"])


def test_reset_leaves_only_what_was_there_at_the_start(cluster, admin):
    admin.post(MAPS, {"metadata": {"name": "a"}})
    admin.delete("/apis/rbac.authorization.k8s.io/v1/clusterroles/view")
    cluster.client("somebody").get("/version")
    cluster.control_plane.reset()
    names = sorted(item["metadata"]["name"] for item in admin.get("/api/v1/namespaces")["items"])
    assert names == ["default", "kube-node-lease", "kube-public", "kube-system"]
    assert admin.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/view")["rules"]
    assert cluster.control_plane.calls() == []


def test_the_calls_of_users_are_noted(cluster, admin, eventually):
    cluster.grant("caller", ["create", "list"], ["configmaps"])
    caller = cluster.client("caller")
    eventually(lambda: allowed(caller))
    before = len(cluster.control_plane.calls())
    caller.post(MAPS, {"metadata": {"name": "a"}}, dryRun="All")
    caller.post(MAPS, {"metadata": {"name": "a"}})
    with pytest.raises(ApiError):
        caller.delete(f"{MAPS}/a")
    noted = cluster.control_plane.calls()[before:]
    assert [(call.user, call.verb, call.dry_run, call.mutating, call.status) for call in noted] == [
        ("caller", "POST", True, False, 201),
        ("caller", "POST", False, True, 201),
        ("caller", "DELETE", False, True, 403),
    ]
    assert noted[1].path == MAPS
    assert [call.time for call in noted] == sorted(call.time for call in noted)


def allowed(caller):
    try:
        return caller.get(MAPS)
    except ApiError:
        return None
