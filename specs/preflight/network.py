"""Rules of the network: names, subnets, routes."""

from collections.abc import Iterator

from specs.preflight.facts import Subnet, Vpc
from specs.preflight.rule import Finding, error, rule_of, warning
from specs.source import EKS_GUIDE, guide

_ENDPOINT_ACCESS = f"{EKS_GUIDE}/cluster-endpoint.html"
_NETWORK = f"{EKS_GUIDE}/network-reqs.html"
_PRIVATE = f"{EKS_GUIDE}/private-clusters.html"
AMAZON_DNS = "AmazonProvidedDNS"
# EKS user guide, network-reqs: "at least six IP addresses ... however, we recommend at least 16".
_LEAST_ADDRESSES, _ENOUGH_ADDRESSES = 6, 16


def _dns_attributes(vpc: Vpc) -> Iterator[Finding]:
    for attribute, option, on in (
        ("enableDnsSupport", "--enable-dns-support", vpc.dns_support),
        ("enableDnsHostnames", "--enable-dns-hostnames", vpc.dns_hostnames),
    ):
        if not on:
            yield error(
                f"{attribute} of {vpc.vpc_id} is off: the private names of the API server and of interface endpoints "
                "do not resolve",
                f"aws ec2 modify-vpc-attribute --vpc-id {vpc.vpc_id} {option}",
            )


def _name_servers(vpc: Vpc) -> Iterator[Finding]:
    if AMAZON_DNS not in vpc.name_servers:
        yield warning(
            f"the DHCP options of {vpc.vpc_id} name {', '.join(vpc.name_servers) or 'nothing'}, not {AMAZON_DNS}",
            f"use DHCP options with domain-name-servers={AMAZON_DNS}, or have your name servers forward to it",
        )


def _explicit_route_table(subnets: tuple[Subnet, ...]) -> Iterator[Finding]:
    for subnet in subnets:
        if not subnet.explicit:
            yield error(
                f"{subnet.subnet_id} has no route table of its own and follows the main one, {subnet.route_table}, "
                "which eksctl does not give the S3 endpoint and which others may open to the internet",
                f"aws ec2 associate-route-table --subnet-id {subnet.subnet_id} --route-table-id <a private one>",
            )


def _no_internet_route(subnets: tuple[Subnet, ...]) -> Iterator[Finding]:
    for subnet in subnets:
        for target in subnet.exits:
            evidence = f"{subnet.route_table} of {subnet.subnet_id} has a default route to {target}"
            if target.startswith("igw-"):
                fix = f"aws ec2 delete-route --route-table-id {subnet.route_table} --destination-cidr-block 0.0.0.0/0"
                yield error(f"{evidence}: the subnet is public", fix)
            else:
                fix = "delete the route if the cluster is meant to be cut off; endpoints are then the only way to AWS"
                yield warning(f"{evidence}: there is a way out of the private subnet", fix)


def _free_addresses(subnets: tuple[Subnet, ...]) -> Iterator[Finding]:
    for subnet in subnets:
        evidence = f"{subnet.subnet_id} ({subnet.cidr}) has {subnet.free_addresses} free addresses"
        fix = "free some, or name larger subnets in computeResources.subnets"
        if subnet.free_addresses < _LEAST_ADDRESSES:
            yield error(f"{evidence}; EKS needs {_LEAST_ADDRESSES}, and nodes and pods take more", fix)
        elif subnet.free_addresses < _ENOUGH_ADDRESSES:
            yield warning(f"{evidence}; EKS recommends {_ENOUGH_ADDRESSES}, and nodes and pods take more", fix)


RULES = (
    rule_of("vpc", "vpc-dns", "the VPC resolves private names", _ENDPOINT_ACCESS, _dns_attributes),
    rule_of("vpc", "vpc-name-servers", "the VPC asks Amazon's name servers", _ENDPOINT_ACCESS, _name_servers),
    rule_of(
        "subnets",
        "explicit-route-table",
        "every subnet has a route table of its own",
        guide("getting-started-eks-privateclusters"),
        _explicit_route_table,
    ),
    rule_of("subnets", "no-internet-route", "no subnet leads to the internet", _PRIVATE, _no_internet_route),
    rule_of("subnets", "free-addresses", "every subnet has free addresses", _NETWORK, _free_addresses),
)
