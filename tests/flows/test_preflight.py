"""Preflight against the sandbox: each thing broken alone, all of them at once, and what `fix` adds."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client as kubernetes
from prefect.artifacts import Artifact
from prefect_aws import AwsCredentials
from pydantic import SecretStr

from blocks.eks_cluster import EksCluster
from flows.preflight import preflight
from sandbox.remote import RemoteSandbox
from specs.platform import PlatformSpec
from specs.preflight.fixes import AddInterfaceEndpoint, fixes
from specs.preflight.kubernetes_rights import setup_rights
from specs.preflight.rules import RULES, find
from tasks.preflight.picture import NOT_LOOKED_AT, Picture, take_picture
from tasks.preflight.report import PreflightError

CLUSTER = "my-test-cluster"
NAMESPACE = "my-aws-batch-namespace"
NODE_ROLE, PROFILE = "EksBatchNodeRole", "EksBatchInstanceProfile"
POLICIES = "arn:aws:iam::aws:policy/"


def living(endpoints: Any) -> list[Any]:
    """What DescribeVpcEndpoints answers, without those that were deleted a moment ago."""
    return [endpoint for endpoint in endpoints["VpcEndpoints"] if endpoint["State"] != "deleted"]


@dataclass
class World:
    """The sandbox as its administrator sees it, and how preflight is going to be called."""

    sandbox: RemoteSandbox
    admin: EksCluster
    monkeypatch: pytest.MonkeyPatch
    resources: dict[str, Any] = field(default_factory=dict)
    block: dict[str, Any] = field(default_factory=dict)
    node_role_arn: str = ""
    parts: dict[str, Any] = field(default_factory=dict)

    @property
    def network(self) -> Any:
        return self.admin.eks.describe_cluster(name=CLUSTER)["cluster"]["resourcesVpcConfig"]

    @property
    def in_vpc(self) -> Any:
        return [{"Name": "vpc-id", "Values": [self.network["vpcId"]]}]

    @property
    def cluster(self) -> EksCluster:
        return EksCluster(cluster_name=CLUSTER, **self.block) if self.block else self.fresh

    @property
    def fresh(self) -> EksCluster:
        # The description is asked for once in a block's life; clients are dear and can be used again.
        fresh = EksCluster(cluster_name=CLUSTER)
        fresh._session = self.admin.session
        return fresh

    @property
    def platform(self) -> PlatformSpec:
        resources = {"instanceRole": self.sandbox.env["INSTANCE_PROFILE"], **self.resources}
        document = {"computeEnvironment": {"computeResources": resources}, "nodeRoleArn": self.node_role_arn}
        return PlatformSpec.model_validate(document | self.parts)

    def endpoint(self, service: str) -> Any:
        name: Any = [{"Name": "service-name", "Values": [f"com.amazonaws.us-east-1.{service}"]}]
        return next(iter(living(self.admin.ec2.describe_vpc_endpoints(Filters=[*self.in_vpc, *name]))))

    def route_table(self, subnet: str) -> Any:
        own: Any = [{"Name": "association.subnet-id", "Values": [subnet]}]
        (table,) = self.admin.ec2.describe_route_tables(Filters=own)["RouteTables"]
        return table

    def found(self) -> set[str]:
        """The rules that find something, but for the tools of this very machine."""
        picture = self.picture()
        findings = [*picture.unseen, *find(picture.facts)]
        print(*findings, sep="\n")  # shown where a test fails
        return {finding.rule for finding in findings} - {"tools"}

    def picture(self) -> Picture:
        return take_picture.fn(self.cluster, self.platform, "mirror")


@pytest.fixture
def world(
    sandboxes: Callable[[str], RemoteSandbox], admin: EksCluster, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A sound one; what a test breaks is repaired by the reset before the next."""
    sandbox = sandboxes("embedded")
    sandbox.clear_faults()
    sandbox.reset()
    for name, value in sandbox.env.items():
        monkeypatch.setenv(name, value)
    # kubectl and eksctl of this very machine are of no interest, and take their time to say who they are.
    monkeypatch.setenv("PATH", "")
    yield World(sandbox, admin, monkeypatch)
    sandbox.clear_faults()


