"""Access entries of EKS clusters: what the API shows, and what is in effect a moment later."""

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import uuid4

from sandbox.arn import canonical
from sandbox.aws.settings import Settings

_NODE_USER = "system:node:{{EC2PrivateDNSName}}"
_NODE_GROUPS = ("system:nodes",)


@dataclass(frozen=True)
class Association:
    """An access policy of an entry.

    Attributes:
        scope: `cluster` or `namespace`.
        namespaces: Names or prefixes that end with `*`; empty for the scope `cluster`.
        associated: Seconds since the epoch.
        modified: Seconds since the epoch.
    """

    scope: str
    namespaces: tuple[str, ...]
    associated: float
    modified: float

    def covers(self, namespace: str) -> bool:
        """Whether it is about a namespace; the empty one is the cluster's scope."""
        if self.scope == "cluster":
            return True
        return any(
            namespace.startswith(name[:-1]) if name.endswith("*") else namespace == name for name in self.namespaces
        )


@dataclass(frozen=True)
class AccessEntry:
    """An IAM principal that a cluster knows.

    Attributes:
        principal_arn: As it was given, path included.
        principal_id: Unique id of the principal at the time. A principal that is made anew under the same ARN is
            another one (EKS user guide, creating-access-entries).
        policies: Associated access policies by ARN.
    """

    principal_arn: str
    principal_id: str
    arn: str
    kind: str
    username: str
    groups: tuple[str, ...]
    tags: Mapping[str, str]
    created: float
    modified: float
    policies: Mapping[str, Association] = field(default_factory=dict)


def default_username(principal_arn: str, kind: str) -> str:
    """The user name that EKS sets where none is given (EKS user guide, creating-access-entries)."""
    if kind != "STANDARD":
        return _NODE_USER
    role = without_path(principal_arn)
    if ":role/" not in role:
        return principal_arn
    return role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/{{SessionName}}"


def default_groups(kind: str) -> tuple[str, ...]:
    """The groups of nodes; EKS sets them by the entry's type."""
    return () if kind == "STANDARD" else _NODE_GROUPS


def without_path(principal_arn: str) -> str:
    """The ARN that the authenticator sees of a principal: an assumed role's session does not tell the role's path."""
    head, separator, name = principal_arn.partition(":role/")
    return f"{head}:role/{name.rpartition('/')[2]}" if separator else principal_arn


Entries = Mapping[str, AccessEntry]
"""Entries by principal ARN."""


class AccessEntries:
    """The entries of all clusters. Changes are seen at once and are in effect after `access_entry_delay`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._seen: dict[str, Entries] = {}
        self._effective: dict[str, Entries] = {}
        self._pending: dict[str, deque[tuple[float, Entries]]] = {}

    def reset(self) -> None:
        """Forget all clusters."""
        with self._lock:
            for known in (self._seen, self._effective, self._pending):
                known.clear()

    def forget(self, cluster: str) -> None:
        """Forget a cluster: one that is made anew under the same name has no entries."""
        with self._lock:
            self._seen[cluster], self._effective[cluster] = {}, {}
            self._pending[cluster] = deque()

    def all(self, cluster: str) -> Entries:
        """The entries as the API shows them."""
        with self._lock:
            return self._seen.get(cluster, {})

    def get(self, cluster: str, principal_arn: str) -> AccessEntry | None:
        """The entry of a principal as the API shows it."""
        return self.all(cluster).get(principal_arn)

    def put(self, cluster: str, entry: AccessEntry) -> None:
        """Add an entry, or replace that of the same principal."""
        with self._lock:
            self._change(cluster, {**self.all(cluster), entry.principal_arn: entry})

    def remove(self, cluster: str, principal_arn: str) -> None:
        """Take an entry away."""
        with self._lock:
            self._change(cluster, {arn: entry for arn, entry in self.all(cluster).items() if arn != principal_arn})

    def associate(
        self, cluster: str, principal_arn: str, policy_arn: str, scope: str, namespaces: tuple[str, ...]
    ) -> None:
        """Associate a policy; one that is associated already gets the new scope instead of its own.

        "If you later want to change the scope of an associated access policy, run the previous command again with the
        new scope" (EKS user guide, access-policies).
        """
        with self._lock:
            entry, now = self.all(cluster)[principal_arn], time.time()
            before = entry.policies.get(policy_arn)
            association = Association(scope, namespaces, before.associated if before else now, now)
            self.put(cluster, replace(entry, policies={**entry.policies, policy_arn: association}))

    def disassociate(self, cluster: str, principal_arn: str, policy_arn: str) -> None:
        """Take a policy from an entry."""
        with self._lock:
            entry = self.all(cluster)[principal_arn]
            policies = {arn: association for arn, association in entry.policies.items() if arn != policy_arn}
            self.put(cluster, replace(entry, policies=policies))

    def effective(self, cluster: str, arn: str) -> AccessEntry | None:
        """The entry in effect for an ARN as the authenticator sees it."""
        with self._lock:
            pending = self._pending.get(cluster, deque())
            while pending and pending[0][0] <= time.monotonic():
                self._effective[cluster] = pending.popleft()[1]
            entries = self._effective.get(cluster, {}).values()
            return next((entry for entry in entries if without_path(entry.principal_arn).lower() == arn.lower()), None)

    def seconds_until_effective(self, cluster: str) -> float:
        """How long until all that the API shows is in effect."""
        with self._lock:
            pending = self._pending.get(cluster)
            return max(0.0, pending[-1][0] - time.monotonic()) if pending else 0.0

    def _change(self, cluster: str, entries: Entries) -> None:
        self._seen[cluster] = entries
        due = time.monotonic() + self._settings.access_entry_delay
        self._pending.setdefault(cluster, deque()).append((due, entries))


def new_entry(
    cluster_arn: str,
    principal_arn: str,
    principal_id: str,
    kind: str = "STANDARD",
    username: str = "",
    groups: tuple[str, ...] = (),
    tags: Mapping[str, str] | None = None,
) -> AccessEntry:
    """An entry with what EKS fills in."""
    now = time.time()
    _, _, _, region, account, cluster = cluster_arn.split(":")
    what, _, name = canonical(without_path(principal_arn)).split(":")[-1].partition("/")
    name = f"{cluster.partition('/')[2]}/{what}/{principal_arn.split(':')[4]}/{name}/{uuid4()}"
    return AccessEntry(
        principal_arn=principal_arn,
        principal_id=principal_id,
        arn=f"arn:aws:eks:{region}:{account}:access-entry/{name}",
        kind=kind,
        username=username or default_username(principal_arn, kind),
        groups=groups or default_groups(kind),
        tags=dict(tags or {}),
        created=now,
        modified=now,
    )
