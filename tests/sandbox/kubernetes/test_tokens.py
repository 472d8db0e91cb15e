"""Bearer tokens: the sandbox's own, those of users, and refused ones."""

import kubernetes
import pytest

from sandbox.kubernetes.client import ApiClient, ApiError

SELF = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def test_an_unknown_token_is_unauthorized(cluster):
    stranger = ApiClient(cluster.control_plane.url, cluster.authority.ca_file, "k8s-aws-v1.nonsense")
    with pytest.raises(ApiError) as refused:
        stranger.get("/api/v1/namespaces")
    assert (refused.value.status, refused.value.reason, refused.value.message) == (401, "Unauthorized", "Unauthorized")


def test_a_token_carries_its_groups(cluster):
    asked = {"spec": {"resourceAttributes": {"verb": "delete", "resource": "nodes"}}}
    assert cluster.client("root", "system:masters").post(SELF, asked)["status"]["allowed"]
    assert not cluster.client("root").post(SELF, asked)["status"]["allowed"]


def test_a_token_may_be_renewed_between_requests(cluster):
    tokens = iter([cluster.token("first"), cluster.token("second")])
    client = ApiClient(cluster.control_plane.url, cluster.authority.ca_file, lambda: next(tokens))
    client.get("/version")
    client.get("/version")
    assert [call.user for call in cluster.control_plane.calls()] == ["first", "second"]


def test_the_certificate_is_checked(cluster, tmp_path):
    configuration = kubernetes.client.Configuration(host=cluster.control_plane.url)
    with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
        kubernetes.client.VersionApi(kubernetes.client.ApiClient(configuration)).get_code(_request_timeout=5)


def test_token_reviews(cluster):
    review = cluster.client().post(
        "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": cluster.token("jo", "devs")}}
    )
    assert review["status"]["user"]["username"] == "jo"
    assert review["status"]["user"]["groups"] == ["devs", "system:authenticated"]
