"""What moto's IAM gets wrong about Batch's service-linked role, and what makes it slow.

Observed on moto 5.2.5: `CreateServiceLinkedRole("batch.amazonaws.com")` makes `AWSServiceRoleForbatch`, and
creating it a second time answers EntityAlreadyExists where AWS answers InvalidInput. It also reads 1,400 managed
policies anew, seven times and for more than a second, whenever the account has been reset.
"""

import functools
import os
from types import SimpleNamespace
from typing import Any

# Managed policies such as AmazonEKSWorkerNodePolicy exist in every account; moto reads this when IAM starts.
os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")

from moto.iam import models
from moto.iam.exceptions import EntityAlreadyExists, InvalidInput
from moto.iam.models import iam_backends

from sandbox.names import ACCOUNT_ID

SERVICE = "batch.amazonaws.com"
ROLE_NAME = "AWSServiceRoleForBatch"
ROLE_PATH = f"/aws-service-role/{SERVICE}/"

_ACCOUNT_BACKEND = {"account_id": ACCOUNT_ID, "region_name": "aws"}
_moto_create = models.IAMBackend.create_service_linked_role
_moto_policies = models.IAMBackend._init_aws_policies


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


@functools.cache
def _read_aws_policies() -> list[Any]:
    # The function asks no more of a backend than what it is of.
    policies: list[Any] = _moto_policies(SimpleNamespace(**_ACCOUNT_BACKEND))
    return policies


def _aws_policies(self: Any) -> list[Any]:
    """AWS's managed policies, read once: nobody can change them but for how often they are attached.

    Moto keeps a backend for each of AWS's partitions and makes them all to look an access key up; the sandbox's
    account is in the first one only.
    """
    if {"account_id": self.account_id, "region_name": self.region_name} != _ACCOUNT_BACKEND:
        return []
    for policy in _read_aws_policies():
        policy.attachment_count = 0
    return list(_read_aws_policies())


def install() -> None:
    """Correct moto's IAM, for the whole process.

    The managed policies are read here and not when the account is first used: they draw identifiers from moto's
    random source, which must give the same ones after each reset.
    """
    _read_aws_policies()
    models.IAMBackend._init_aws_policies = _aws_policies
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
    return service_linked_role(account) or iam_backends[account]["global"].create_service_linked_role(SERVICE, "", "")


def instance_profile_exists(account: str, name_or_arn: str) -> bool:
    """Whether an instance profile of this name or ARN exists; the ARN of a role is none."""
    profiles = iam_backends[account]["global"].instance_profiles.values()
    return any(name_or_arn in (profile.name, profile.arn) for profile in profiles)
