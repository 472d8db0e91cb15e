"""Pull-through cache rules in ECR's API; the registry's cache works by them."""

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.secretsmanager.exceptions import SecretsManagerClientError
from moto.secretsmanager.models import secretsmanager_backends

from sandbox.aws.ecr.pages import page
from sandbox.aws.errors import AwsError
from sandbox.aws.operations import Caller
from sandbox.registries.pull_through import Rule
from sandbox.registries.registry import PrivateRegistry

Parameters = Mapping[str, Any]
Answer = dict[str, Any]
PREFIX = re.compile(r"([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*/?|ROOT)")
SECRET = re.compile(r"arn:aws(-\w+)*:secretsmanager:[a-zA-Z0-9-:]+:secret:ecr-pullthroughcache/[a-zA-Z0-9/_+=.@-]+")
# ECR quota "Pull through cache rules per registry".
MOST_RULES = 50
# botocore, upstreamRegistryUrl; for Chainguard its own guide to ECR.
UPSTREAMS = {
    "ecr-public": r"public\.ecr\.aws",
    "k8s": r"registry\.k8s\.io",
    "quay": r"quay\.io",
    "docker-hub": r"registry-1\.docker\.io",
    "github-container-registry": r"ghcr\.io",
    "gitlab-container-registry": r"registry\.gitlab\.com",
    "azure-container-registry": r"[a-zA-Z0-9]+\.azurecr\.io",
    "chainguard": r"cgr\.dev",
    "ecr": r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?",
}
ANONYMOUS = ("ecr-public", "k8s", "quay", "ecr")


