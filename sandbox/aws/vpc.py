"""The private VPC that the cluster lives in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.names import CLUSTER_NAME, REGION, ZONES

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.literals import ResourceTypeType
    from mypy_boto3_ec2.type_defs import TagSpecificationTypeDef, TagTypeDef

_CIDR = "192.168.0.0/16"
# eksctl's layout: the first half of its /19 blocks is for public subnets, which a private cluster has none of.
_SUBNET_CIDRS = ("192.168.96.0/19", "192.168.128.0/19", "192.168.160.0/19")
INTERFACE_ENDPOINTS = ("ec2", "ecr.api", "ecr.dkr", "sts", "logs", "eks", "eks-auth", "batch")


@dataclass(frozen=True)
class Vpc:
    """Identifiers of the seeded VPC.

    Attributes:
        vpc_id: The VPC.
        subnet_ids: Three private subnets, in the order of `names.ZONES`.
        cluster_security_group_id: The security group that EKS makes for a cluster.
        endpoint_security_group_id: The security group of the interface endpoints.
    """

    vpc_id: str
    subnet_ids: tuple[str, ...]
    cluster_security_group_id: str
    endpoint_security_group_id: str


def create_vpc(ec2: "EC2Client") -> Vpc:
    """Make what `eksctl create cluster` with `privateCluster.enabled` leaves, and what section "VPC endpoints" adds.

    A VPC with both DNS attributes (EKS user guide, cluster-endpoint), a private subnet in each zone with an explicit
    route table and no route to the internet (the tutorial's own demand), an S3 gateway endpoint on each of the route
    tables, and interface endpoints with private DNS for everything that a private cluster with AWS Batch calls (EKS
    user guide, private-clusters; ECR user guide, vpc-endpoints; Batch user guide, vpc-interface-endpoints).
    """
    vpc_id = ec2.create_vpc(CidrBlock=_CIDR, TagSpecifications=_tags("vpc", "VPC"))["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsSupport={"Value": True})
    ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
    _use_amazon_dns(ec2, vpc_id)
    subnets, tables = [], []
    for zone, cidr in zip(ZONES, _SUBNET_CIDRS, strict=True):
        suffix = zone.replace("-", "").upper()
        subnet = ec2.create_subnet(
            VpcId=vpc_id,
            CidrBlock=cidr,
            AvailabilityZone=zone,
            TagSpecifications=_tags("subnet", f"SubnetPrivate{suffix}", **{"kubernetes.io/role/internal-elb": "1"}),
        )["Subnet"]
        table = ec2.create_route_table(
            VpcId=vpc_id, TagSpecifications=_tags("route-table", f"PrivateRouteTable{suffix}")
        )["RouteTable"]
        ec2.associate_route_table(RouteTableId=table["RouteTableId"], SubnetId=subnet["SubnetId"])
        subnets.append(subnet["SubnetId"])
        tables.append(table["RouteTableId"])
    cluster_group = _cluster_security_group(ec2, vpc_id)
    endpoint_group = _endpoint_security_group(ec2, vpc_id)
    ec2.create_vpc_endpoint(
        VpcId=vpc_id,
        VpcEndpointType="Gateway",
        ServiceName=f"com.amazonaws.{REGION}.s3",
        RouteTableIds=tables,
    )
    _create_interface_endpoints(ec2, vpc_id, subnets, endpoint_group)
    return Vpc(vpc_id, tuple(subnets), cluster_group, endpoint_group)


def _use_amazon_dns(ec2: "EC2Client", vpc_id: str) -> None:
    """The DHCP options that every region has by default, and that private endpoints need (EKS, cluster-endpoint)."""
    options = ec2.create_dhcp_options(
        DhcpConfigurations=[
            {"Key": "domain-name", "Values": ["ec2.internal"]},
            {"Key": "domain-name-servers", "Values": ["AmazonProvidedDNS"]},
        ]
    )["DhcpOptions"]["DhcpOptionsId"]
    ec2.associate_dhcp_options(VpcId=vpc_id, DhcpOptionsId=options)


def _cluster_security_group(ec2: "EC2Client", vpc_id: str) -> str:
    """EKS's own group: all traffic among its members, everything outward (EKS user guide, sec-group-reqs)."""
    group_id = ec2.create_security_group(
        VpcId=vpc_id,
        GroupName=f"eks-cluster-sg-{CLUSTER_NAME}-1318131813",
        Description=(
            "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as "
            "any managed workloads."
        ),
        TagSpecifications=[
            {
                "ResourceType": "security-group",
                "Tags": [
                    {"Key": f"kubernetes.io/cluster/{CLUSTER_NAME}", "Value": "owned"},
                    {"Key": "aws:eks:cluster-name", "Value": CLUSTER_NAME},
                    {"Key": "Name", "Value": f"eks-cluster-sg-{CLUSTER_NAME}-1318131813"},
                ],
            }
        ],
    )["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group_id,
        IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group_id}]}],
    )
    return group_id


def _endpoint_security_group(ec2: "EC2Client", vpc_id: str) -> str:
    group_id = ec2.create_security_group(
        VpcId=vpc_id,
        GroupName=f"eksctl-{CLUSTER_NAME}-cluster-VPCEndpoints",
        Description="HTTPS from the VPC to its interface endpoints",
    )["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group_id,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": _CIDR}]}],
    )
    return group_id


def _create_interface_endpoints(ec2: "EC2Client", vpc_id: str, subnets: Sequence[str], group_id: str) -> None:
    for service in INTERFACE_ENDPOINTS:
        ec2.create_vpc_endpoint(
            VpcId=vpc_id,
            VpcEndpointType="Interface",
            ServiceName=f"com.amazonaws.{REGION}.{service}",
            SubnetIds=list(subnets),
            SecurityGroupIds=[group_id],
            PrivateDnsEnabled=True,
        )


def _tags(resource_type: "ResourceTypeType", name: str, **more: str) -> "list[TagSpecificationTypeDef]":
    tags = {
        "Name": f"eksctl-{CLUSTER_NAME}-cluster/{name}",
        "alpha.eksctl.io/cluster-name": CLUSTER_NAME,
        **more,
    }
    listed: list[TagTypeDef] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return [{"ResourceType": resource_type, "Tags": listed}]
