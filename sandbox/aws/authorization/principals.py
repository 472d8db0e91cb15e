"""Who holds which identity-based policies."""

from collections.abc import Iterator
from typing import Any

from moto.iam.models import iam_backends

from sandbox.arn import canonical


def policies_of(arn: str, account: str) -> list[str]:
    """The documents of all policies of a user, with those of its groups, or of a role.

    Args:
        arn: ARN of the user, of the role, or of a session of the role.
        account: Account of the principal.

    Raises:
        LookupError: There is no such principal.
    """
    backend = iam_backends[account]["aws"]
    try:
        wanted = canonical(arn)
    except ValueError as error:
        raise LookupError(str(error)) from None
    for user in backend.users.values():
        if user.arn == wanted:
            groups = backend.get_groups_for_user(user.name)
            return [document for holder in (user, *groups) for document in _documents(holder)]
    for role in backend.roles.values():
        # A session's ARN does not tell the path of its role.
        if wanted in (role.arn, f"arn:aws:iam::{account}:role/{role.name}"):
            return list(_documents(role))
    raise LookupError(f"Entity with arn {arn} does not exist.")


def _documents(holder: Any) -> Iterator[str]:
    yield from holder.policies.values()
    for policy in holder.managed_policies.values():
        yield next(each.document for each in policy.versions if each.version_id == policy.default_version_id)
