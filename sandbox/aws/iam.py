"""What moto's IAM gets wrong about Batch's service-linked role.

Observed on moto 5.2.5: `CreateServiceLinkedRole("batch.amazonaws.com")` makes `AWSServiceRoleForbatch`, and
creating it a second time answers EntityAlreadyExists where AWS answers InvalidInput.
"""

from typing import Any

from moto.iam import models
from moto.iam.exceptions import EntityAlreadyExists, InvalidInput
from moto.iam.models import iam_backends

SERVICE = "batch.amazonaws.com"
ROLE_NAME = "AWSServiceRoleForBatch"
ROLE_PATH = f"/aws-service-role/{SERVICE}/"

_moto_create = models.IAMBackend.create_service_linked_role


def _create_service_linked_role(self: Any, service_name: str, description: str, suffix: str) -> Any:
    """Create the role; refuse a second one with AWS's own words.

    Text as users report it for other services (Rayraegah/terraform-aws-hasura#17,
    DataDog/pathfinding-labs#23).
    """
    try:
        return _moto_create(self, service_name, description, suffix)
    except EntityAlreadyExists as error:
        name = str(error.message).partition("Role with name ")[2].partition(" already exists")[0]
        raise InvalidInput(
            f"Service role name {name} has been taken in this account, please try a different suffix."
        ) from None


def install() -> None:
    """Correct moto's IAM, for the whole process."""
    models.SERVICE_NAME_CONVERSION["batch"] = "Batch"
    models.IAMBackend.create_service_linked_role = _create_service_linked_role


def service_linked_role(account: str) -> Any | None:
    """Batch's service-linked role of an account, or None."""
    roles = iam_backends[account]["global"].roles.values()
    return next((role for role in roles if role.name == ROLE_NAME and role.path == ROLE_PATH), None)


def ensure_service_linked_role(account: str) -> Any:
    """Batch's service-linked role, made if missing.

    CreateComputeEnvironment does so for the caller (User Guide, using-service-linked-roles-batch-general).
    """
    return service_linked_role(account) or iam_backends[account]["global"].create_service_linked_role(
        SERVICE, "", ""
    )


def instance_profile_exists(account: str, name_or_arn: str) -> bool:
    """Whether an instance profile of this name or ARN exists; the ARN of a role is none."""
    profiles = iam_backends[account]["global"].instance_profiles.values()
    return any(name_or_arn in (profile.name, profile.arn) for profile in profiles)
