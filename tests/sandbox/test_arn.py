import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.arn import canonical

ACCOUNTS = st.from_regex(r"[0-9]{12}", fullmatch=True)
NAMES = st.from_regex(r"[\w+=,.@-]{1,64}", fullmatch=True).filter(str.isascii)
REAL_PATHS = st.lists(st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True), min_size=1, max_size=3).map(
    lambda parts: "/".join(["", *parts, ""])
)
PATHS = st.just("/") | REAL_PATHS
PARTITIONS = st.sampled_from(["aws", "aws-cn", "aws-us-gov"])


@given(PARTITIONS, ACCOUNTS, NAMES, NAMES)
def test_an_assumed_role_becomes_its_role_whatever_the_session(partition, account, role, session):
    arn = f"arn:{partition}:sts::{account}:assumed-role/{role}/{session}"
    assert canonical(arn) == f"arn:{partition}:iam::{account}:role/{role}"


@given(ACCOUNTS, NAMES, PATHS, st.sampled_from(["user", "role"]))
def test_iam_principals_stay_as_they_are(account, name, path, kind):
    arn = f"arn:aws:iam::{account}:{kind}{path}{name}"
    assert canonical(arn) == arn


@given(PARTITIONS, ACCOUNTS, NAMES, NAMES)
def test_what_is_canonical_stays(partition, account, role, session):
    once = canonical(f"arn:{partition}:sts::{account}:assumed-role/{role}/{session}")
    assert canonical(once) == once


@given(ACCOUNTS, NAMES, NAMES, REAL_PATHS)
def test_a_role_written_with_its_path_is_never_what_a_session_becomes(account, role, session, path):
    assumed = canonical(f"arn:aws:sts::{account}:assumed-role/{role}/{session}")
    assert assumed.lower() != f"arn:aws:iam::{account}:role{path}{role}".lower()


@pytest.mark.parametrize(
    ("arn", "reason"),
    [
        ("not-an-arn", "invalid"),
        ("arn:aws:sts::123456789012:assumed-role/only", "does not have a role"),
        ("arn:aws:sts::123456789012:something/x", "unrecognized resource something/x for service sts"),
        ("arn:aws:iam::123456789012:group/x", "unrecognized resource group/x for service iam"),
        ("arn:aws:s3:::bucket", "service s3"),
        ("arn:martian:iam::123456789012:role/x", "recognized partition"),
    ],
)
def test_what_is_no_identity_is_refused(arn, reason):
    with pytest.raises(ValueError, match=reason):
        canonical(arn)


def test_account_root_and_federated_users_stay():
    for arn in ("arn:aws:iam::123456789012:root", "arn:aws:sts::123456789012:federated-user/Bob"):
        assert canonical(arn) == arn
