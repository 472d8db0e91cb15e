"""The `aws-auth` ConfigMap as aws-iam-authenticator reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self

import yaml


@dataclass(frozen=True)
class MappedIdentity:
    """One entry of `mapRoles` or `mapUsers`."""

    username: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class AwsAuthMap:
    """Who is mapped to what.

    Attributes:
        roles: Entries of `mapRoles` by lower-cased `rolearn`.
        users: Entries of `mapUsers` by lower-cased `userarn`.
        accounts: `mapAccounts`.
    """

    roles: Mapping[str, MappedIdentity] = field(default_factory=dict)
    users: Mapping[str, MappedIdentity] = field(default_factory=dict)
    accounts: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, data: Mapping[str, str]) -> Self:
        """Read the ConfigMap's data, leniently.

        What does not parse is left out and the rest is used ("Only saving data that was good", aws-iam-authenticator
        `pkg/mapper/configmap/configmap.go`): a `mapRoles` that is not YAML maps no role at all. ARNs are lower-cased
        and otherwise taken as written; of several entries for an ARN the last one counts.
        """
        accounts = _document(data.get("mapAccounts", ""))
        return cls(
            roles=_entries(data.get("mapRoles", ""), "rolearn"),
            users=_entries(data.get("mapUsers", ""), "userarn"),
            accounts=frozenset(str(account) for account in accounts),
        )

    def find(self, arn: str) -> MappedIdentity | None:
        """The entry for a canonical ARN, roles before users."""
        return self.roles.get(arn.lower()) or self.users.get(arn.lower())


@lru_cache(maxsize=16)  # asked for with every request, and hardly ever another
def _document(text: str) -> Sequence[Any]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        return ()
    return document if isinstance(document, list) else ()


def _entries(text: str, arn_key: str) -> dict[str, MappedIdentity]:
    entries = {}
    for item in _document(text):
        if not isinstance(item, dict):
            continue
        # Go's encoding/json matches keys without regard to case: roleARN, rolearn and RoleArn are the same.
        fields = {str(key).lower(): value for key, value in item.items()}
        arn, username, groups = fields.get(arn_key), fields.get("username"), fields.get("groups")
        if isinstance(arn, str):
            entries[arn.lower()] = MappedIdentity(
                username if isinstance(username, str) else "",
                tuple(group for group in groups if isinstance(group, str)) if isinstance(groups, list) else (),
            )
    return entries
