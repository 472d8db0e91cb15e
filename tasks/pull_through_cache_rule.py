"""Step 8, the other way: the rule by which ECR itself fetches public images into the private registry."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from blocks.aws_errors import error_code, error_text
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.pull_through_cache_rule import PullThroughCacheRuleSpec
from tasks.console import pull_through_cache_url
from tasks.outcome import Action, Change, Outcome
from tasks.reconcile import Resource, reconcile
from tasks.step import step

# What UpdatePullThroughCacheRule takes (botocore); everything else of a rule is fixed.
_UPDATABLE = frozenset({"credentialArn", "customRoleArn"})


class PullThroughCacheRule(Resource):
    """A pull-through cache rule. It has no ARN and takes no tags, so nothing shows who made it."""

    step = "pull-through cache rule"

    def __init__(self, cluster: EksCluster, spec: PullThroughCacheRuleSpec, *, adopt: bool) -> None:
        # "There is always an assumed / applied to the end of the prefix" (botocore, ecrRepositoryPrefix).
        super().__init__(spec.ecr_repository_prefix.rstrip("/"))
        self._cluster = cluster
        self._document = {**spec.to_document(), "ecrRepositoryPrefix": self.name}
        self._adopt = adopt

    def observe(self) -> dict[str, Any] | None:
        """What DescribePullThroughCacheRules answers."""
        try:
            found = self._cluster.ecr.describe_pull_through_cache_rules(ecrRepositoryPrefixes=[self.name])
        except ClientError as error:
            if error_code(error) == "PullThroughCacheRuleNotFoundException":
                return None
            raise
        return next((dict(rule) for rule in found["pullThroughCacheRules"]), None)

    def wanted(self, *, marked: bool) -> dict[str, Any]:
        """The CreatePullThroughCacheRule document; there is nothing to carry a mark."""
        del marked
        return dict(self._document)

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Left open: `_check` refuses by what differs, since no rule carries a mark."""
        return True

    def create(self) -> None:
        """Create it."""
        try:
            self._cluster.ecr.create_pull_through_cache_rule(**self._document)
        except ClientError as error:
            if error_code(error) == "PullThroughCacheRuleAlreadyExistsException":
                raise self._exists(error) from error
            if error_code(error) in _SECRET_CAUSES:
                raise self._secret(error) from error
            raise

    def rehearse(self, observed: Mapping[str, Any] | None, changes: list[Change]) -> Action:
        """Refuse in a plan what `update` would refuse."""
        if observed is not None:
            self._check(changes)
        return super().rehearse(observed, changes)

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Give it other credentials, the one thing that can be changed.

        Raises:
            OperationError: If anything else differs, or the rule was not handed over.
        """
        self._check(changes)
        credentials = {key: value for key, value in self._document.items() if key in _UPDATABLE}
        try:
            self._cluster.ecr.update_pull_through_cache_rule(ecrRepositoryPrefix=self.name, **credentials)
        except ClientError as error:
            if error_code(error) in _SECRET_CAUSES:
                raise self._secret(error) from error
            raise
        return "updated"

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Where images below it come from; a rule has no ARN."""
        return f"{observed['ecrRepositoryPrefix']} <- {observed['upstreamRegistryUrl']}"

    def console_url(self) -> str:
        """The page of all rules in the ECR console."""
        return pull_through_cache_url(self._cluster)

    def _check(self, changes: list[Change]) -> None:
        shown = "; ".join(map(str, changes))
        if any(change.field not in _UPDATABLE for change in changes):
            raise OperationError(
                f"{self.step} {self.name}",
                f"it exists and fetches from elsewhere: {shown}",
                "ECR fixes a rule's upstream at creation, and images below the prefix may come from the other one",
                "give the new rule another prefix, or delete the old rule if nobody uses it (cached images stay)",
            )
        if not self._adopt:
            raise OperationError(
                f"{self.step} {self.name}",
                f"it exists with other credentials: {shown}",
                "ECR's rules take no tags, so nothing shows that these flows made it; others may rely on its secret",
                "bring it in line by hand, or run again with `adopt` to have its credentials changed",
            )

    def _exists(self, error: ClientError) -> OperationError:
        return OperationError(
            f"{self.step} {self.name}",
            error_text(error),
            "somebody else made it at the same moment, or has one for the same upstream and prefix",
            "wait: the step reads it anew",
            can_heal=True,
        )

    def _secret(self, error: ClientError) -> OperationError:
        return OperationError(
            f"{self.step} {self.name}",
            error_text(error),
            _SECRET_CAUSES[error_code(error)],
            "store JSON with `username` and `accessToken` in a secret of this account and region whose name starts "
            "with ecr-pullthroughcache/, and give its ARN as credentialArn",
        )


# https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html
_SECRET_CAUSES = {
    "SecretNotFoundException": "credentialArn names no secret of this account and region",
    "UnableToAccessSecretException": "the caller, or ECR's service-linked role, may not read it",
    "UnableToDecryptSecretValueException": "its KMS key may not be used; ECR needs the default key aws/secretsmanager",
}


@step("pull-through cache rule {spec.ecr_repository_prefix}")
def ensure_pull_through_cache_rule(
    cluster: EksCluster, spec: PullThroughCacheRuleSpec, *, plan: bool = False, adopt: bool = False
) -> Outcome:
    """Create the rule, or give it other credentials. Network: VPC or internet.

    Args:
        cluster: Gives the account and region.
        spec: The rule.
        plan: Report only.
        adopt: Change the credentials of a rule that exists.

    Raises:
        OperationError: If AWS refuses, or a rule of this prefix fetches from elsewhere.
    """
    return reconcile(PullThroughCacheRule(cluster, spec, adopt=adopt), plan=plan, adopt=adopt)
