"""All rules of preflight, and what they find in one picture."""

from specs.preflight import (
    cluster,
    endpoints,
    identity,
    job_identity,
    kubernetes_rights,
    network,
    quotas,
    reachability,
    tools,
)
from specs.preflight.facts import PreflightFacts
from specs.preflight.rule import LEVELS, Finding, Rule

RULES: tuple[Rule, ...] = (
    *reachability.RULES,
    *cluster.RULES,
    *network.RULES,
    *endpoints.RULES,
    *identity.RULES,
    *job_identity.RULES,
    *kubernetes_rights.RULES,
    *quotas.RULES,
    *tools.RULES,
)


def find(facts: PreflightFacts) -> list[Finding]:
    """What every rule finds, the worst first."""
    found = [finding for rule in RULES for finding in rule.findings(facts)]
    return sorted(found, key=lambda finding: LEVELS.index(finding.level))


def passed(facts: PreflightFacts) -> list[Rule]:
    """The rules that were looked at and find nothing."""
    return [rule for rule in RULES if rule.applies(facts) and not rule.findings(facts)]
