"""Authorization: RBAC, escalation prevention, impersonation, the Node authorizer."""

import itertools
import ssl

import httpx
import kubernetes
import pytest

from sandbox.kubernetes.client import ApiError

RBAC = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
GROUP = "rbac.authorization.k8s.io"

# The tutorial's rules, with `events` (AWS Batch user guide, "Getting started with AWS Batch on Amazon EKS").
CLUSTER_RULES = {
    ("", "namespaces"): ["get"],
    ("", "nodes"): ["get", "list", "watch"],
    ("", "pods"): ["get", "list", "watch"],
    ("", "events"): ["list"],
    ("", "configmaps"): ["get", "list", "watch"],
    **{
        ("apps", kind): ["get", "list", "watch"]
        for kind in ("daemonsets", "deployments", "statefulsets", "replicasets")
    },
    (GROUP, "clusterroles"): ["get", "list"],
    (GROUP, "clusterrolebindings"): ["get", "list"],
}
NAMESPACE_RULES = {
    ("", "pods"): ["create", "get", "list", "watch", "delete", "patch"],
    ("", "serviceaccounts"): ["get", "list"],
    (GROUP, "roles"): ["get", "list"],
    (GROUP, "rolebindings"): ["get", "list"],
}
VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "bind", "escalate"]


def rules(table):
    return [{"apiGroups": [group], "resources": [kind], "verbs": verbs} for (group, kind), verbs in table.items()]


def bind(name, kind, role):
    subject = {"apiGroup": GROUP, "kind": "User", "name": "aws-batch"}
    return {
        "metadata": {"name": name},
        "subjects": [subject],
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role},
    }


@pytest.fixture
def tutorial(cluster, eventually):
    """The tutorial's roles and bindings in the namespace `batch`, in effect."""
    admin, namespace = cluster.client(), cluster.namespace("batch")
    admin.post(f"{RBAC}/clusterroles", {"metadata": {"name": "cluster"}, "rules": rules(CLUSTER_RULES)})
    admin.post(f"{RBAC}/clusterrolebindings", bind("cluster", "ClusterRole", "cluster"))
    admin.post(f"{RBAC}/namespaces/{namespace}/roles", {"metadata": {"name": "jobs"}, "rules": rules(NAMESPACE_RULES)})
    admin.post(f"{RBAC}/namespaces/{namespace}/rolebindings", bind("jobs", "Role", "jobs"))
    eventually(lambda: can(cluster, "aws-batch", "list", "nodes"))
    eventually(lambda: can(cluster, "aws-batch", "create", "pods", namespace=namespace))
    return cluster


def test_exactly_the_tutorials_verbs_are_allowed(tutorial):
    admin = tutorial.client()
    wanted, found = set(), set()
    for (group, kind), verb in itertools.product({**CLUSTER_RULES, **NAMESPACE_RULES, ("", "secrets"): []}, VERBS):
        for namespace in ("batch", "default", ""):
            asked = {"group": group, "resource": kind, "verb": verb, "namespace": namespace}
            spec = {"user": "aws-batch", "groups": ["system:authenticated"], "resourceAttributes": asked}
            if admin.post(REVIEWS, {"spec": spec})["status"]["allowed"]:
                found.add((group, kind, verb, namespace))
            in_namespace = namespace == "batch" and verb in NAMESPACE_RULES.get((group, kind), [])
            if in_namespace or verb in CLUSTER_RULES.get((group, kind), []):
                wanted.add((group, kind, verb, namespace))
    assert found == wanted


def test_a_user_without_roles_is_refused_with_the_real_words(cluster):
    with pytest.raises(ApiError) as refused:
        cluster.client("aws-batch").get("/api/v1/namespaces/default/pods")
    assert (refused.value.status, refused.value.reason) == (403, "Forbidden")
    assert refused.value.message == (
        'pods is forbidden: User "aws-batch" cannot list resource "pods" in API group "" in the namespace "default"'
    )


def test_a_binding_to_a_missing_role_is_named(cluster, eventually):
    cluster.client().post(f"{RBAC}/clusterrolebindings", bind("dangling", "ClusterRole", "missing"))

    def named():
        with pytest.raises(ApiError) as refused:
            cluster.client("aws-batch").get("/api/v1/pods")
        return 'RBAC: clusterrole.rbac.authorization.k8s.io "missing" not found' in refused.value.message

    eventually(named)


def test_access_begins_and_ends_with_the_binding(tutorial, eventually):
    assert tutorial.client("aws-batch").get("/api/v1/nodes")["items"] == []
    tutorial.client().delete(f"{RBAC}/clusterrolebindings/cluster")
    eventually(lambda: not can(tutorial, "aws-batch", "list", "nodes"))
    with pytest.raises(ApiError, match="cannot list resource"):
        tutorial.client("aws-batch").get("/api/v1/nodes")


