"""What access policies allow, and whom; no cluster is needed for that."""

import time
from dataclasses import replace

import pytest

from sandbox.aws.access_entries import AccessEntry, Association, new_entry
from sandbox.aws.access_policies import ADMIN_POLICY, CLUSTER_POLICY, NAMESPACE_POLICY, AccessPolicyAuthorizer
from sandbox.kubernetes.access_webhook import review_access
from sandbox.kubernetes.identity import Attributes, User

ROLE = "arn:aws:iam::123456789012:role/batch"
BATCH = User("session", ("system:authenticated",), arn=ROLE)
LIST_NODES = Attributes("list", "", "nodes")


def entry(policy: str, *namespaces: str) -> AccessEntry:
    made = new_entry("arn:aws:eks:us-east-1:123456789012:cluster/c", ROLE, "AROA")
    scope = "namespace" if namespaces else "cluster"
    return replace(made, policies={policy: Association(scope, namespaces, time.time(), time.time())})


def create_pod(namespace: str) -> Attributes:
    return Attributes("create", "", "pods", namespace=namespace)


@pytest.mark.parametrize(
    ("found", "asked", "allowed"),
    [
        (entry(CLUSTER_POLICY), LIST_NODES, True),
        (entry(CLUSTER_POLICY), create_pod("batch"), False),
        (entry(NAMESPACE_POLICY, "batch"), create_pod("batch"), True),
        (entry(NAMESPACE_POLICY, "batch"), create_pod("batch-2"), False),
        (entry(NAMESPACE_POLICY, "batch*"), create_pod("batch-2"), True),
        (entry(NAMESPACE_POLICY, "batch"), LIST_NODES, False),
        (entry(ADMIN_POLICY), Attributes("get", path="/metrics"), True),
        (None, LIST_NODES, False),
    ],
)
def test_a_policy_allows_its_rules_in_its_scope(found: AccessEntry | None, asked: Attributes, allowed: bool) -> None:
    authorizer = AccessPolicyAuthorizer({ROLE: found}.get)
    assert authorizer.authorize(BATCH, asked).allowed is allowed


def test_who_is_impersonated_has_no_policies() -> None:
    """Nothing but the name is known of such a user: RBAC alone decides."""
    authorizer = AccessPolicyAuthorizer({ROLE: entry(ADMIN_POLICY)}.get)
    assert not authorizer.authorize(User("session", ("system:authenticated",)), LIST_NODES).allowed


@pytest.mark.parametrize("extra", [{"canonicalArn": [ROLE]}, {}, None])
def test_a_kube_apiserver_s_review_is_answered_or_left_to_others(extra: dict[str, list[str]] | None) -> None:
    authorizer = AccessPolicyAuthorizer({ROLE: entry(CLUSTER_POLICY)}.get)
    spec = {"user": "session", "extra": extra, "resourceAttributes": {"verb": "list", "resource": "nodes"}}
    review = {"apiVersion": "authorization.k8s.io/v1beta1", "kind": "SubjectAccessReview", "spec": spec}
    answer = review_access(authorizer.authorize, review)
    assert answer["apiVersion"] == "authorization.k8s.io/v1beta1"
    assert answer["status"]["allowed"] is bool(extra)
