"""What moto's EC2 gets wrong about VPC endpoints.

Observed on moto 5.2.5: ModifyVpcEndpoint ignores `PrivateDnsEnabled`, and a gateway's routes stay as they are when
route tables are added to it or removed; a gateway is said to have private DNS; an endpoint is `available` the moment it
is made.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.ec2.models.vpcs import VPCBackend, VPCEndPoint
from moto.ec2.responses.vpcs import VPCs

_moto_create = VPCBackend.create_vpc_endpoint
_moto_modify = VPCs.modify_vpc_endpoint


def install(delay: Callable[[], float]) -> None:
    """Correct moto's VPC endpoints, for the whole process.

    Args:
        delay: For how many seconds a new interface endpoint is `pending`.
    """

    @wraps(_moto_create)
    def create(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Make an endpoint; only interface endpoints have private DNS and take their time (EC2 API, VpcEndpoint)."""
        endpoint = _moto_create(self, *args, **kwargs)
        if endpoint.vpc_endpoint_type == "Interface":
            endpoint.available_at = time.monotonic() + delay()
        else:
            endpoint.private_dns_enabled = False
        return endpoint

    VPCBackend.create_vpc_endpoint = create
    VPCs.modify_vpc_endpoint = _modify
    VPCEndPoint.state = property(_state, _set_state)


def _state(self: Any) -> str:
    pending = self.wanted_state == "available" and time.monotonic() < getattr(self, "available_at", 0.0)
    return "pending" if pending else str(self.wanted_state)


def _set_state(self: Any, state: str) -> None:
    self.wanted_state = state


def _modify(self: Any) -> Any:
    """Turn private DNS on or off, and keep a gateway's routes in step with its route tables."""
    answer = _moto_modify(self)
    (endpoint,) = self.ec2_backend.describe_vpc_endpoints(vpc_end_point_ids=[self._get_param("VpcEndpointId")])
    private_dns = self._get_bool_param("PrivateDnsEnabled")
    if private_dns is not None:
        endpoint.private_dns_enabled = private_dns
    prefix_list = endpoint.destination_prefix_list_id
    for table in self._get_param("AddRouteTableIds", []):
        self.ec2_backend.create_route(table, None, gateway_id=endpoint.id, destination_prefix_list_id=prefix_list)
    for table in self._get_param("RemoveRouteTableIds", []):
        self.ec2_backend.delete_route(table, prefix_list)
    return answer
