"""Looking at the network: a few describe calls of EC2."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from blocks.eks_cluster import EksCluster
from specs.preflight.facts import Endpoint, Ingress, RouteTable, Subnet, Vpc

_EVERYWHERE = ("0.0.0.0/0", "::/0")
# Members of a route that say where it leads to (EC2 API reference, Route).
_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "EgressOnlyInternetGatewayId",
    "VpcPeeringConnectionId",
    "CarrierGatewayId",
    "LocalGatewayId",
    "CoreNetworkArn",
    "InstanceId",
    "NetworkInterfaceId",
)


def look_at_vpc(cluster: EksCluster, vpc_id: str) -> Vpc:
    """How names are resolved inside a VPC."""
    ec2 = cluster.ec2
    support = ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute="enableDnsSupport")["EnableDnsSupport"]
    hostnames = ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute="enableDnsHostnames")["EnableDnsHostnames"]
    options = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0].get("DhcpOptionsId", "default")
    # A VPC with the options `default` has none at all (EC2 user guide, DHCPOptionSet).
    servers = [] if options == "default" else _name_servers(cluster, options)
    return Vpc(vpc_id, support["Value"], hostnames["Value"], tuple(servers))


def look_at_route_tables(cluster: EksCluster, vpc_id: str) -> tuple[RouteTable, ...]:
    """The route tables of a VPC."""
    pages = cluster.ec2.get_paginator("describe_route_tables").paginate(Filters=_in_vpc(vpc_id))
    return tuple(_route_table(table) for page in pages for table in page["RouteTables"])


def look_at_subnets(cluster: EksCluster, subnet_ids: Iterable[str], tables: Iterable[RouteTable]) -> tuple[Subnet, ...]:
    """The nodes' subnets, each with the route table in force."""
    by_subnet = {subnet: table for table in tables for subnet in table.subnets}
    main = next((table for table in tables if table.main), RouteTable("none", True, (), ()))
    found = cluster.ec2.describe_subnets(SubnetIds=list(subnet_ids))["Subnets"]
    subnets = []
    for subnet in found:
        table = by_subnet.get(subnet["SubnetId"], main)
        subnets.append(
            Subnet(
                subnet_id=subnet["SubnetId"],
                zone=subnet["AvailabilityZone"],
                cidr=subnet["CidrBlock"],
                free_addresses=subnet["AvailableIpAddressCount"],
                route_table=table.table_id,
                explicit=subnet["SubnetId"] in by_subnet,
                exits=table.exits,
            )
        )
    return tuple(subnets)


def look_at_endpoints(cluster: EksCluster, vpc_id: str) -> tuple[Endpoint, ...]:
    """The endpoints of a VPC."""
    pages = cluster.ec2.get_paginator("describe_vpc_endpoints").paginate(Filters=_in_vpc(vpc_id))
    prefix = f"com.amazonaws.{cluster.region}."
    return tuple(
        Endpoint(
            endpoint_id=endpoint["VpcEndpointId"],
            service=endpoint["ServiceName"].removeprefix("cn.").removeprefix(prefix),
            kind=endpoint["VpcEndpointType"],
            state=str(endpoint["State"]).lower(),
            private_dns=endpoint.get("PrivateDnsEnabled", False),
            security_groups=tuple(group["GroupId"] for group in endpoint.get("Groups", ())),
            route_tables=tuple(endpoint.get("RouteTableIds", ())),
        )
        for page in pages
        for endpoint in page["VpcEndpoints"]
    )


def look_at_ingress(cluster: EksCluster, groups: Iterable[str]) -> Mapping[str, tuple[Ingress, ...]]:
    """What security groups let in."""
    wanted = sorted(set(groups) - {""})
    found = cluster.ec2.describe_security_groups(GroupIds=wanted)["SecurityGroups"] if wanted else []
    return {group["GroupId"]: tuple(_ingress(rule) for rule in group["IpPermissions"]) for group in found}


def _name_servers(cluster: EksCluster, options: str) -> Iterable[str]:
    (found,) = cluster.ec2.describe_dhcp_options(DhcpOptionsIds=[options])["DhcpOptions"]
    named = [each["Values"] for each in found["DhcpConfigurations"] if each["Key"] == "domain-name-servers"]
    return [str(value.get("Value", "")) for value in chain(*named)]


def _route_table(table: Mapping[str, Any]) -> RouteTable:
    associations = table["Associations"]
    return RouteTable(
        table_id=table["RouteTableId"],
        main=any(each.get("Main") for each in associations),
        subnets=tuple(each["SubnetId"] for each in associations if each.get("SubnetId")),
        exits=tuple(_target(route) for route in table["Routes"] if _is_exit(route)),
    )


def _is_exit(route: Mapping[str, Any]) -> bool:
    destination = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
    return destination in _EVERYWHERE and route.get("State") != "blackhole"


def _target(route: Mapping[str, Any]) -> str:
    return next((str(route[name]) for name in _TARGETS if route.get(name)), "an unknown target")


def _ingress(rule: Mapping[str, Any]) -> Ingress:
    return Ingress(
        protocol=rule["IpProtocol"],
        from_port=rule.get("FromPort", -1),
        to_port=rule.get("ToPort", -1),
        cidrs=tuple(each["CidrIp"] for each in rule.get("IpRanges", ())),
        groups=tuple(each["GroupId"] for each in rule.get("UserIdGroupPairs", ())),
        prefix_lists=tuple(each["PrefixListId"] for each in rule.get("PrefixListIds", ())),
    )


def _in_vpc(vpc_id: str) -> Any:
    return [{"Name": "vpc-id", "Values": [vpc_id]}]
