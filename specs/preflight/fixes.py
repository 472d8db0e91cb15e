"""What preflight can add by itself: nothing of anybody's is taken away or pointed elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from specs.preflight.endpoints import (
    admits,
    missing_interface_endpoints,
    tables_without_gateway,
    without_private_dns,
)
from specs.preflight.facts import PreflightFacts, Subnet


@dataclass(frozen=True)
class AddInterfaceEndpoint:
    """An interface endpoint to make, or to turn private DNS on for.

    Attributes:
        vpc_id: Where.
        service: The service without its prefix.
        subnet_ids: One subnet in each zone.
        security_group: A group that lets the nodes in.
    """

    vpc_id: str
    service: str
    subnet_ids: tuple[str, ...]
    security_group: str


@dataclass(frozen=True)
class AddGateway:
    """Route tables that the S3 gateway endpoint must be on.

    Attributes:
        vpc_id: Where.
        route_tables: The tables.
    """

    vpc_id: str
    route_tables: tuple[str, ...]


@dataclass(frozen=True)
class AssociateRouteTable:
    """A route table to associate with a subnet that has none of its own."""

    subnet_id: str
    route_table: str


@dataclass(frozen=True)
class FillInstanceProfile:
    """An instance profile to make where it is missing, and the role to put into it."""

    profile: str
    role: str


Fix = AddInterfaceEndpoint | AddGateway | AssociateRouteTable | FillInstanceProfile


@dataclass(frozen=True)
class Fixes:
    """What can be added, and what cannot although it is of the kind that could.

    Attributes:
        wanted: What to add.
        refused: Why the rest is left to a person.
    """

    wanted: tuple[Fix, ...]
    refused: tuple[str, ...]


def fixes(facts: PreflightFacts) -> Fixes:
    """What to add to make a picture sound.

    Args:
        facts: The picture; what was not looked at is left alone.
    """
    associations, refused = _associations(facts)
    # An endpoint must be on the route table that a subnet is about to get.
    new_tables = {each.subnet_id: each.route_table for each in associations}
    after = replace(facts, subnets=tuple(_moved(subnet, new_tables) for subnet in facts.subnets or ()))
    endpoints, no_group = _interface_endpoints(facts)
    profile, no_role = _profile(facts)
    wanted: list[Fix] = [*associations, *endpoints, *_gateway(after), *profile]
    return Fixes(tuple(wanted), (*refused, *no_group, *no_role))


def _moved(subnet: Subnet, tables: dict[str, str]) -> Subnet:
    table = tables.get(subnet.subnet_id)
    return replace(subnet, route_table=table, explicit=True) if table else subnet


def _associations(facts: PreflightFacts) -> tuple[list[AssociateRouteTable], list[str]]:
    """Only a single evident table is taken: the only private one, or the only one of them that no subnet has."""
    lacking = [subnet.subnet_id for subnet in facts.subnets or () if not subnet.explicit]
    if not lacking or facts.route_tables is None:
        return [], []
    private = [table for table in facts.route_tables if not (table.main or table.exits)]
    unused = [table for table in private if not table.subnets]
    evident = private if len(private) == 1 else unused
    if len(evident) == 1 and (len(lacking) == 1 or len(private) == 1):
        return [AssociateRouteTable(subnet, evident[0].table_id) for subnet in lacking], []
    offered = ", ".join(table.table_id for table in private) or "none"
    refused = f"{', '.join(lacking)}: which route table is meant is not evident; private ones are: {offered}"
    return [], [f"{refused}. Associate by hand"]


def _interface_endpoints(facts: PreflightFacts) -> tuple[list[AddInterfaceEndpoint], list[str]]:
    if facts.endpoints is None or not facts.subnets or facts.vpc_id == "":
        return [], []
    missing = [needed.service for needed in missing_interface_endpoints(facts)]
    services, refused = [endpoint.service for endpoint in without_private_dns(facts)], []
    group = _open_group(facts)
    if group:
        services += missing
    elif missing:
        reason = f"endpoints {', '.join(missing)}: no security group of another endpoint, nor of the nodes, lets the "
        refused.append(reason + "nodes in on 443. Open one and run again")
    subnets = _one_a_zone(facts.subnets)
    return [AddInterfaceEndpoint(facts.vpc_id, service, subnets, group) for service in services], refused


def _open_group(facts: PreflightFacts) -> str:
    """A security group that lets the nodes of every subnet in: one of an endpoint, else the nodes' own."""
    of_endpoints = [group for endpoint in facts.endpoints or () for group in endpoint.security_groups]
    for group in dict.fromkeys([*of_endpoints, *facts.node_groups, facts.cluster_group]):
        if all(admits(facts, (group,), subnet) for subnet in facts.subnets or ()):
            return group
    return ""


def _one_a_zone(subnets: Iterable[Subnet]) -> tuple[str, ...]:
    """An interface endpoint takes one subnet a zone (EC2 API reference, DuplicateSubnetsInSameZone)."""
    return tuple({subnet.zone: subnet.subnet_id for subnet in subnets}.values())


def _gateway(facts: PreflightFacts) -> list[AddGateway]:
    if facts.endpoints is None or facts.vpc_id == "":
        return []
    tables = tables_without_gateway(facts)
    return [AddGateway(facts.vpc_id, tuple(tables))] if tables else []


def _profile(facts: PreflightFacts) -> tuple[list[FillInstanceProfile], list[str]]:
    profile = facts.profile
    if profile is None or (profile.exists and profile.roles):
        return [], []
    if not profile.known_role:
        return [], [f"instance profile {profile.name}: which role belongs into it is not known. Give nodeRoleArn"]
    return [FillInstanceProfile(profile.name, profile.known_role.rsplit("/", 1)[-1])], []
