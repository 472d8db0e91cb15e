"""Every rule of pull-through cache rules that needs no AWS."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from specs.platform import PlatformSpec
from specs.pull_through_cache_rule import UPSTREAMS, PullThroughCacheRuleSpec, kind_of
from specs.shape import ecr_shapes

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf"
ROLE = "arn:aws:iam::123456789012:role/ecr-pull-through"
EXAMPLE = {"ecrRepositoryPrefix": "docker-hub", "upstreamRegistryUrl": "registry-1.docker.io", "credentialArn": SECRET}
HOSTS = {
    "ecr-public": "public.ecr.aws",
    "k8s": "registry.k8s.io",
    "quay": "quay.io",
    "docker-hub": "registry-1.docker.io",
    "github-container-registry": "ghcr.io",
    "gitlab-container-registry": "registry.gitlab.com",
    "azure-container-registry": "myteam.azurecr.io",
    "chainguard": "cgr.dev",
    "ecr": "210987654321.dkr.ecr.eu-west-1.amazonaws.com",
}


def rule(host: str, prefix: str = "cache", **more: str) -> PullThroughCacheRuleSpec:
    credentials = {"credentialArn": SECRET} if UPSTREAMS[kind_of(host) or ""].secret else {}
    document = {"ecrRepositoryPrefix": prefix, "upstreamRegistryUrl": host, **credentials, **more}
    return PullThroughCacheRuleSpec.from_document(document)


def test_every_upstream_that_botocore_knows_has_its_rules() -> None:
    assert set(UPSTREAMS) == set(HOSTS) == set(ecr_shapes()["UpstreamRegistry"]["enum"])
    assert {kind: kind_of(host) for kind, host in HOSTS.items()} == {kind: kind for kind in HOSTS}


@pytest.mark.parametrize("kind", HOSTS)
def test_round_trip(kind: str) -> None:
    spec = rule(HOSTS[kind], upstreamRegistry=kind)
    assert PullThroughCacheRuleSpec.from_document(spec.to_document()) == spec
    assert spec.warnings == []


@pytest.mark.parametrize(
    ("path", "value", "where", "words"),
    [
        ("ecrRepositoryPrefix", "x", "ecrRepositoryPrefix", "between 2 and 30"),
        ("ecrRepositoryPrefix", "a" * 31, "ecrRepositoryPrefix", "between 2 and 30"),
        ("ecrRepositoryPrefix", "Docker", "ecrRepositoryPrefix", "must match"),
        ("ecrRepositoryPrefix", "a//b", "ecrRepositoryPrefix", "must match"),
        ("upstreamRegistryUrl", "mcr.microsoft.com", "upstreamRegistryUrl", "a registry that ECR can pull through"),
        ("upstreamRegistryUrl", "https://quay.io", "upstreamRegistryUrl", "without a scheme"),
        ("upstreamRegistryUrl", "docker.io", "upstreamRegistryUrl", "a registry that ECR can pull through"),
        ("upstreamRegistryUrl", 7, "upstreamRegistryUrl", "must be a string"),
        ("upstreamRegistry", "dockerhub", "upstreamRegistry", "Did you mean docker-hub?"),
        ("upstreamRegistry", "quay", "upstreamRegistry", "registry-1.docker.io is docker-hub"),
        ("credentialArn", SECRET.replace("ecr-pull", "pull"), "credentialArn", "must match"),
        ("customRoleArn", ROLE, "customRoleArn", "another account's ECR registry only"),
        ("upstreamRegistryUrl", "public.ecr.aws", "credentialArn", "takes no credentials"),
        ("upstreamRepositoryPrefix", "UPPER", "upstreamRepositoryPrefix", "must match"),
        ("prefix", "x", "prefix", "no such field"),
    ],
)
def test_rule(path: str, value: Any, where: str, words: str, edit: Any, faults: Any) -> None:
    found = faults(PullThroughCacheRuleSpec, edit(EXAMPLE, path, value))
    assert where in [fault.path for fault in found]
    assert any(words in str(fault) for fault in found)


@pytest.mark.parametrize("kind", [kind for kind, upstream in UPSTREAMS.items() if upstream.secret])
def test_an_upstream_that_wants_credentials_needs_a_secret(kind: str, faults: Any) -> None:
    (fault,) = faults(PullThroughCacheRuleSpec, {"ecrRepositoryPrefix": "cache", "upstreamRegistryUrl": HOSTS[kind]})
    assert (fault.path, "ecr-pullthroughcache/" in fault.fix) == ("credentialArn", True)


def test_all_faults_are_shown_at_once(edit: Any, faults: Any) -> None:
    document = edit(edit(EXAMPLE, "customRoleArn", ROLE), "credentialArn")
    assert {fault.path for fault in faults(PullThroughCacheRuleSpec, document)} == {"customRoleArn", "credentialArn"}


def test_an_upstream_prefix_needs_a_prefix_of_ones_own(faults: Any) -> None:
    document = {
        "ecrRepositoryPrefix": "ROOT",
        "upstreamRegistryUrl": HOSTS["ecr"],
        "upstreamRepositoryPrefix": "production",
        "customRoleArn": ROLE,
    }
    (fault,) = faults(PullThroughCacheRuleSpec, document)
    assert fault.path == "upstreamRepositoryPrefix"


@pytest.mark.parametrize(
    ("spec", "source", "repository"),
    [
        (PullThroughCacheRuleSpec(), "public.ecr.aws/amazonlinux/amazonlinux:2", "my-prefix/amazonlinux/amazonlinux"),
        (rule("public.ecr.aws", "with-slash/"), "public.ecr.aws/a/b", "with-slash/a/b"),
        (rule("public.ecr.aws", "ROOT"), "public.ecr.aws/a/b:1", "a/b"),
        (rule("registry-1.docker.io"), "busybox", "cache/library/busybox"),
        (rule("registry-1.docker.io"), "busybox:1@sha256:" + "0" * 64, "cache/library/busybox"),
        (rule("registry-1.docker.io"), "docker.io/library/busybox:1", "cache/library/busybox"),
        (rule("registry-1.docker.io"), "index.docker.io/bitnami/redis", "cache/bitnami/redis"),
        (rule("quay.io"), "busybox", None),
        (rule("quay.io"), "quay.io:443/a/b", None),
        (rule(HOSTS["ecr"], "prod", upstreamRepositoryPrefix="live"), HOSTS["ecr"] + "/live/app:1", "prod/app"),
        (rule(HOSTS["ecr"], "prod", upstreamRepositoryPrefix="live"), HOSTS["ecr"] + "/test/app:1", None),
        (rule("quay.io", "long"), "quay.io/" + "a" * 252, None),
    ],
)
def test_where_an_image_appears(spec: PullThroughCacheRuleSpec, source: str, repository: str | None) -> None:
    assert spec.private_repository(source) == repository


@pytest.mark.parametrize(
    ("prefix", "repository", "fills"),
    [
        ("cache", "cache/a", True),
        ("cache/", "cache/a", True),
        ("cache", "cached/a", False),
        ("cache", "cache", False),
        ("ROOT", "a", True),
    ],
)
def test_which_private_repositories_a_rule_fills(prefix: str, repository: str, fills: bool) -> None:
    assert rule("quay.io", prefix).fills(repository) is fills


component = st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]{1,8})?", fullmatch=True)


@given(
    kind=st.sampled_from(sorted(HOSTS)),
    prefix=st.from_regex(r"[a-z0-9]{2,10}(/[a-z0-9]{1,9})?/?", fullmatch=True),
    path=st.lists(component, min_size=2, max_size=4).map("/".join),
    tag=st.sampled_from(["", ":latest", ":1.2-x", "@sha256:" + "a" * 64]),
)
def test_every_image_of_the_upstream_and_no_other_is_covered(kind: str, prefix: str, path: str, tag: str) -> None:
    for other, host in HOSTS.items():
        found = rule(HOSTS[kind], prefix).private_repository(f"{host}/{path}{tag}")
        assert found == (f"{prefix.rstrip('/')}/{path}" if other == kind else None)
        assert found is None or rule(HOSTS[kind], prefix).fills(found)


def test_a_platform_has_the_rule_of_the_tutorials_image_and_no_prefix_twice() -> None:
    environment = {"computeResources": {"instanceRole": "EksBatchInstanceProfile"}}
    (default,) = PlatformSpec.model_validate({"computeEnvironment": environment}).pull_through_cache_rules
    assert (default.ecr_repository_prefix, default.upstream_registry_url) == ("my-prefix", "public.ecr.aws")
    rules = [{"ecrRepositoryPrefix": "a1/"}, {"ecrRepositoryPrefix": "a1", "upstreamRegistryUrl": "quay.io"}]
    with pytest.raises(ValidationError, match="two pull-through cache rules have the prefix a1"):
        PlatformSpec.model_validate({"computeEnvironment": environment, "pullThroughCacheRules": rules})
