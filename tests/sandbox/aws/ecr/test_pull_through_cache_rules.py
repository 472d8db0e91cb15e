"""Pull-through cache rules in ECR's API, and the cache that works by them."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from sandbox.aws.server import AwsServer
from sandbox.registries.registry import PrivateRegistry, UpstreamRegistry

from .conftest import ACCOUNT, refused

RULE = {"ecrRepositoryPrefix": "cache", "upstreamRegistryUrl": "public.ecr.aws"}
HUB = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io"}
NO_SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ecr-pullthroughcache/none-AbCdEf"


@pytest.fixture
def upstream(private: PrivateRegistry, tmp_path: Path) -> Iterator[UpstreamRegistry]:
    """A registry that wants a login, at both upstreams' names."""
    registry = UpstreamRegistry(tmp_path, login=("me", "token"))
    registry.start()
    private.pull_through.endpoints = {"registry-1.docker.io": f"http://{registry.address}"}
    yield registry
    private.pull_through.endpoints = {}
    registry.stop()


@pytest.fixture
def secrets(aws: AwsServer) -> Any:
    return boto3.client(
        "secretsmanager",
        endpoint_url=aws.url,
        region_name="us-east-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="x",
    )


@pytest.fixture
def secret(secrets: Any) -> Iterator[str]:
    """ARN of a secret with the upstream's login."""
    login = json.dumps({"username": "me", "accessToken": "token"})
    arn = secrets.create_secret(Name="ecr-pullthroughcache/hub", SecretString=login)["ARN"]
    yield arn
    secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def test_a_rule_is_made_shown_and_deleted(api: Any) -> None:
    made = api.create_pull_through_cache_rule(**RULE | {"ecrRepositoryPrefix": "cache/"})
    assert (made["ecrRepositoryPrefix"], made["upstreamRegistry"]) == ("cache", "ecr-public")
    assert (made["registryId"], made["upstreamRepositoryPrefix"]) == (ACCOUNT, "ROOT")
    (shown,) = api.describe_pull_through_cache_rules(ecrRepositoryPrefixes=["cache"])["pullThroughCacheRules"]
    assert RULE.items() <= shown.items()
    assert api.describe_pull_through_cache_rules()["pullThroughCacheRules"] == [shown]
    assert api.delete_pull_through_cache_rule(ecrRepositoryPrefix="cache")["ecrRepositoryPrefix"] == "cache"
    assert api.describe_pull_through_cache_rules()["pullThroughCacheRules"] == []


def test_what_is_refused(api: Any) -> None:
    def code(**changes: Any) -> str:
        return refused(api.create_pull_through_cache_rule, **{**RULE, **changes})[0]

    assert code(upstreamRegistryUrl="mcr.microsoft.com") == "UnsupportedUpstreamRegistryException"
    assert code(upstreamRegistry="quay") == "UnsupportedUpstreamRegistryException"
    assert code(ecrRepositoryPrefix="Cache") == "InvalidParameterException"
    assert code(credentialArn=NO_SECRET) == "InvalidParameterException"
    assert code(customRoleArn="arn:aws:iam::123456789012:role/x") == "InvalidParameterException"
    assert code(ecrRepositoryPrefix="ROOT", upstreamRepositoryPrefix="live") == "InvalidParameterException"
    assert code(**HUB) == "InvalidParameterException"
    assert code(**HUB, credentialArn=NO_SECRET) == "SecretNotFoundException"
    assert code(**HUB, credentialArn=NO_SECRET.replace("ecr-", "")) == "InvalidParameterException"
    api.create_pull_through_cache_rule(**RULE)
    assert code() == "PullThroughCacheRuleAlreadyExistsException"
    for call in ("update", "delete", "validate"):
        operation = getattr(api, f"{call}_pull_through_cache_rule")
        assert refused(operation, ecrRepositoryPrefix="none")[0] == "PullThroughCacheRuleNotFoundException"
    describe = api.describe_pull_through_cache_rules
    assert refused(describe, ecrRepositoryPrefixes=["none"])[0] == "PullThroughCacheRuleNotFoundException"


def test_a_registry_has_at_most_fifty_rules(api: Any) -> None:
    for number in range(50):
        api.create_pull_through_cache_rule(**RULE | {"ecrRepositoryPrefix": f"cache-{number}"})
    assert refused(api.create_pull_through_cache_rule, **RULE)[0] == "LimitExceededException"
    first = api.describe_pull_through_cache_rules(maxResults=30)
    rest = api.describe_pull_through_cache_rules(nextToken=first["nextToken"])
    assert len(first["pullThroughCacheRules"]) + len(rest["pullThroughCacheRules"]) == 50


def test_a_rule_is_validated_by_signing_in_and_can_get_another_secret(
    api: Any, secrets: Any, secret: str, upstream: UpstreamRegistry
) -> None:
    wrong = secrets.create_secret(Name="ecr-pullthroughcache/wrong", SecretString='{"username": "me"}')["ARN"]
    api.create_pull_through_cache_rule(**HUB, credentialArn=wrong)
    answer = api.validate_pull_through_cache_rule(ecrRepositoryPrefix="hub")
    assert (answer["isValid"], "authentication" in answer["failure"]) == (False, True)
    changed = api.update_pull_through_cache_rule(ecrRepositoryPrefix="hub", credentialArn=secret)
    assert changed["credentialArn"] == secret
    answer = api.validate_pull_through_cache_rule(ecrRepositoryPrefix="hub")
    assert (answer["isValid"], answer.get("failure")) == (True, None)
    code, _ = refused(api.update_pull_through_cache_rule, ecrRepositoryPrefix="hub", credentialArn=NO_SECRET)
    assert code == "SecretNotFoundException"
    secrets.delete_secret(SecretId=wrong, ForceDeleteWithoutRecovery=True)


def test_what_a_pull_caches_is_described_once_it_is_imported(
    api: Any, http: httpx.Client, secret: str, upstream: UpstreamRegistry
) -> None:
    api.create_repository_creation_template(
        prefix="hub", appliedFor=["PULL_THROUGH_CACHE"], imageTagMutability="IMMUTABLE"
    )
    api.create_pull_through_cache_rule(**HUB, credentialArn=secret)
    name = "hub/amazonlinux/amazonlinux"
    pulled = http.get(f"/v2/{name}/manifests/2")
    assert refused(api.describe_images, repositoryName=name)[0] == "RepositoryNotFoundException"
    details = imported(api, name)
    top = details[pulled.headers["Docker-Content-Digest"]]
    assert top["imageTags"] == ["2"]
    assert {child["digest"] for child in pulled.json()["manifests"]} < set(details)
    (repository,) = api.describe_repositories(repositoryNames=[name])["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"


def imported(api: Any, name: str) -> dict[str, Any]:
    """Details by digest, once there are some."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return {one["imageDigest"]: one for one in api.describe_images(repositoryName=name)["imageDetails"]}
        except ClientError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
