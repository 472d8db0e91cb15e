"""Aggregated cluster roles, which the controller manager of a real cluster fills in."""

from typing import Any

from sandbox.kubernetes.resources import BY_PATH
from sandbox.kubernetes.selectors import matches_label_selector
from sandbox.kubernetes.store import Store

CLUSTER_ROLES = BY_PATH["rbac.authorization.k8s.io", "v1", "clusterroles"]


def aggregate_roles(store: Store) -> None:
    """Give each cluster role with an `aggregationRule` the rules of the roles it selects."""
    changed = True
    while changed:
        changed = False
        roles = store.items(CLUSTER_ROLES)
        for role in roles:
            if role.get("aggregationRule") and (rules := aggregated_rules(role, roles)) != (role.get("rules") or []):
                store.write(CLUSTER_ROLES, {**role, "metadata": dict(role["metadata"]), "rules": rules})
                changed = True


def aggregated_rules(role: dict[str, Any], roles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules that an aggregated role should have; other aggregated roles count too, itself does not."""
    rules: list[dict[str, Any]] = []
    for selector in role["aggregationRule"].get("clusterRoleSelectors") or []:
        for other in roles:
            labels = other["metadata"].get("labels") or {}
            if other["metadata"]["name"] == role["metadata"]["name"] or not matches_label_selector(selector, labels):
                continue
            rules += [rule for rule in other.get("rules") or [] if rule not in rules]
    return rules
