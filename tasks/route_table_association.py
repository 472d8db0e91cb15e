"""The route table of a subnet that has none of its own."""

from collections.abc import Mapping
from typing import Any

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.preflight.fixes import AssociateRouteTable
from tasks.outcome import Action, Change, Outcome
from tasks.reconcile import Resource, reconcile
from tasks.step import step


class RouteTableAssociation(Resource):
    """A subnet's explicit route table; associations cannot be tagged, so none is ever replaced."""

    step = "route table of subnet"

    def __init__(self, cluster: EksCluster, wanted: AssociateRouteTable) -> None:
        super().__init__(wanted.subnet_id)
        self._ec2 = cluster.ec2
        self._table = wanted.route_table

    def observe(self) -> dict[str, Any] | None:
        """The explicit association, if there is one."""
        filters: Any = [{"Name": "association.subnet-id", "Values": [self.name]}]
        for table in self._ec2.describe_route_tables(Filters=filters)["RouteTables"]:
            for association in table["Associations"]:
                if association.get("SubnetId") == self.name:
                    return {"routeTable": table["RouteTableId"], "id": association["RouteTableAssociationId"]}
        return None

    def wanted(self, *, marked: bool) -> dict[str, Any]:
        """The route table."""
        del marked
        return {"routeTable": self._table}

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Nobody can tell."""
        del observed
        return False

    def create(self) -> None:
        """Associate it."""
        self._ec2.associate_route_table(SubnetId=self.name, RouteTableId=self._table)

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Refuse: somebody has associated another one meanwhile.

        Raises:
            OperationError: Always.
        """
        raise OperationError(
            f"{self.step} {self.name}",
            "; ".join(map(str, changes)),
            f"{observed['routeTable']} was associated by somebody else",
            "run preflight again",
        )

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """The association's id."""
        return str(observed["id"])


@step("route table of {wanted.subnet_id}")
def associate_route_table(cluster: EksCluster, wanted: AssociateRouteTable, *, plan: bool = False) -> Outcome:
    """Associate a route table with a subnet that follows the VPC's main one.

    https://docs.aws.amazon.com/batch/latest/userguide/getting-started-eks-privateclusters.html

    Args:
        cluster: Gives the EC2 client.
        wanted: Subnet and table.
        plan: Report only.

    Raises:
        OperationError: If the subnet has got another table meanwhile.
    """
    return reconcile(RouteTableAssociation(cluster, wanted), plan=plan)
