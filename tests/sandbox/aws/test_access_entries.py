from typing import Any

import pytest
from botocore.exceptions import ClientError

CLUSTER = "my-test-cluster"
SERVICE_ROLE = "arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
NODE_ROLE = "arn:aws:iam::123456789012:role/EksBatchNodeRole"
NODE_GROUP_ROLE = "arn:aws:iam::123456789012:role/eksctl-my-test-cluster-nodegroup-ng-1-NodeInstanceRole"
ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
TEAM_ROLE = "arn:aws:iam::123456789012:role/team/a/viewer"


@pytest.fixture
def eks(make_tools: Any, sandbox: Any) -> Any:
    """For what changes nothing."""
    return make_tools(sandbox).aws("eks")


@pytest.fixture
def clean_eks(make_tools: Any, clean_sandbox: Any) -> Any:
    tools = make_tools(clean_sandbox)
    tools.aws("iam").create_role(RoleName="viewer", Path="/team/a/", AssumeRolePolicyDocument="{}")
    return tools.aws("eks")


def test_the_entry_of_a_role_has_the_user_name_that_eks_makes(clean_eks: Any) -> None:
    made = clean_eks.create_access_entry(clusterName=CLUSTER, principalArn=TEAM_ROLE, tags={"team": "a"})["accessEntry"]
    assert made["type"] == "STANDARD"
    assert made["username"] == "arn:aws:sts::123456789012:assumed-role/viewer/{{SessionName}}"
    assert (made["kubernetesGroups"], made["tags"]) == ([], {"team": "a"})
    assert made["accessEntryArn"].startswith(
        f"arn:aws:eks:us-east-1:123456789012:access-entry/{CLUSTER}/role/123456789012/viewer/"
    )
    assert clean_eks.describe_access_entry(clusterName=CLUSTER, principalArn=TEAM_ROLE)["accessEntry"] == made
    assert clean_eks.list_access_entries(clusterName=CLUSTER)["accessEntries"] == sorted([NODE_GROUP_ROLE, TEAM_ROLE])
    changed = clean_eks.update_access_entry(clusterName=CLUSTER, principalArn=TEAM_ROLE, kubernetesGroups=["viewers"])
    assert changed["accessEntry"]["kubernetesGroups"] == ["viewers"]
    clean_eks.delete_access_entry(clusterName=CLUSTER, principalArn=TEAM_ROLE)
    with pytest.raises(clean_eks.exceptions.ResourceNotFoundException, match="principalArn could not be found"):
        clean_eks.describe_access_entry(clusterName=CLUSTER, principalArn=TEAM_ROLE)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"principalArn": SERVICE_ROLE}, "not allowed to modify access entries .* of a Service Linked Role"),
        ({"principalArn": TEAM_ROLE.replace("viewer", "ghost")}, "invalid principal"),
        ({"principalArn": NODE_ROLE, "username": "system:masters"}, "can't start with system:"),
        ({"principalArn": NODE_ROLE, "kubernetesGroups": ["system:masters"]}, "can't start with system:"),
        ({"principalArn": NODE_ROLE, "type": "EC2_LINUX", "kubernetesGroups": ["a"]}, "of type EC2_LINUX"),
        ({"principalArn": NODE_ROLE, "type": "Standard"}, r"AccessEntry type must be one of \["),
        ({"principalArn": NODE_ROLE.replace("1234", "9999"), "type": "EC2_LINUX"}, "cluster's account"),
    ],
)
def test_refused_entries(eks: Any, entry: dict[str, Any], words: str) -> None:
    with pytest.raises(eks.exceptions.InvalidParameterException, match=words):
        eks.create_access_entry(clusterName=CLUSTER, **entry)


def test_a_second_entry_of_a_principal_is_refused(eks: Any) -> None:
    with pytest.raises(eks.exceptions.ResourceInUseException, match="already in use on this cluster"):
        eks.create_access_entry(clusterName=CLUSTER, principalArn=NODE_GROUP_ROLE, type="EC2_LINUX")


def test_a_policy_is_associated_once_and_its_scope_replaced(clean_eks: Any) -> None:
    principal = {"clusterName": CLUSTER, "principalArn": TEAM_ROLE}
    clean_eks.create_access_entry(**principal)
    for namespaces in (["a", "b"], ["c"]):
        scope = {"type": "namespace", "namespaces": namespaces}
        clean_eks.associate_access_policy(**principal, policyArn=ADMIN_POLICY, accessScope=scope)
    (found,) = clean_eks.list_associated_access_policies(**principal)["associatedAccessPolicies"]
    assert found["accessScope"] == {"type": "namespace", "namespaces": ["c"]}
    listed = clean_eks.list_access_entries(clusterName=CLUSTER, associatedPolicyArn=ADMIN_POLICY)
    assert listed["accessEntries"] == [TEAM_ROLE]
    clean_eks.disassociate_access_policy(**principal, policyArn=ADMIN_POLICY)
    assert clean_eks.list_associated_access_policies(**principal)["associatedAccessPolicies"] == []


def test_nodes_entries_take_no_policies(eks: Any) -> None:
    with pytest.raises(eks.exceptions.InvalidParameterException, match=r'only be performed .* type of "STANDARD"'):
        eks.associate_access_policy(
            clusterName=CLUSTER, principalArn=NODE_GROUP_ROLE, policyArn=ADMIN_POLICY, accessScope={"type": "cluster"}
        )


def test_a_cluster_with_the_config_map_alone_has_no_entries(clean_eks: Any, clean_sandbox: Any) -> None:
    clean_sandbox.authentication_mode("CONFIG_MAP")
    with pytest.raises(ClientError, match=r"must be set to one of \[API, API_AND_CONFIG_MAP\]"):
        clean_eks.list_access_entries(clusterName=CLUSTER)


def test_the_authentication_mode_goes_forward_step_by_step(clean_eks: Any, clean_sandbox: Any) -> None:
    def change(mode: str) -> str:
        clean_eks.update_cluster_config(name=CLUSTER, accessConfig={"authenticationMode": mode})
        return str(clean_eks.describe_cluster(name=CLUSTER)["cluster"]["accessConfig"]["authenticationMode"])

    clean_sandbox.authentication_mode("CONFIG_MAP")
    with pytest.raises(ClientError, match="Unsupported authentication mode update from CONFIG_MAP to API"):
        change("API")
    assert change("API_AND_CONFIG_MAP") == "API_AND_CONFIG_MAP"
    assert change("API") == "API"
    with pytest.raises(ClientError, match="from API to API_AND_CONFIG_MAP"):
        change("API_AND_CONFIG_MAP")


def test_a_new_cluster_has_the_mode_that_it_is_asked_for(clean_eks: Any) -> None:
    network = clean_eks.describe_cluster(name=CLUSTER)["cluster"]["resourcesVpcConfig"]
    document = {"roleArn": NODE_ROLE, "resourcesVpcConfig": {"subnetIds": network["subnetIds"]}}
    assert (
        clean_eks.create_cluster(name="plain", **document)["cluster"]["accessConfig"]["authenticationMode"]
        == "CONFIG_MAP"
    )
    made = clean_eks.create_cluster(name="modern", **document, accessConfig={"authenticationMode": "API"})["cluster"]
    assert made["accessConfig"]["authenticationMode"] == "API"
    with pytest.raises(clean_eks.exceptions.ResourceInUseException):
        clean_eks.create_cluster(name="modern", **document)
    assert clean_eks.list_access_entries(clusterName="modern")["accessEntries"] == []
