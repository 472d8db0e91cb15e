"""Access policies of EKS: what an entry's policies allow beside RBAC.

The contents of Batch's two policies are documented nowhere. They are taken to be the tutorial's ClusterRole and Role,
which they replace (inference from Batch's user guide, eks-access-entries: "the Kubernetes RBAC roles are bypassed").
"""

from collections.abc import Callable
from typing import Any

from sandbox.aws.access_entries import AccessEntry
from sandbox.aws.batch.cluster_access import CLUSTER_RULES, NAMESPACE_RULES
from sandbox.kubernetes.identity import Attributes, Decision, User
from sandbox.kubernetes.policy_rules import Rule, allows

_PREFIX = "arn:aws:eks::aws:cluster-access-policy/"
CLUSTER_POLICY = f"{_PREFIX}AWSBatchClusterPolicy"
NAMESPACE_POLICY = f"{_PREFIX}AWSBatchNamespacePolicy"
ADMIN_POLICY = f"{_PREFIX}AmazonEKSClusterAdminPolicy"


def _rules(rules: tuple[tuple[str, str, tuple[str, ...]], ...]) -> list[Rule]:
    return [{"apiGroups": [group], "resources": [what], "verbs": list(verbs)} for group, what, verbs in rules]


POLICIES: dict[str, list[Rule]] = {
    CLUSTER_POLICY: [*_rules(CLUSTER_RULES), {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]}],
    NAMESPACE_POLICY: _rules(NAMESPACE_RULES),
    # EKS user guide, access-policy-permissions: everything.
    ADMIN_POLICY: [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ],
}
"""The policies that the sandbox plays, by ARN."""


class AccessPolicyAuthorizer:
    """Decides by the policies of a user's access entry, after the Node authorizer and RBAC.

    Whoever is impersonated has no entry: impersonation forces RBAC (EKS user guide, access-policies).

    Args:
        entry_of: Gives the entry in effect for an ARN as the authenticator sees it.
    """

    def __init__(self, entry_of: Callable[[str], AccessEntry | None]) -> None:
        self._entry_of = entry_of

    def authorize(self, user: User, asked: Attributes) -> Decision:
        """Whether a policy allows a request; without an answer otherwise."""
        entry = self._entry_of(user.arn) if user.arn else None
        for arn, association in (entry.policies if entry else {}).items():
            if association.covers(asked.namespace) and any(allows(rule, asked) for rule in POLICIES[arn]):
                return Decision(True, f"EKS Access Policy: allowed by {arn} of {user.arn}")
        return Decision(False)


def describe_policies() -> list[dict[str, Any]]:
    """As ListAccessPolicies gives them."""
    return [{"name": arn.removeprefix(_PREFIX), "arn": arn} for arn in POLICIES]
