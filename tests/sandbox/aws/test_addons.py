"""EKS add-ons and Pod Identity associations of the sandbox, as AWS documents them."""

import json
from typing import Any

import pytest

CLUSTER = "my-test-cluster"
LOGS, AGENT = "amazon-cloudwatch-observability", "eks-pod-identity-agent"
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "pods.eks.amazonaws.com"},
    "Action": ["sts:AssumeRole", "sts:TagSession"],
}


@pytest.fixture
def tools(make_tools: Any, clean_sandbox: Any) -> Any:
    return make_tools(clean_sandbox)


def test_an_add_on_takes_its_time_and_is_configured_with_an_object(tools: Any, eventually: Any) -> None:
    eks = tools.aws("eks")

    def status() -> str:
        return str(eks.describe_addon(clusterName=CLUSTER, addonName=LOGS)["addon"]["status"])

    with pytest.raises(eks.exceptions.ResourceNotFoundException, match=f"No addon: {LOGS} found in cluster: {CLUSTER}"):
        status()
    with pytest.raises(eks.exceptions.InvalidParameterException, match="is not supported: Json schema validation"):
        eks.create_addon(clusterName=CLUSTER, addonName=LOGS, configurationValues="[]")
    with pytest.raises(eks.exceptions.InvalidParameterException, match="Addon specified is not supported"):
        eks.create_addon(clusterName=CLUSTER, addonName="no-such-add-on")
    made = eks.create_addon(clusterName=CLUSTER, addonName=LOGS, configurationValues="a: 1", tags={"a": "b"})["addon"]
    assert (made["status"], made["configurationValues"], made["tags"]) == ("CREATING", "a: 1", {"a": "b"})
    with pytest.raises(eks.exceptions.ResourceInUseException, match="Addon already exists"):
        eks.create_addon(clusterName=CLUSTER, addonName=LOGS)
    eventually(lambda: status() == "ACTIVE")
    eks.update_addon(clusterName=CLUSTER, addonName=LOGS, configurationValues='{"a": 2}')
    with pytest.raises(eks.exceptions.ResourceInUseException):
        eks.update_addon(clusterName=CLUSTER, addonName=LOGS)
    assert status() == "UPDATING"
    eventually(lambda: status() == "ACTIVE")
    tools.sandbox.settings(addons_without_nodes=True)
    found = eks.describe_addon(clusterName=CLUSTER, addonName=LOGS)["addon"]
    assert (found["status"], found["configurationValues"]) == ("DEGRADED", '{"a": 2}')
    assert [issue["code"] for issue in found["health"]["issues"]] == ["InsufficientNumberOfReplicas"]
    eks.tag_resource(resourceArn=found["addonArn"], tags={"c": "d"})
    assert eks.delete_addon(clusterName=CLUSTER, addonName=LOGS)["addon"]["tags"] == {"a": "b", "c": "d"}
    eventually(lambda: eks.list_addons(clusterName=CLUSTER)["addons"] == [])


def test_an_association_is_of_one_service_account_and_a_role_that_trusts_eks(tools: Any) -> None:
    eks, iam = tools.aws("eks"), tools.aws("iam")

    def associate(role: str) -> Any:
        arn = f"arn:aws:iam::123456789012:role/{role}"
        return eks.create_pod_identity_association(
            clusterName=CLUSTER, namespace="none-yet", serviceAccount="jobs", roleArn=arn
        )["association"]

    for name, action in (("Jobs", TRUST["Action"]), ("Half", "sts:AssumeRole")):
        policy = {"Version": "2012-10-17", "Statement": [{**TRUST, "Action": action}]}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(policy))
    with pytest.raises(eks.exceptions.InvalidParameterException, match="Role provided in the request does not exist"):
        associate("Nobody")
    with pytest.raises(eks.exceptions.InvalidParameterException, match="Trust policy of the role provided is invalid"):
        associate("Half")
    made = associate("Jobs")
    assert len(made["associationId"]) == 19
    with pytest.raises(eks.exceptions.ResourceInUseException, match=f"already exists: {made['associationId']}"):
        associate("Jobs")
    listed = eks.list_pod_identity_associations(clusterName=CLUSTER, namespace="none-yet", serviceAccount="jobs")
    (summary,) = listed["associations"]
    assert summary["associationId"] == made["associationId"]
    assert "roleArn" not in summary
    assert eks.list_pod_identity_associations(clusterName=CLUSTER, namespace="other")["associations"] == []
    eks.tag_resource(resourceArn=made["associationArn"], tags={"a": "b"})
    key = {"clusterName": CLUSTER, "associationId": made["associationId"]}
    assert eks.describe_pod_identity_association(**key)["association"]["tags"] == {"a": "b"}
    with pytest.raises(eks.exceptions.InvalidParameterException, match="Trust policy"):
        eks.update_pod_identity_association(**key, roleArn="arn:aws:iam::123456789012:role/Half")
    eks.delete_pod_identity_association(**key)
    with pytest.raises(eks.exceptions.ResourceNotFoundException):
        eks.delete_pod_identity_association(**key)
    with pytest.raises(eks.exceptions.InvalidParameterException, match="19 characters"):
        eks.describe_pod_identity_association(clusterName=CLUSTER, associationId="a-1")


def test_clusters_have_their_tags_still(tools: Any) -> None:
    eks = tools.aws("eks")
    arn = eks.describe_cluster(name=CLUSTER)["cluster"]["arn"]
    eks.tag_resource(resourceArn=arn, tags={"team": "data"})
    assert eks.describe_cluster(name=CLUSTER)["cluster"]["tags"]["team"] == "data"
    with pytest.raises(eks.exceptions.NotFoundException):
        eks.tag_resource(resourceArn=f"{arn}-other", tags={"team": "data"})
