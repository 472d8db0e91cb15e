"""VPC endpoints that a private cluster lacks."""

from collections.abc import Mapping
from typing import Any

from blocks.eks_cluster import EksCluster
from specs.preflight.endpoints import GATEWAY_SERVICE
from specs.preflight.fixes import AddGateway, AddInterfaceEndpoint
from tasks.outcome import Action, Change, Outcome
from tasks.ownership import OWNER, OWNER_TAG
from tasks.reconcile import Resource, reconcile
from tasks.step import step


class _Endpoint(Resource):
    """An endpoint of one service in one VPC.

    Somebody else's is added to as well: what is added takes nothing away, and they asked for it by `fix`.
    """

    step = "VPC endpoint"

    def __init__(self, cluster: EksCluster, vpc_id: str, service: str, kind: str) -> None:
        super().__init__(f"com.amazonaws.{cluster.region}.{service}")
        self._ec2 = cluster.ec2
        self._vpc_id = vpc_id
        self._kind = kind

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """It may be added to, whoever made it."""
        del observed
        return True

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its id."""
        return str(observed["id"])

    def _existing(self) -> list[Any]:
        wanted = {"vpc-id": self._vpc_id, "service-name": self.name, "vpc-endpoint-type": self._kind}
        filters: Any = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
        found = self._ec2.describe_vpc_endpoints(Filters=filters)["VpcEndpoints"]
        return [endpoint for endpoint in found if str(endpoint["State"]).lower() not in ("deleting", "deleted")]

    def _create(self, **parameters: Any) -> None:
        marks: Any = [{"ResourceType": "vpc-endpoint", "Tags": [{"Key": OWNER_TAG, "Value": OWNER}]}]
        kind: Any = self._kind
        self._ec2.create_vpc_endpoint(
            VpcId=self._vpc_id, ServiceName=self.name, VpcEndpointType=kind, TagSpecifications=marks, **parameters
        )


class InterfaceEndpoint(_Endpoint):
    """An interface endpoint that the service's own name leads to."""

    def __init__(self, cluster: EksCluster, wanted: AddInterfaceEndpoint) -> None:
        super().__init__(cluster, wanted.vpc_id, wanted.service, "Interface")
        self._wanted = wanted

    def observe(self) -> dict[str, Any] | None:
        """The endpoint with private DNS, else the first."""
        found = sorted(self._existing(), key=lambda endpoint: not endpoint["PrivateDnsEnabled"])
        if not found:
            return None
        return {"id": found[0]["VpcEndpointId"], "privateDnsEnabled": found[0]["PrivateDnsEnabled"]}

    def wanted(self, *, marked: bool) -> dict[str, Any]:
        """Private DNS, and nothing that an endpoint of somebody else's may have otherwise."""
        del marked
        return {"privateDnsEnabled": True}

    def create(self) -> None:
        """Make it, in one subnet of each zone."""
        self._create(
            SubnetIds=list(self._wanted.subnet_ids),
            SecurityGroupIds=[self._wanted.security_group],
            PrivateDnsEnabled=True,
        )

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Turn private DNS on."""
        del changes
        self._ec2.modify_vpc_endpoint(VpcEndpointId=observed["id"], PrivateDnsEnabled=True)
        return "updated"


class GatewayEndpoint(_Endpoint):
    """The S3 gateway endpoint on some route tables, beside those that it is on already."""

    def __init__(self, cluster: EksCluster, wanted: AddGateway) -> None:
        super().__init__(cluster, wanted.vpc_id, GATEWAY_SERVICE, "Gateway")
        self._tables = wanted.route_tables

    def observe(self) -> dict[str, Any] | None:
        """The first one, and the route tables that any is on."""
        found = self._existing()
        if not found:
            return None
        tables = {table: True for endpoint in found for table in endpoint["RouteTableIds"]}
        return {"id": found[0]["VpcEndpointId"], "routeTables": tables}

    def wanted(self, *, marked: bool) -> dict[str, Any]:
        """The route tables that lack it."""
        del marked
        return {"routeTables": dict.fromkeys(self._tables, True)}

    def create(self) -> None:
        """Make it."""
        self._create(RouteTableIds=list(self._tables))

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Add the route tables that it is not on."""
        tables = [change.field.rpartition(".")[2] for change in changes]
        self._ec2.modify_vpc_endpoint(VpcEndpointId=observed["id"], AddRouteTableIds=tables)
        return "updated"


@step("VPC endpoint {wanted.service}")
def ensure_interface_endpoint(cluster: EksCluster, wanted: AddInterfaceEndpoint, *, plan: bool = False) -> Outcome:
    """Make an interface endpoint, or turn on private DNS of the one that is there.

    https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html

    Args:
        cluster: Gives the EC2 client.
        wanted: The endpoint.
        plan: Report only.
    """
    return reconcile(InterfaceEndpoint(cluster, wanted), plan=plan)


@step("VPC endpoint s3")
def ensure_gateway_endpoint(cluster: EksCluster, wanted: AddGateway, *, plan: bool = False) -> Outcome:
    """Put the S3 gateway endpoint on route tables that lack it.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html

    Args:
        cluster: Gives the EC2 client.
        wanted: The route tables.
        plan: Report only.
    """
    return reconcile(GatewayEndpoint(cluster, wanted), plan=plan)