class PullThroughCacheRules:
    """The registry's rules (botocore PullThroughCacheRule).

    botocore names the exceptions; their messages are not documented and are this double's own.
    """

    def __init__(self, private: PrivateRegistry) -> None:
        self._private = private
        self._rules: dict[str, Answer] = {}

    def clear(self) -> None:
        """Drop all rules."""
        self._rules.clear()

    def create(self, parameters: Parameters, caller: Caller) -> Answer:
        """CreatePullThroughCacheRule."""
        prefix, host = _prefix(parameters), parameters["upstreamRegistryUrl"]
        kind = next((kind for kind, pattern in UPSTREAMS.items() if re.fullmatch(pattern, host)), None)
        if kind is None or parameters.get("upstreamRegistry", kind) != kind:
            raise AwsError("UnsupportedUpstreamRegistryException", f"The upstream registry '{host}' isn't supported")
        self._check_credentials(parameters, kind, caller)
        upstream_prefix = (
            _prefix(parameters, "upstreamRepositoryPrefix") if "upstreamRepositoryPrefix" in parameters else "ROOT"
        )
        if prefix == "ROOT" != upstream_prefix:
            raise _invalid("upstreamRepositoryPrefix", "it needs an ecrRepositoryPrefix other than ROOT")
        if prefix in self._rules:
            raise AwsError(
                "PullThroughCacheRuleAlreadyExistsException",
                f"The pull through cache rule with ecrRepositoryPrefix '{prefix}' already exists in the registry with "
                f"id '{self._private.account_id}'",
            )
        if len(self._rules) >= MOST_RULES:
            raise AwsError("LimitExceededException", f"The registry has {MOST_RULES} pull through cache rules already")
        kept = {key: parameters[key] for key in ("credentialArn", "customRoleArn") if parameters.get(key)}
        now = self._private.repositories.clock()
        self._rules[prefix] = {
            "ecrRepositoryPrefix": prefix,
            "upstreamRegistryUrl": host,
            "upstreamRegistry": kind,
            "upstreamRepositoryPrefix": upstream_prefix,
            "registryId": self._private.account_id,
            "createdAt": now,
            "updatedAt": now,
            **kept,
        }
        self._apply(prefix, caller)
        return _without(self._rules[prefix], "updatedAt")

    def describe(self, parameters: Parameters, _: Caller) -> Answer:
        """DescribePullThroughCacheRules: some rules, or all of them."""
        prefixes = parameters.get("ecrRepositoryPrefixes")
        found = list(self._rules.values()) if prefixes is None else [self._rule(prefix) for prefix in prefixes]
        return page("pullThroughCacheRules", found, parameters)

    def update(self, parameters: Parameters, caller: Caller) -> Answer:
        """UpdatePullThroughCacheRule: other credentials."""
        rule = self._rule(_prefix(parameters))
        changed = {key: parameters[key] for key in ("credentialArn", "customRoleArn") if parameters.get(key)}
        self._check_credentials({**rule, **changed}, rule["upstreamRegistry"], caller)
        rule.update(changed, updatedAt=self._private.repositories.clock())
        self._apply(rule["ecrRepositoryPrefix"], caller)
        return _without(rule, "upstreamRegistryUrl", "upstreamRegistry", "createdAt")

    def delete(self, parameters: Parameters, _: Caller) -> Answer:
        """DeletePullThroughCacheRule: what is cached stays."""
        rule = self._rule(_prefix(parameters))
        with self._private.repositories.lock:
            del self._rules[rule["ecrRepositoryPrefix"]]
            del self._private.pull_through.rules[rule["ecrRepositoryPrefix"]]
        return _without(rule, "updatedAt", "upstreamRegistry")

    def validate(self, parameters: Parameters, _: Caller) -> Answer:
        """ValidatePullThroughCacheRule: sign in to the upstream."""
        rule = self._rule(_prefix(parameters))
        pull_through = self._private.pull_through
        failure = pull_through.validate(pull_through.rules[rule["ecrRepositoryPrefix"]])
        answer = _without(rule, "createdAt", "updatedAt", "upstreamRegistry")
        return {**answer, "isValid": not failure, **({"failure": failure} if failure else {})}

    def _apply(self, prefix: str, caller: Caller) -> None:
        """Let the cache work by a rule; its secret is read anew at each pull."""
        rule = self._rules[prefix]
        with self._private.repositories.lock:
            self._private.pull_through.rules[prefix] = Rule(
                prefix,
                rule["upstreamRegistryUrl"],
                rule["upstreamRepositoryPrefix"],
                lambda: _login(rule.get("credentialArn", ""), caller),
            )

    def _rule(self, prefix: str) -> Answer:
        prefix = prefix.rstrip("/")
        if prefix not in self._rules:
            raise AwsError(
                "PullThroughCacheRuleNotFoundException",
                f"The pull through cache rule with ecrRepositoryPrefix '{prefix}' does not exist in the registry with "
                f"id '{self._private.account_id}'",
            )
        return self._rules[prefix]

    def _check_credentials(self, parameters: Parameters, kind: str, caller: Caller) -> None:
        """Credentials where the upstream wants them and nowhere else, in a secret that exists."""
        arn = parameters.get("credentialArn")
        if (kind in ANONYMOUS) == bool(arn):
            raise _invalid("credentialArn", f"{kind} {'takes no' if arn else 'needs a'} secret")
        if parameters.get("customRoleArn") and kind != "ecr":
            raise _invalid("customRoleArn", f"{kind} takes no role")
        if not arn:
            return
        if not SECRET.fullmatch(arn):
            raise _invalid("credentialArn", f"it must match {SECRET.pattern}")
        if _secret(arn, caller) is None:
            raise AwsError("SecretNotFoundException", f"The ARN of the secret '{arn}' was not found")


def _login(arn: str, caller: Caller) -> tuple[str, str] | None:
    """User and access token out of a secret; none where it does not hold them (pull-through-cache-creating-secret)."""
    try:
        document = json.loads(_secret(arn, caller) or "")
        return document["username"], document["accessToken"]
    except (ValueError, KeyError, TypeError):
        return None


def _secret(arn: str, caller: Caller) -> str | None:
    if not arn:
        return None
    backend = secretsmanager_backends[caller.account][caller.region]
    try:
        return str(backend.get_secret_value(arn, "", "AWSCURRENT").get("SecretString", ""))
    except SecretsManagerClientError:
        return None


def _prefix(parameters: Parameters, member: str = "ecrRepositoryPrefix") -> str:
    prefix = str(parameters.get(member, ""))
    if not 2 <= len(prefix) <= 30 or not PREFIX.fullmatch(prefix):
        raise _invalid(member, f"it must have 2 to 30 characters and match {PREFIX.pattern}")
    return prefix.rstrip("/")


def _invalid(member: str, why: str) -> AwsError:
    return AwsError(
        "InvalidParameterException", f"Invalid parameter at '{member}' failed to satisfy constraint: '{why}'"
    )


def _without(rule: Answer, *members: str) -> Answer:
    """An answer's members: each of them has its own choice (botocore)."""
    return {key: value for key, value in rule.items() if key not in members}
