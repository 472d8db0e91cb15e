"""What identities, nodes and the seeded account rely on inside moto, so that a new version cannot break it unseen."""

import inspect

import pytest
from moto.core.base_backend import BackendDict
from moto.ec2.models import EC2Backend, ec2_backends
from moto.eks.models import Cluster
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, iam_backends
from moto.moto_api._internal import mock_random
from moto.sts.models import AssumedRole, STSBackend, sts_backends

ACCOUNT = "123456789012"


def parameters(function):
    return set(inspect.signature(function).parameters)


def test_iam():
    backend = iam_backends[ACCOUNT]["aws"]
    assert {"users", "access_keys", "instance_profiles"} <= set(vars(backend))
    assert parameters(IAMBackend.create_user) >= {"region_name", "user_name", "path"}
    assert parameters(IAMBackend.create_access_key) >= {"user_name"}
    with pytest.raises(NotFoundException):
        backend.get_role("no-such-role")


def test_sts():
    assert isinstance(sts_backends[ACCOUNT]["aws"].assumed_roles, list)
    wanted = {"region_name", "role_session_name", "role_arn", "policy", "duration", "external_id"}
    assert parameters(STSBackend.assume_role) >= wanted
    assert {"arn", "user_id"} <= set(dir(AssumedRole))


def test_ec2():
    assert parameters(EC2Backend.run_instances) >= {"image_id", "count", "user_data", "security_group_names"}
    assert parameters(EC2Backend.terminate_instances) >= {"instance_ids"}
    assert ec2_backends[ACCOUNT]["us-east-1"].get_instance_by_id("i-0") is None
    assert parameters(EC2Backend.describe_security_groups) >= {"filters"}


def test_eks():
    taken = {"name", "role_arn", "resources_vpc_config", "version", "logging", "tags", "encryption_config"}
    assert parameters(Cluster.__init__) >= taken


def test_the_same_seed_gives_the_same_identifiers():
    made = []
    for _ in range(2):
        BackendDict.reset()
        mock_random.seed(7)
        made.append(ec2_backends[ACCOUNT]["us-east-1"].create_vpc("10.0.0.0/16").id)
    BackendDict.reset()
    assert made[0] == made[1]