def test_nobody_grants_what_he_does_not_hold(cluster, eventually):
    cluster.grant("writer", ["create"], ["roles", "clusterroles", "rolebindings", "clusterrolebindings"], GROUP)
    writer = cluster.client("writer")
    role = {"metadata": {"name": "more"}, "rules": rules({("", "pods"): ["get"]})}
    eventually(lambda: can(cluster, "writer", "create", "clusterroles", GROUP))
    with pytest.raises(ApiError) as refused:
        writer.post(f"{RBAC}/clusterroles", role)
    assert refused.value.status == 403
    assert refused.value.message == (
        'clusterroles.rbac.authorization.k8s.io "more" is forbidden: '
        'user "writer" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n'
        '{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'
    )
    with pytest.raises(ApiError, match="not currently held"):
        writer.post(f"{RBAC}/clusterrolebindings", bind("b", "ClusterRole", "cluster-admin"))
    held = {"metadata": {"name": "held"}, "rules": rules({(GROUP, "roles"): ["create"]})}
    assert writer.post(f"{RBAC}/clusterroles", held)["metadata"]["name"] == "held"


def test_escalate_and_bind_lift_the_rule(cluster, eventually):
    cluster.grant("lifter", ["create", "escalate", "bind"], ["clusterroles", "clusterrolebindings"], GROUP)
    eventually(lambda: can(cluster, "lifter", "bind", "clusterroles", GROUP))
    lifter = cluster.client("lifter")
    lifter.post(f"{RBAC}/clusterroles", {"metadata": {"name": "more"}, "rules": rules({("", "pods"): ["get"]})})
    lifter.post(f"{RBAC}/clusterrolebindings", bind("b", "ClusterRole", "cluster-admin"))


@pytest.mark.parametrize("role", ["admin", "edit", "view"])
def test_the_roles_for_people_are_filled_in(cluster, role, eventually):
    admin, namespace = cluster.client(), cluster.namespace()
    admin.post(f"{RBAC}/namespaces/{namespace}/rolebindings", bind("people", "ClusterRole", role))
    eventually(lambda: can(cluster, "aws-batch", "get", "pods", namespace=namespace))
    assert can(cluster, "aws-batch", "create", "pods", namespace=namespace) == (role != "view")
    assert can(cluster, "aws-batch", "create", "roles", GROUP, namespace) == (role == "admin")
    assert not can(cluster, "aws-batch", "get", "pods", namespace="default")


def test_impersonation_needs_the_right(cluster, eventually):
    official = cluster.official("asker")
    official.set_default_header("Impersonate-User", "somebody")
    core = kubernetes.client.CoreV1Api(official)
    with pytest.raises(kubernetes.client.ApiException, match=r'User \\"asker\\" cannot impersonate resource'):
        core.list_pod_for_all_namespaces()
    cluster.grant("asker", ["impersonate"], ["users"])
    eventually(lambda: can(cluster, "asker", "impersonate", "users"))
    with pytest.raises(kubernetes.client.ApiException, match=r'User \\"somebody\\" cannot list resource'):
        core.list_pod_for_all_namespaces()


def test_anonymous_users_may_see_the_version_only(cluster):
    context = ssl.create_default_context(cafile=str(cluster.authority.ca_file))
    with httpx.Client(base_url=cluster.control_plane.url, verify=context) as http:
        assert http.get("/version").status_code == 200
        assert http.get("/healthz").text == "ok"
        refused = http.get("/api/v1/pods")
        assert refused.status_code == 403
        assert 'User "system:anonymous" cannot list resource "pods"' in refused.json()["message"]


def test_nodes_do_a_kubelets_work_and_no_more(cluster):
    node = cluster.client("system:node:n1", "system:nodes")
    node.post("/api/v1/nodes", {"metadata": {"name": "n1"}})
    node.patch("/api/v1/nodes/n1/status", {"status": {"capacity": {"cpu": "2"}}})
    namespace = cluster.namespace()
    spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}
    cluster.client().post(f"/api/v1/namespaces/{namespace}/pods", {"metadata": {"name": "p"}, "spec": spec})
    assert [pod["metadata"]["name"] for pod in node.get("/api/v1/pods", fieldSelector="spec.nodeName=n1")["items"]] == [
        "p"
    ]
    node.patch(f"/api/v1/namespaces/{namespace}/pods/p/status", {"status": {"phase": "Running"}})
    node.delete(f"/api/v1/namespaces/{namespace}/pods/p", {"gracePeriodSeconds": 0})
    for path in ("/api/v1/configmaps", f"{RBAC}/clusterroles", "/api/v1/namespaces/default/secrets/x"):
        with pytest.raises(ApiError) as refused:
            node.get(path)
        assert refused.value.status == 403


def can(cluster, user, verb, resource, group="", namespace=""):
    asked = {"verb": verb, "resource": resource, "group": group, "namespace": namespace}
    spec = {"user": user, "groups": ["system:authenticated"], "resourceAttributes": asked}
    return cluster.client().post(REVIEWS, {"spec": spec})["status"]["allowed"]