@pytest.fixture(scope="module")
def admin(sandboxes: Callable[[str], RemoteSandbox]) -> EksCluster:
    """The administrator, whose clients all tests share: identifiers are the same after each reset."""
    environment = sandboxes("embedded").env
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        cluster = EksCluster(cluster_name=CLUSTER)
        for service in ("batch", "ec2", "ecr", "eks", "events", "iam", "sqs", "sts"):
            cluster.session.client(service)
        return cluster


def dns_hostnames_off(world: World) -> None:
    world.admin.ec2.modify_vpc_attribute(VpcId=world.network["vpcId"], EnableDnsHostnames={"Value": False})


def other_name_servers(world: World) -> None:
    servers: Any = [{"Key": "domain-name-servers", "Values": ["10.0.0.2"]}]
    options = world.admin.ec2.create_dhcp_options(DhcpConfigurations=servers)["DhcpOptions"]["DhcpOptionsId"]
    world.admin.ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=world.network["vpcId"])


def subnet_on_the_main_table(world: World) -> None:
    table = world.route_table(world.network["subnetIds"][0])
    association = table["Associations"][0]["RouteTableAssociationId"]
    world.admin.ec2.disassociate_route_table(AssociationId=association)


def route_to_the_internet(world: World) -> None:
    ec2 = world.admin.ec2
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=world.network["vpcId"])
    table = world.route_table(world.network["subnetIds"][2])["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)


def small_subnet(world: World) -> None:
    ec2, network = world.admin.ec2, world.network
    table = world.route_table(network["subnetIds"][1])["RouteTableId"]
    small = ec2.create_subnet(VpcId=network["vpcId"], CidrBlock="192.168.0.0/28", AvailabilityZone="us-east-1b")
    subnet = small["Subnet"]["SubnetId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    world.resources["subnets"] = [*network["subnetIds"], subnet]


def endpoint_deleted(world: World) -> None:
    world.admin.ec2.delete_vpc_endpoints(VpcEndpointIds=[world.endpoint("ecr.api")["VpcEndpointId"]])


def endpoint_pending(world: World) -> None:
    old = world.endpoint("sts")
    world.sandbox.settings(vpc_endpoint_delay=3600)
    world.admin.ec2.delete_vpc_endpoints(VpcEndpointIds=[old["VpcEndpointId"]])
    world.admin.ec2.create_vpc_endpoint(
        VpcId=old["VpcId"],
        VpcEndpointType="Interface",
        ServiceName=old["ServiceName"],
        SubnetIds=old["SubnetIds"],
        SecurityGroupIds=[group["GroupId"] for group in old["Groups"]],
        PrivateDnsEnabled=True,
    )


def private_dns_off(world: World) -> None:
    world.admin.ec2.modify_vpc_endpoint(VpcEndpointId=world.endpoint("logs")["VpcEndpointId"], PrivateDnsEnabled=False)


def endpoints_closed(world: World) -> None:
    group = world.endpoint("eks")["Groups"][0]["GroupId"]
    (found,) = world.admin.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    world.admin.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=found["IpPermissions"])


def gateway_not_everywhere(world: World) -> None:
    table = world.route_table(world.network["subnetIds"][1])["RouteTableId"]
    world.admin.ec2.modify_vpc_endpoint(
        VpcEndpointId=world.endpoint("s3")["VpcEndpointId"], RemoveRouteTableIds=[table]
    )


def version_too_new(world: World) -> None:
    for minor in (34, 35, 36, 37):
        world.admin.eks.update_cluster_version(name=CLUSTER, version=f"1.{minor}")


def no_private_access(world: World) -> None:
    access = {"endpointPrivateAccess": False, "endpointPublicAccess": True, "publicAccessCidrs": ["198.51.100.7/32"]}
    world.admin.eks.update_cluster_config(name=CLUSTER, resourcesVpcConfig=access)  # type: ignore[arg-type]


def open_to_the_world(world: World) -> None:
    access = {"endpointPublicAccess": True, "publicAccessCidrs": ["0.0.0.0/0"]}
    world.admin.eks.update_cluster_config(name=CLUSTER, resourcesVpcConfig=access)  # type: ignore[arg-type]


def aws_auth_that_is_not_read(world: World) -> None:
    world.admin.eks.update_cluster_config(name=CLUSTER, accessConfig={"authenticationMode": "API"})
    world.block["identity_mapping"] = "aws-auth"


def nodes_kept_from_the_api_server(world: World) -> None:
    own = world.admin.ec2.create_security_group(
        VpcId=world.network["vpcId"], GroupName="nodes", Description="a group that the cluster's own does not know"
    )
    world.resources["securityGroupIds"] = [own["GroupId"]]


def no_core_dns(world: World) -> None:
    world.admin.apps_v1.delete_namespaced_deployment("coredns", "kube-system")


def empty_profile(world: World) -> None:
    world.admin.iam.remove_role_from_instance_profile(InstanceProfileName=PROFILE, RoleName=NODE_ROLE)


def no_cni_policy(world: World) -> None:
    world.admin.iam.detach_role_policy(RoleName=NODE_ROLE, PolicyArn=f"{POLICIES}AmazonEKS_CNI_Policy")


def read_only_registry_policy(world: World) -> None:
    iam, registry = world.admin.iam, f"{POLICIES}AmazonEC2ContainerRegistry"
    iam.detach_role_policy(RoleName=NODE_ROLE, PolicyArn=f"{registry}PullOnly")
    iam.attach_role_policy(RoleName=NODE_ROLE, PolicyArn=f"{registry}ReadOnly")


def caller_denied(world: World) -> None:
    statement = {"Effect": "Deny", "Action": "batch:CreateJobQueue", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for user in world.admin.iam.list_users()["Users"]:
        world.admin.iam.put_user_policy(UserName=user["UserName"], PolicyName="deny", PolicyDocument=document)


def as_worker(world: World, *, left_out: tuple[str, ...] = (), escalation: bool = False) -> None:
    """Call as somebody who may do what setup does in the cluster, but for some verbs, and grant or not."""
    iam, rbac, core = world.admin.iam, world.admin.rbac_v1, world.admin.core_v1
    user = iam.create_user(UserName="worker")["User"]
    iam.attach_user_policy(UserName="worker", PolicyArn=f"{POLICIES}AdministratorAccess")
    key = iam.create_access_key(UserName="worker")["AccessKey"]
    rights = [right for right in setup_rights(NAMESPACE, aws_auth=True) if right.verb not in left_out]
    rules = [{"apiGroups": [right.group], "resources": [right.resource], "verbs": [right.verb]} for right in rights]
    rules.append({"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]})
    if escalation:
        kinds = ["roles", "clusterroles"]
        group = "rbac.authorization.k8s.io"
        rules.append({"apiGroups": [group], "resources": kinds, "verbs": ["escalate", "bind"]})
    rbac.create_cluster_role({"metadata": {"name": "worker"}, "rules": rules})
    rbac.create_cluster_role_binding(
        {
            "metadata": {"name": "worker"},
            "subjects": [{"kind": "User", "name": "worker", "apiGroup": "rbac.authorization.k8s.io"}],
            "roleRef": {"kind": "ClusterRole", "name": "worker", "apiGroup": "rbac.authorization.k8s.io"},
        }
    )
    users = yaml.safe_dump([{"userarn": user["Arn"], "username": "worker", "groups": []}])
    core.patch_namespaced_config_map("aws-auth", "kube-system", {"data": {"mapUsers": users}})
    secret = SecretStr(key["SecretAccessKey"])
    credentials = AwsCredentials(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=secret)
    world.block["aws_credentials"] = credentials


def may_not_update(world: World) -> None:
    as_worker(world, left_out=("update",), escalation=True)


def may_not_grant(world: World) -> None:
    as_worker(world)


def full_cluster(world: World) -> None:
    names = [f"other-{number}" for number in range(5)]
    for name in names:
        world.admin.batch.create_compute_environment(
            computeEnvironmentName=name,
            type="MANAGED",
            eksConfiguration={"eksClusterArn": world.admin.arn, "kubernetesNamespace": NAMESPACE},
            computeResources={
                "type": "EC2",
                "allocationStrategy": "BEST_FIT_PROGRESSIVE",
                "minvCpus": 0,
                "maxvCpus": 4,
                "instanceTypes": ["m5"],
                "subnets": world.network["subnetIds"],
                "securityGroupIds": [world.network["clusterSecurityGroupId"]],
                "instanceRole": world.sandbox.env["INSTANCE_PROFILE"],
            },
        )


def no_way_to_a_service(world: World) -> None:
    kubeconfig = Path(world.sandbox.environment("env-internet.sh")["KUBECONFIG"]).read_text()
    address = yaml.safe_load(kubeconfig)["clusters"][0]["cluster"]["server"]
    world.block["endpoint_urls"] = {"events": address}


def no_way_to_the_internet(world: World) -> None:
    world.monkeypatch.setenv("REGISTRY_HOSTS", world.sandbox.environment("env-vpc.sh")["REGISTRY_HOSTS"])


BROKEN: dict[str, Callable[[World], None]] = {
    "vpc-dns": dns_hostnames_off,
    "vpc-name-servers": other_name_servers,
    "explicit-route-table": subnet_on_the_main_table,
    "no-internet-route": route_to_the_internet,
    "free-addresses": small_subnet,
    "interface-endpoints": endpoint_deleted,
    "endpoint-state": endpoint_pending,
    "endpoint-private-dns": private_dns_off,
    "endpoint-security-group": endpoints_closed,
    "s3-gateway": gateway_not_everywhere,
    "kubernetes-version": version_too_new,
    "private-access": no_private_access,
    "public-access": open_to_the_world,
    "authentication-mode": aws_auth_that_is_not_read,
    "api-server-security-group": nodes_kept_from_the_api_server,
    "core-dns": no_core_dns,
    "instance-profile": empty_profile,
    "node-role-policies": no_cni_policy,
    "pull-through-import": read_only_registry_policy,
    "kubernetes-rights": may_not_update,
    "kubernetes-escalation": may_not_grant,
    "caller-permissions": caller_denied,
    "environments-per-cluster": full_cluster,
    "aws-reachability": no_way_to_a_service,
    "registry-reachability": no_way_to_the_internet,
}
# Shown by rows of their own below, or by pictures (tests/specs/preflight): what AWS lets nobody reach by fifty calls.
ELSEWHERE = {
    "tools",
    "environments-per-region",
    "environments-per-queue",
    "queues-per-region",
    "kubernetes-reachability",
    "container-logs-policy",
    "pod-identity-policy",
    "job-identity-provider",
    "job-role-trust",
    "job-service-account",
}


def test_every_rule_has_a_row_here_or_elsewhere() -> None:
    assert {rule.name for rule in RULES} == BROKEN.keys() | ELSEWHERE


def test_nothing_is_found_in_the_sound_one(world: World) -> None:
    assert world.found() == set()
    calls = [call["operation"] for call in world.sandbox.calls() if call["mutating"]]
    # To ask for one's rights is to create a review, of which nothing stays.
    assert [call for call in calls if not call.endswith("selfsubjectaccessreviews")] == []


@pytest.mark.parametrize("rule", BROKEN)
def test_what_is_broken_is_found_and_nothing_else(world: World, rule: str) -> None:
    BROKEN[rule](world)
    assert world.found() == {rule}


def test_everything_broken_is_found_at_once(world: World) -> None:
    # The role is in no profile any more.
    world.node_role_arn = world.sandbox.env["NODE_ROLE"]
    # Of each two that exclude one another only one: a worker mapped by aws-auth needs it to be read, and either may not
    # do what setup does, or may not grant what he does not hold.
    alone = {"authentication-mode", "kubernetes-rights", "private-access"}
    for rule, break_it in BROKEN.items():
        if rule not in alone:
            break_it(world)
    assert world.found() == BROKEN.keys() - alone


def test_without_the_vpc_the_kubernetes_api_is_named_and_the_rest_looked_at(world: World) -> None:
    for name, value in world.sandbox.environment("env-internet.sh").items():
        world.monkeypatch.setenv(name, value)
    world.block["identity_mapping"] = "auto"
    endpoint_deleted(world)
    assert world.found() == {"kubernetes-reachability", NOT_LOOKED_AT, "interface-endpoints"}


def test_where_iam_cannot_be_reached_the_rest_is_looked_at(world: World) -> None:
    """As in a private VPC outside us-east-1."""
    no_way_to_a_service(world)
    world.block["endpoint_urls"] = {"iam": world.block["endpoint_urls"]["events"]}
    world.node_role_arn = world.sandbox.env["NODE_ROLE"]
    picture = world.picture()
    assert {finding.rule for finding in find(picture.facts)} == {"aws-reachability", "caller-permissions", "tools"}
    assert not [finding for finding in [*picture.unseen, *find(picture.facts)] if finding.level == "ERROR"]
    (profile, role) = sorted(finding.evidence for finding in picture.unseen)
    assert "instance profile" in profile
    assert "node role" in role


def test_a_refused_call_is_a_finding_and_hides_nothing_else(world: World) -> None:
    private_dns_off(world)
    world.sandbox.fault(service="ec2", operation="DescribeVpcAttribute", status=403, code="UnauthorizedOperation")
    picture = world.picture()
    (unseen,) = picture.unseen
    assert "the VPC could not be looked at" in unseen.evidence
    assert "grant the action" in unseen.fix
    assert world.found() == {NOT_LOOKED_AT, "endpoint-private-dns"}


def test_where_nothing_may_be_simulated_reading_is_tried_and_policies_are_read(world: World) -> None:
    denied = {"status": 403, "code": "AccessDenied", "message": "no"}
    world.sandbox.fault(service="iam", operation="SimulatePrincipalPolicy", **denied)
    no_cni_policy(world)
    picture = world.picture()
    found = {finding.rule: finding for finding in find(picture.facts)}
    assert found["caller-permissions"].level == "INFO"
    assert found["node-role-policies"].level == "WARNING"
    assert "AmazonEKS_CNI_Policy" in found["node-role-policies"].evidence
    world.sandbox.fault(service="ecr", operation="DescribeRepositories", **denied)
    picture = world.picture()
    found = {finding.rule: finding for finding in find(picture.facts)}
    assert "ecr:DescribeRepositories" in found["caller-permissions"].evidence


def test_who_is_not_known_to_the_cluster_is_told_so(world: World) -> None:
    as_worker(world)
    world.admin.core_v1.patch_namespaced_config_map("aws-auth", "kube-system", {"data": {"mapUsers": ""}})
    (rights,) = (finding for finding in world.picture().unseen if finding.level == "ERROR")
    assert "the worker's rights in the cluster could not be looked at" in rights.evidence
    assert "the cluster does not know the caller" in rights.evidence


def test_what_the_platform_asks_for_beyond_the_tutorial_is_looked_at(world: World) -> None:
    role = "arn:aws:iam::123456789012:role/BatchJobs"
    world.parts = {"jobIdentity": {"roleArn": role}, "containerLogs": True}
    world.admin.ec2.delete_vpc_endpoints(VpcEndpointIds=[world.endpoint("eks-auth")["VpcEndpointId"]])
    picture = world.picture()
    assert picture.unseen == ()
    assert {finding.rule for finding in find(picture.facts)} - {"tools"} == {
        "interface-endpoints",
        "job-identity-provider",
        "job-role-trust",
        "container-logs-policy",
    }
    (added,) = fixes(picture.facts).wanted
    assert isinstance(added, AddInterfaceEndpoint)
    assert added.service == "eks-auth"


@pytest.mark.parametrize(
    "named", [{"subnets": ["subnet-0123456789abcdef0"]}, {"securityGroupIds": ["sg-0123456789abcdef0"]}]
)
def test_what_the_platform_names_and_is_not_there_is_an_error(world: World, named: dict[str, list[str]]) -> None:
    world.resources |= named
    (finding,) = world.picture().unseen
    assert finding.level == "ERROR"
    assert next(iter(named.values()))[0] in finding.evidence


def test_a_cluster_that_does_not_exist_is_the_one_thing_said(world: World) -> None:
    picture = take_picture.fn(EksCluster(cluster_name="nope"), world.platform, "mirror")
    (finding,) = picture.unseen
    assert finding.level == "ERROR"
    assert "no cluster of this name" in finding.evidence
    assert find(picture.facts) == []


FIXABLE = ("explicit-route-table", "interface-endpoints", "endpoint-private-dns", "instance-profile")


def described(world: World) -> str:
    """Everything around the cluster, without identifiers of what may have been made anew."""
    ec2, iam, in_vpc = world.admin.ec2, world.admin.iam, world.in_vpc
    endpoints = living(ec2.describe_vpc_endpoints(Filters=in_vpc))
    named = {endpoint["VpcEndpointId"]: endpoint["ServiceName"] for endpoint in endpoints}
    unstable = ("CreationTimestamp", "DnsEntries", "NetworkInterfaceIds", "Tags")
    tables = ec2.describe_route_tables(Filters=in_vpc)["RouteTables"]
    serialize = kubernetes.ApiClient().sanitize_for_serialization
    picture = {
        "endpoints": [
            {
                key: sorted(value, key=str) if isinstance(value, list) else value
                for key, value in endpoint.items()
                if key not in unstable
            }
            for endpoint in sorted(endpoints, key=lambda each: each["ServiceName"])
        ],
        "route tables": [
            {
                **table,
                "Associations": [(each.get("SubnetId"), each["Main"]) for each in table["Associations"]],
                "Routes": sorted(map(str, table["Routes"])),
            }
            for table in tables
        ],
        "subnets": ec2.describe_subnets(Filters=in_vpc)["Subnets"],
        "vpc": ec2.describe_vpcs(VpcIds=[world.network["vpcId"]])["Vpcs"],
        "security groups": ec2.describe_security_groups(Filters=in_vpc)["SecurityGroups"],
        "gateways": ec2.describe_internet_gateways()["InternetGateways"],
        "policies": iam.list_attached_role_policies(RoleName=NODE_ROLE)["AttachedPolicies"],
        "profile roles": [
            (profile["InstanceProfileName"], [each["RoleName"] for each in profile["Roles"]])
            for profile in iam.list_instance_profiles()["InstanceProfiles"]
        ],
        "cluster": world.admin.eks.describe_cluster(name=CLUSTER)["cluster"],
        "aws-auth": serialize(world.admin.core_v1.read_namespaced_config_map("aws-auth", "kube-system"))["data"],
    }
    text = json.dumps(picture, default=str, sort_keys=True, indent=1)
    for identifier, service in named.items():
        text = text.replace(identifier, service)
    return text


def shown() -> str:
    artifact: Any = Artifact.get("preflight")
    return str(artifact.data)


def broken_for_fix(world: World) -> None:
    for rule in FIXABLE:
        BROKEN[rule](world)
    world.admin.iam.delete_instance_profile(InstanceProfileName=PROFILE)
    world.admin.ec2.delete_vpc_endpoints(VpcEndpointIds=[world.endpoint("s3")["VpcEndpointId"]])
    world.node_role_arn = world.sandbox.env["NODE_ROLE"]


def test_fix_makes_it_sound_and_changes_nothing_else(world: World) -> None:
    sound = described(world)
    broken_for_fix(world)
    assert world.found() == {*FIXABLE, "s3-gateway"}

    before = described(world)
    with pytest.raises(PreflightError, match="interface-endpoints") as refused:
        preflight(world.cluster, world.platform, fix=True, plan=True)
    assert len(refused.value.errors) == len(FIXABLE) + 1
    assert described(world) == before
    assert "## Would be added" in shown()

    report = preflight(world.cluster, world.platform, fix=True)
    assert {finding.rule for finding in report.findings} <= {"tools"}
    assert len(report.added) == len(FIXABLE) + 1
    assert described(world) == sound
    tags = {tag["Key"]: tag["Value"] for tag in world.endpoint("ecr.api")["Tags"]}
    assert tags == {"managed-by": "batch-eks-flows"}

    assert preflight(world.cluster, world.platform, fix=True).added == ()


def test_fix_leaves_to_a_person_what_is_not_evident(world: World) -> None:
    for subnet in world.network["subnetIds"][:2]:
        association = world.route_table(subnet)["Associations"][0]["RouteTableAssociationId"]
        world.admin.ec2.disassociate_route_table(AssociationId=association)
    empty_profile(world)
    before = described(world)
    with pytest.raises(PreflightError, match="explicit-route-table"):
        preflight(world.cluster, world.platform, fix=True)
    assert described(world) == before
    assert "which route table is meant is not evident" in shown()
    assert "Give nodeRoleArn" in shown()
