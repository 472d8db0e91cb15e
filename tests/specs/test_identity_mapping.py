"""Who Batch's role and the nodes' role are in the cluster."""

import pytest

from specs.fault import SpecError
from specs.identity_mapping import RoleMapping, batch_role_mapping, node_role_mapping

BATCH = "arn:aws:iam::123456789012:role/AWSServiceRoleForBatch"


def test_batch_is_mapped_without_its_path() -> None:
    assert batch_role_mapping("123456789012") == RoleMapping(rolearn=BATCH, username="aws-batch")
    assert batch_role_mapping("123456789012", "aws-us-gov").rolearn.startswith("arn:aws-us-gov:iam::123456789012:role/")


@pytest.mark.parametrize("arn", ["arn:aws:iam::123456789012:role/Nodes", "arn:aws:iam::123456789012:role/a/b/Nodes"])
def test_nodes_are_mapped_without_their_path(arn: str) -> None:
    assert node_role_mapping(arn) == RoleMapping(
        rolearn="arn:aws:iam::123456789012:role/Nodes",
        username="system:node:{{EC2PrivateDNSName}}",
        groups=("system:bootstrappers", "system:nodes"),
    )


@pytest.mark.parametrize("arn", ["Nodes", "arn:aws:iam::123456789012:instance-profile/Nodes", "arn:aws:iam::1:role/N"])
def test_only_roles_are_mapped(arn: str) -> None:
    with pytest.raises(SpecError, match="not the instance profile's"):
        node_role_mapping(arn)


def test_an_account_has_twelve_digits() -> None:
    with pytest.raises(SpecError, match="12 digits"):
        batch_role_mapping("1234")


def test_a_path_is_noticed() -> None:
    path = "aws-service-role/batch.amazonaws.com/"
    assert RoleMapping(rolearn=BATCH.replace("role/", f"role/{path}")).has_path
    assert not RoleMapping(rolearn=BATCH).has_path
