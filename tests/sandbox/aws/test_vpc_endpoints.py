"""VPC endpoints as EC2 changes them, which moto does not."""

from itertools import chain

import pytest


@pytest.fixture
def ec2(make_tools, clean_sandbox):
    return make_tools(clean_sandbox).aws("ec2")


def endpoint(ec2, service):
    name = [{"Name": "service-name", "Values": [f"com.amazonaws.us-east-1.{service}"]}]
    (found,) = ec2.describe_vpc_endpoints(Filters=name)["VpcEndpoints"]
    return found


def tables_with_route_to(ec2, endpoint_id):
    tables = ec2.describe_route_tables()["RouteTables"]
    return {table["RouteTableId"] for table in tables if endpoint_id in str(table["Routes"])}


def test_private_dns_can_be_turned_off_and_on(ec2):
    for enabled in (False, True):
        ec2.modify_vpc_endpoint(VpcEndpointId=endpoint(ec2, "sts")["VpcEndpointId"], PrivateDnsEnabled=enabled)
        assert endpoint(ec2, "sts")["PrivateDnsEnabled"] is enabled


def test_a_gateway_has_no_private_dns_and_its_routes_follow_its_route_tables(ec2):
    gateway = endpoint(ec2, "s3")
    assert not gateway["PrivateDnsEnabled"]
    gateway_id, (first, *others) = gateway["VpcEndpointId"], gateway["RouteTableIds"]
    ec2.modify_vpc_endpoint(VpcEndpointId=gateway_id, RemoveRouteTableIds=[first])
    assert tables_with_route_to(ec2, gateway_id) == set(others)
    ec2.modify_vpc_endpoint(VpcEndpointId=gateway_id, AddRouteTableIds=[first])
    assert tables_with_route_to(ec2, gateway_id) == set(chain([first], others))


def test_a_new_interface_endpoint_is_pending_for_a_while(ec2, clean_sandbox):
    clean_sandbox.settings(vpc_endpoint_delay=3600)
    old = endpoint(ec2, "logs")
    ec2.create_vpc_endpoint(VpcId=old["VpcId"], VpcEndpointType="Interface", ServiceName="com.amazonaws.us-east-1.sqs")
    assert (old["State"], endpoint(ec2, "sqs")["State"]) == ("available", "pending")
