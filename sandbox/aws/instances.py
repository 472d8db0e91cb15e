"""EC2 instances in moto, launched from inside AWS: no request is made, so none shows up in the audit of calls."""

import os
from dataclasses import dataclass

# The catalogue of 1,300 images that moto would make anew with every reset; it reads this when EC2 starts.
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from sandbox.names import ACCOUNT_ID, REGION

# Nothing here looks into it.
_IMAGE = "ami-12c6146b"


@dataclass(frozen=True)
class Instance:
    """What a node needs to know of its instance.

    Attributes:
        instance_id: Its id.
        private_dns_name: Its private DNS name.
        zone: Its availability zone.
    """

    instance_id: str
    private_dns_name: str
    zone: str


def role_of_profile(instance_profile: str) -> str:
    """Name of the role in an instance profile.

    Args:
        instance_profile: Name or ARN of the profile.

    Raises:
        LookupError: There is no such profile, or it holds no role.
    """
    profiles = iam_backends[ACCOUNT_ID]["aws"].instance_profiles.values()
    for profile in profiles:
        if instance_profile in (profile.name, profile.arn):
            if not profile.roles:
                raise LookupError(f"Instance profile {instance_profile} has no role")
            return str(profile.roles[0].name)
    raise LookupError(f"Instance profile {instance_profile} does not exist")


def run_instance(*, instance_profile: str, instance_type: str, subnet_id: str) -> Instance:
    """Start an instance in a subnet."""
    profiles = iam_backends[ACCOUNT_ID]["aws"].instance_profiles.values()
    profile = next(each for each in profiles if instance_profile in (each.name, each.arn))
    reservation = ec2_backends[ACCOUNT_ID][REGION].run_instances(
        image_id=_IMAGE,
        count=1,
        user_data=None,
        security_group_names=[],
        instance_type=instance_type,
        is_instance_type_default=False,
        subnet_id=subnet_id,
        region_name=REGION,
        iam_instance_profile_arn=profile.arn,
    )
    instance = reservation.instances[0]
    return Instance(instance.id, instance.private_dns_name, str(instance.availability_zone))


def terminate_instance(instance_id: str) -> None:
    """Terminate an instance."""
    ec2_backends[ACCOUNT_ID][REGION].terminate_instances([instance_id])


def private_dns_name(instance_id: str) -> str | None:
    """Private DNS name of an instance, None when there is none (`ec2:DescribeInstances`)."""
    instance = ec2_backends[ACCOUNT_ID][REGION].get_instance_by_id(instance_id)
    return None if instance is None else str(instance.private_dns_name)
