import base64
import socket
import ssl
from urllib.parse import urlsplit

import kubernetes
import pytest


@pytest.fixture
def aws(make_tools, sandbox):
    return make_tools(sandbox).aws


@pytest.fixture
def cluster(aws):
    return aws("eks").describe_cluster(name="my-test-cluster")["cluster"]


def test_the_cluster_is_private_and_of_eksctl_s_making(cluster):
    assert cluster["status"] == "ACTIVE"
    assert cluster["version"] == "1.33"
    assert cluster["arn"] == "arn:aws:eks:us-east-1:123456789012:cluster/my-test-cluster"
    network = cluster["resourcesVpcConfig"]
    assert (network["endpointPrivateAccess"], network["endpointPublicAccess"]) == (True, False)
    assert cluster["accessConfig"] == {"authenticationMode": "API_AND_CONFIG_MAP"}


def test_access_to_the_endpoint_is_changed_and_nothing_else(aws, cluster, clean_sandbox):
    aws("eks").update_cluster_config(name="my-test-cluster", resourcesVpcConfig={"endpointPublicAccess": True})
    network = aws("eks").describe_cluster(name="my-test-cluster")["cluster"]["resourcesVpcConfig"]
    opened = {"endpointPublicAccess": True, "publicAccessCidrs": ["0.0.0.0/0"]}
    assert network == {**cluster["resourcesVpcConfig"], **opened}


def test_a_cluster_is_upgraded_one_minor_version_at_a_time(aws, clean_sandbox):
    eks = aws("eks")
    with pytest.raises(eks.exceptions.InvalidParameterException, match=r"from 1\.33 to 1\.35"):
        eks.update_cluster_version(name="my-test-cluster", version="1.35")
    eks.update_cluster_version(name="my-test-cluster", version="1.34")
    assert eks.describe_cluster(name="my-test-cluster")["cluster"]["version"] == "1.34"


def test_core_dns_is_there_as_in_every_new_cluster(make_tools, clean_sandbox):
    apps = kubernetes.client.AppsV1Api(make_tools(clean_sandbox).api)
    assert apps.read_namespaced_deployment("coredns", "kube-system").spec.replicas == 2


def test_endpoint_and_certificate_lead_to_the_api_server(cluster, sandbox):
    assert cluster["endpoint"] == sandbox.kubernetes_endpoint
    authority = base64.b64decode(cluster["certificateAuthority"]["data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    url = urlsplit(cluster["endpoint"])
    with socket.create_connection((url.hostname, url.port), timeout=5) as connection:
        context.wrap_socket(connection, server_hostname=url.hostname).close()


def test_from_the_internet_the_endpoint_does_not_answer(aws, sandbox):
    eks = aws("eks", sandbox.internet_endpoint)
    url = urlsplit(eks.describe_cluster(name="my-test-cluster")["cluster"]["endpoint"])
    with pytest.raises(TimeoutError):
        socket.create_connection((url.hostname, url.port), timeout=0.3)


def test_an_unknown_cluster_is_refused_in_eks_s_words(aws):
    eks = aws("eks")
    with pytest.raises(eks.exceptions.ResourceNotFoundException, match="No cluster found for name: nope"):
        eks.describe_cluster(name="nope")


def test_the_managed_node_group_s_role_is_mapped_as_eks_does_it(aws, make_tools, sandbox):
    group = aws("eks").describe_nodegroup(clusterName="my-test-cluster", nodegroupName="ng-1")["nodegroup"]
    sandbox.reset()
    config_map = make_tools(sandbox).core.read_namespaced_config_map("aws-auth", "kube-system")
    assert group["nodeRole"] in config_map.data["mapRoles"]
    assert "EksBatchNodeRole" not in config_map.data["mapRoles"]


def test_the_batch_node_role_is_in_its_profile_and_may_what_nodes_must(aws, sandbox):
    iam = aws("iam")
    profile = iam.get_instance_profile(InstanceProfileName="EksBatchInstanceProfile")["InstanceProfile"]
    assert profile["Arn"] == sandbox.env["INSTANCE_PROFILE"]
    assert [role["Arn"] for role in profile["Roles"]] == [sandbox.env["NODE_ROLE"]]
    attached = iam.list_attached_role_policies(RoleName="EksBatchNodeRole")["AttachedPolicies"]
    assert {each["PolicyName"] for each in attached} == {
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKS_CNI_Policy",
        "AmazonEC2ContainerRegistryPullOnly",
    }


def test_batch_s_service_linked_role_is_not_there_yet(aws, clean_sandbox):
    iam = aws("iam")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="AWSServiceRoleForBatch")
