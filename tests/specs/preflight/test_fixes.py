"""What `fix` adds to a picture, and that it makes every such picture sound."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.preflight.facts import Endpoint, Ingress, InstanceProfile, PreflightFacts, RouteTable, Subnet
from specs.preflight.fixes import AddGateway, AddInterfaceEndpoint, AssociateRouteTable, FillInstanceProfile, fixes
from specs.preflight.rules import find

SERVICES = ("ec2", "ecr.api", "ecr.dkr", "sts", "eks", "batch", "logs")
ROLE = "arn:aws:iam::123456789012:role/path/nodes"
PRIVATE = (RouteTable("rtb-a", False, ("subnet-a",), ()), RouteTable("rtb-b", False, (), ()))
MAIN = RouteTable("rtb-main", True, (), ("igw-1",))
OWN, MAINS = (
    Subnet("subnet-a", "us-east-1a", "10.0.0.0/24", 250, "rtb-a", True),
    Subnet("subnet-b", "us-east-1b", "10.0.1.0/24", 250, "rtb-main", False),
)
FACTS = PreflightFacts(
    vpc_id="vpc-1",
    node_groups=("sg-n",),
    cluster_group="sg-n",
    subnets=(OWN, MAINS),
    route_tables=(*PRIVATE, MAIN),
    endpoints=(),
    ingress={"sg-n": (Ingress("-1", groups=("sg-n",)),)},
    profile=InstanceProfile("profile", False, known_role=ROLE),
)


def test_everything_is_added_at_once_and_the_gateway_where_the_subnet_is_going_to_be() -> None:
    wanted = fixes(FACTS).wanted
    subnets = ("subnet-a", "subnet-b")
    assert set(wanted) == {
        AssociateRouteTable("subnet-b", "rtb-b"),
        AddGateway("vpc-1", ("rtb-a", "rtb-b")),
        FillInstanceProfile("profile", "nodes"),
        *(AddInterfaceEndpoint("vpc-1", service, subnets, "sg-n") for service in SERVICES),
    }
    assert fixes(FACTS).refused == ()


def test_an_interface_endpoint_gets_one_subnet_a_zone() -> None:
    facts = replace(FACTS, subnets=(OWN, replace(OWN, subnet_id="subnet-c")))
    (first, *_) = (fix for fix in fixes(facts).wanted if isinstance(fix, AddInterfaceEndpoint))
    assert first.subnet_ids == ("subnet-c",)


@pytest.mark.parametrize(
    ("tables", "table"),
    [
        ((PRIVATE[0], MAIN), "rtb-a"),
        ((PRIVATE[1], MAIN), "rtb-b"),
        ((*PRIVATE, MAIN), "rtb-b"),
        ((*PRIVATE, RouteTable("rtb-c", False, (), ()), MAIN), ""),
        ((PRIVATE[0], RouteTable("rtb-c", False, ("subnet-x",), ()), MAIN), ""),
        ((RouteTable("rtb-public", False, (), ("igw-1",)), MAIN), ""),
    ],
)
def test_only_the_one_evident_private_route_table_is_taken(tables: tuple[RouteTable, ...], table: str) -> None:
    planned = fixes(replace(FACTS, route_tables=tables))
    associations = [fix for fix in planned.wanted if isinstance(fix, AssociateRouteTable)]
    assert associations == ([AssociateRouteTable("subnet-b", table)] if table else [])
    assert bool(planned.refused) != bool(table)


def test_without_a_security_group_that_lets_nodes_in_no_endpoint_is_made() -> None:
    planned = fixes(replace(FACTS, ingress={}))
    assert not [fix for fix in planned.wanted if isinstance(fix, AddInterfaceEndpoint)]
    assert any("no security group" in reason for reason in planned.refused)


def test_private_dns_is_turned_on_whatever_group_there_is() -> None:
    facts = replace(FACTS, ingress={}, endpoints=(Endpoint("vpce-sts", "sts", "Interface", "available"),))
    (fix,) = (fix for fix in fixes(facts).wanted if isinstance(fix, AddInterfaceEndpoint))
    assert fix.service == "sts"


def test_a_role_that_is_not_known_is_not_guessed() -> None:
    planned = fixes(replace(FACTS, profile=InstanceProfile("profile", True)))
    assert not [fix for fix in planned.wanted if isinstance(fix, FillInstanceProfile)]
    assert any("nodeRoleArn" in reason for reason in planned.refused)


def test_what_was_not_looked_at_is_left_alone() -> None:
    unseen = {"subnets": None, "endpoints": None, "ingress": None, "profile": None}
    assert fixes(replace(FACTS, **unseen)).wanted == ()  # type: ignore[arg-type]


@given(st.sets(st.sampled_from(SERVICES)), st.sets(st.sampled_from(SERVICES)), st.booleans())
def test_after_its_fixes_a_picture_needs_none(missing: set[str], no_dns: set[str], gateway: bool) -> None:
    there = [each for each in SERVICES if each not in missing]
    facts = replace(
        FACTS,
        subnets=(OWN,),
        profile=None,
        endpoints=(
            *(Endpoint(each, each, "Interface", "available", each not in no_dns, ("sg-n",)) for each in there),
            *([Endpoint("s3", "s3", "Gateway", "available", route_tables=("rtb-a",))] if gateway else []),
        ),
    )
    wanted = fixes(facts).wanted
    assert bool(wanted) == bool(find(facts))
    added = {fix.service for fix in wanted if isinstance(fix, AddInterfaceEndpoint)}
    assert added == missing | (no_dns - missing)
    after = [Endpoint(each, each, "Interface", "available", True, ("sg-n",)) for each in SERVICES]
    served = Endpoint("s3", "s3", "Gateway", "available", route_tables=("rtb-a",))
    assert find(replace(facts, endpoints=(*after, served))) == []
