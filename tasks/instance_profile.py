"""The instance profile that the nodes' role is put into."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from blocks.aws_errors import error_code
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.preflight.fixes import FillInstanceProfile
from tasks.outcome import Action, Change, Outcome
from tasks.ownership import OWNER, OWNER_TAG
from tasks.reconcile import Resource, reconcile
from tasks.step import step


class InstanceProfile(Resource):
    """An instance profile and the one role in it; a role that is there is never exchanged."""

    step = "instance profile"

    def __init__(self, cluster: EksCluster, wanted: FillInstanceProfile) -> None:
        super().__init__(wanted.profile)
        self._iam = cluster.iam
        self._role = wanted.role

    def observe(self) -> dict[str, Any] | None:
        """The profile and the role in it."""
        try:
            found = self._iam.get_instance_profile(InstanceProfileName=self.name)["InstanceProfile"]
        except ClientError as error:
            if error_code(error) == "NoSuchEntity":
                return None
            raise
        return {"arn": found["Arn"], "role": next((role["RoleName"] for role in found["Roles"]), "")}

    def wanted(self, *, marked: bool) -> dict[str, Any]:
        """The role."""
        del marked
        return {"role": self._role}

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """An empty profile may be filled, whoever made it."""
        return not observed["role"]

    def create(self) -> None:
        """Make the profile and put the role into it."""
        self._iam.create_instance_profile(InstanceProfileName=self.name, Tags=[{"Key": OWNER_TAG, "Value": OWNER}])
        self._add_role()

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Put the role into an empty profile.

        Raises:
            OperationError: If another role is in it meanwhile.
        """
        if observed["role"]:
            raise OperationError(
                f"{self.step} {self.name}",
                "; ".join(map(str, changes)),
                "somebody else has put another role into it",
                "run preflight again",
            )
        self._add_role()
        return "updated"

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its ARN."""
        return str(observed["arn"])

    def _add_role(self) -> None:
        self._iam.add_role_to_instance_profile(InstanceProfileName=self.name, RoleName=self._role)


@step("instance profile {wanted.profile}")
def ensure_instance_profile(cluster: EksCluster, wanted: FillInstanceProfile, *, plan: bool = False) -> Outcome:
    """Make an instance profile, or fill an empty one, for the nodes' role.

    Args:
        cluster: Gives the IAM client.
        wanted: Profile and role.
        plan: Report only.

    Raises:
        OperationError: If another role is in it.
    """
    return reconcile(InstanceProfile(cluster, wanted), plan=plan)
