"""Says that a pull-through cache rule stays, or deletes one that the run itself has made."""

from collections.abc import Mapping
from typing import Any

from blocks.eks_cluster import EksCluster
from specs.pull_through_cache_rule import PullThroughCacheRuleSpec
from tasks.console import pull_through_cache_url
from tasks.pull_through_cache_rule import PullThroughCacheRule
from tasks.removal import Removable


class PullThroughCacheRuleRemoval(Removable):
    """A pull-through cache rule. It takes no tags, so that only the run that made it can know that it is ours.

    Args:
        cluster: Gives the account and region.
        spec: The rule.
        made_now: Whether this run has made it.
    """

    step = "pull-through cache rule"

    def __init__(self, cluster: EksCluster, spec: PullThroughCacheRuleSpec, *, made_now: bool) -> None:
        self._rule = PullThroughCacheRule(cluster, spec, adopt=False)
        super().__init__(self._rule.name)
        self._cluster = cluster
        self._made_now = made_now

    def observe(self) -> dict[str, Any] | None:
        """What DescribePullThroughCacheRules answers."""
        return self._rule.observe()

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether the run that asks has made it."""
        return self._made_now

    def advance(self, observed: Mapping[str, Any]) -> None:
        """Delete it; images that it has cached stay."""
        self._cluster.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix=self.name)

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Where images below it come from; a rule has no ARN."""
        return self._rule.identifier(observed)

    def console_url(self) -> str:
        """The page of all rules in the ECR console."""
        return pull_through_cache_url(self._cluster)
