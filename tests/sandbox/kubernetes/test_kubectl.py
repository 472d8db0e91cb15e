"""The stock kubectl without extra flags."""

import json

import pytest

RBAC = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods, nodes], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reader}
subjects: [{kind: User, name: jo, apiGroup: rbac.authorization.k8s.io}]
roleRef: {kind: ClusterRole, name: reader, apiGroup: rbac.authorization.k8s.io}
"""


def config_map(**data):
    return json.dumps(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "batch"}, "data": data}
    )


@pytest.fixture
def ok(kubectl):
    """kubectl that must succeed; gives its output."""

    def run(*arguments, stdin=""):
        answer = kubectl(*arguments, stdin=stdin)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    return run


def test_create_get_describe_delete(cluster, ok, kubectl):
    assert ok("create", "namespace", "batch") == "namespace/batch created\n"
    assert ok("create", "configmap", "a", "-n", "batch", "--from-literal=k=v") == "configmap/a created\n"
    assert ok("get", "cm", "a", "-n", "batch", "-o", "jsonpath={.data}") == '{"k":"v"}'
    assert "NAME" in ok("get", "namespaces")
    assert "Active" in ok("describe", "namespace", "batch")
    assert "k:\n----\nv" in ok("describe", "configmap", "a", "-n", "batch")
    assert "deleted" in ok("delete", "configmap", "a", "-n", "batch")
    missing = kubectl("get", "configmap", "a", "-n", "batch")
    assert missing.stderr == 'Error from server (NotFound): configmaps "a" not found\n'
    again = kubectl("create", "namespace", "batch")
    assert again.stderr == 'Error from server (AlreadyExists): namespaces "batch" already exists\n'
    ok("delete", "namespace", "batch")
    assert "batch" not in ok("get", "namespaces")


def test_apply_diff_patch(cluster, ok, kubectl):
    cluster.namespace("batch")
    assert ok("apply", "-f", "-", stdin=config_map(a="1", b="1")) == "configmap/a created\n"
    assert ok("apply", "-f", "-", stdin=config_map(a="1", b="1")) == "configmap/a unchanged\n"
    assert ok("apply", "-f", "-", stdin=config_map(a="2")) == "configmap/a configured\n"
    assert json.loads(ok("get", "cm", "a", "-n", "batch", "-o", "json"))["data"] == {"a": "2"}
    difference = kubectl("diff", "-f", "-", stdin=config_map(a="3"))
    assert difference.returncode == 1
    assert '-  a: "2"\n+  a: "3"' in difference.stdout
    ok("patch", "cm", "a", "-n", "batch", "-p", '{"data":{"c":"3"}}')
    ok("patch", "cm", "a", "-n", "batch", "--type=json", "-p", '[{"op":"remove","path":"/data/a"}]')
    assert ok("get", "cm", "a", "-n", "batch", "-o", "jsonpath={.data}") == '{"c":"3"}'
    assert "serverside-applied" in ok("apply", "--server-side", "-f", "-", stdin=config_map(d="4"))
    assert "server dry run" in ok("apply", "--dry-run=server", "-f", "-", stdin=config_map(e="5"))


def test_unknown_fields_are_refused(cluster, kubectl):
    cluster.namespace("batch")
    answer = kubectl("apply", "-f", "-", stdin=config_map().replace('"data"', '"datta"'))
    assert answer.returncode == 1
    assert 'unknown field "datta"' in answer.stderr


def test_rbac_and_can_i(ok, kubectl, eventually):
    ok("apply", "-f", "-", stdin=RBAC)
    eventually(lambda: kubectl("auth", "can-i", "list", "pods", "--as", "jo").stdout == "yes\n")
    assert kubectl("auth", "can-i", "create", "pods", "--as", "jo").stdout == "no\n"
    listed = ok("auth", "can-i", "--list", "--as", "jo")
    assert "[get list]" in listed
    assert "[get list]" in ok("describe", "clusterrole", "reader")
    refused = kubectl("get", "configmaps", "--as", "jo")
    assert 'User "jo" cannot list resource "configmaps"' in refused.stderr
    ok("create", "clusterrole", "typed", "--verb=get", "--resource=pods")
    ok("create", "clusterrolebinding", "typed", "--clusterrole=typed", "--user=jo", "--group=devs")
    ok("create", "role", "typed", "--verb=get", "--resource=pods")
    ok("create", "rolebinding", "typed", "--role=typed", "--serviceaccount=default:default")
    changed = RBAC.replace("name: reader, apiGroup", "name: view, apiGroup")
    answer = kubectl("apply", "-f", "-", stdin=changed)
    assert "cannot change roleRef" in answer.stderr


def test_wait(cluster, ok, kubectl):
    cluster.namespace("batch")
    ok("run", "p", "-n", "batch", "--image=i", "--restart=Never")
    assert "Pending" in ok("get", "pods", "-n", "batch")
    pod = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    cluster.client().patch("/api/v1/namespaces/batch/pods/p/status", pod)
    assert "condition met" in ok("wait", "--for=condition=Ready", "pod/p", "-n", "batch", "--timeout=20s")
    ok("delete", "pod", "p", "-n", "batch")
    ok("wait", "--for=delete", "pod/p", "-n", "batch", "--timeout=20s")


def test_the_columns_that_people_look_at(cluster, ok):
    cluster.namespace("batch")
    admin = cluster.client()
    admin.post("/api/v1/nodes", {"metadata": {"name": "n1"}, "status": {"nodeInfo": {"kubeletVersion": "v1.33.0"}}})
    pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}}
    admin.post("/api/v1/namespaces/batch/pods", pod)
    involved = {"kind": "Pod", "name": "p", "namespace": "batch"}
    event = {
        "metadata": {"name": "e"},
        "involvedObject": involved,
        "reason": "BackOff",
        "message": "no",
        "type": "Normal",
    }
    admin.post("/api/v1/namespaces/batch/events", event)
    waiting = {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 2}
    state = {"waiting": {"reason": "ImagePullBackOff"}}
    admin.patch(
        "/api/v1/namespaces/batch/pods/p/status", {"status": {"containerStatuses": [{**waiting, "state": state}]}}
    )
    for kind, columns, values in (
        ("pods", "NAME READY STATUS RESTARTS AGE", ["p", "0/1", "ImagePullBackOff", "2"]),
        ("nodes", "NAME STATUS ROLES AGE VERSION", ["n1", "Unknown", "<none>"]),
        ("events", "LAST SEEN TYPE REASON OBJECT MESSAGE", ["<unknown>", "Normal", "BackOff", "pod/p", "no"]),
    ):
        heading, row = (" ".join(line.split()) for line in ok("get", kind, "-n", "batch").splitlines())
        assert heading == columns
        assert row.split()[: len(values)] == values
