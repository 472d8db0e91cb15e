"""The private network, by the facts that a person checks before setting up a private cluster."""

import pytest

NEEDED = {"ec2", "ecr.api", "ecr.dkr", "s3", "sts", "logs", "eks", "eks-auth", "batch"}


@pytest.fixture
def ec2(make_tools, sandbox):
    return make_tools(sandbox).aws("ec2")


@pytest.fixture
def network(make_tools, sandbox):
    eks = make_tools(sandbox).aws("eks")
    return eks.describe_cluster(name="my-test-cluster")["cluster"]["resourcesVpcConfig"]


def by_vpc(network):
    return [{"Name": "vpc-id", "Values": [network["vpcId"]]}]


@pytest.mark.parametrize("attribute", ["enableDnsHostnames", "enableDnsSupport"])
def test_the_vpc_resolves_the_private_endpoint_s_name(ec2, network, attribute):
    answer = ec2.describe_vpc_attribute(VpcId=network["vpcId"], Attribute=attribute)
    assert answer[attribute[0].upper() + attribute[1:]] == {"Value": True}


def test_the_vpc_asks_amazon_s_dns(ec2, network):
    (vpc,) = ec2.describe_vpcs(VpcIds=[network["vpcId"]])["Vpcs"]
    (options,) = ec2.describe_dhcp_options(DhcpOptionsIds=[vpc["DhcpOptionsId"]])["DhcpOptions"]
    servers = {"Key": "domain-name-servers", "Values": [{"Value": "AmazonProvidedDNS"}]}
    assert servers in options["DhcpConfigurations"]


def test_three_private_subnets_in_zones_a_b_d(ec2, network, sandbox):
    subnets = ec2.describe_subnets(Filters=by_vpc(network))["Subnets"]
    assert sorted(each["AvailabilityZone"] for each in subnets) == ["us-east-1a", "us-east-1b", "us-east-1d"]
    assert {each["SubnetId"] for each in subnets} == set(network["subnetIds"])
    assert sandbox.env["SUBNETS"].split(",") == network["subnetIds"]


def test_each_subnet_has_an_explicit_route_table_without_a_way_to_the_internet(ec2, network):
    for subnet_id in network["subnetIds"]:
        found = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet_id]}])
        [table] = found["RouteTables"]
        assert [route["DestinationCidrBlock"] for route in table["Routes"] if "DestinationCidrBlock" in route] == [
            "192.168.0.0/16"
        ]
    assert not ec2.describe_nat_gateways(Filters=by_vpc(network))["NatGateways"]
    attached = [{"Name": "attachment.vpc-id", "Values": [network["vpcId"]]}]
    assert not ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]


def test_all_needed_endpoints_with_private_dns(ec2, network):
    endpoints = ec2.describe_vpc_endpoints(Filters=by_vpc(network))["VpcEndpoints"]
    assert {each["ServiceName"].removeprefix("com.amazonaws.us-east-1.") for each in endpoints} == NEEDED
    for each in endpoints:
        assert each["State"] == "available"
        if each["VpcEndpointType"] == "Interface":
            assert each["PrivateDnsEnabled"]
            assert set(each["SubnetIds"]) == set(network["subnetIds"])


def test_the_s3_gateway_serves_each_route_table(ec2, network):
    s3 = [{"Name": "service-name", "Values": ["com.amazonaws.us-east-1.s3"]}]
    [gateway] = ec2.describe_vpc_endpoints(Filters=by_vpc(network) + s3)["VpcEndpoints"]
    assert gateway["VpcEndpointType"] == "Gateway"
    tables = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": network["subnetIds"]}])
    assert set(gateway["RouteTableIds"]) == {table["RouteTableId"] for table in tables["RouteTables"]}


def test_endpoints_take_https_from_the_vpc(ec2, network):
    interface = [{"Name": "vpc-endpoint-type", "Values": ["Interface"]}]
    for each in ec2.describe_vpc_endpoints(Filters=by_vpc(network) + interface)["VpcEndpoints"]:
        groups = [group["GroupId"] for group in each["Groups"]]
        [group] = ec2.describe_security_groups(GroupIds=groups)["SecurityGroups"]
        [rule] = group["IpPermissions"]
        assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)
        assert [block["CidrIp"] for block in rule["IpRanges"]] == ["192.168.0.0/16"]


def test_members_of_the_cluster_security_group_reach_each_other(ec2, network, sandbox):
    group_id = network["clusterSecurityGroupId"]
    assert group_id == sandbox.env["SECURITY_GROUP"]
    [group] = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
    [rule] = group["IpPermissions"]
    assert rule["IpProtocol"] == "-1"
    assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [group_id]
