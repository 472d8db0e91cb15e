"""ECR's pull-through cache through the tasks: rules compared before they are changed, images confirmed before use."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from registry.client import RegistryClient
from registry.hosts import Hosts
from registry.reference import Reference
from sandbox.names import DOCKER_HUB, DOCKER_HUB_LOGIN
from sandbox.remote import RemoteSandbox
from specs.pull_through_cache_rule import PullThroughCacheRuleSpec
from tasks.outcome import Outcome
from tasks.pull_through_cache_rule import ensure_pull_through_cache_rule
from tasks.pull_through_image import pull_through_image
from tests.mutating_calls import mutating

SOURCE = "public.ecr.aws/amazonlinux/amazonlinux:2"
REPOSITORY = "my-prefix/amazonlinux/amazonlinux"
RULE = PullThroughCacheRuleSpec()


@pytest.fixture
def sandbox(sandboxes: Callable[[str], RemoteSandbox], monkeypatch: pytest.MonkeyPatch) -> RemoteSandbox:
    """The sandbox as new; nothing here needs Kubernetes, so one control plane is enough."""
    found = sandboxes("embedded")
    found.clear_faults()
    found.reset()
    for name, value in found.env.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def enter_vpc(sandbox: RemoteSandbox, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Go where there is no route to the internet."""

    def enter() -> None:
        for name, value in sandbox.environment("env-vpc.sh").items():
            monkeypatch.setenv(name, value)

    return enter


def ensure(cluster: EksCluster, spec: PullThroughCacheRuleSpec, **options: bool) -> Outcome:
    return ensure_pull_through_cache_rule.fn(cluster, spec, **options)


def pull(cluster: EksCluster, source: str = SOURCE, rule: PullThroughCacheRuleSpec = RULE, **options: Any) -> Outcome:
    return pull_through_image.fn(cluster, source, rule, **options)


def secret(user: str, token: str) -> str:
    """ARN of a new secret that ECR may read."""
    manager: Any = boto3.client("secretsmanager")
    login = json.dumps({"username": user, "accessToken": token})
    return str(manager.create_secret(Name=f"ecr-pullthroughcache/{user}", SecretString=login)["ARN"])


def hub(credential_arn: str) -> PullThroughCacheRuleSpec:
    return PullThroughCacheRuleSpec(
        ecr_repository_prefix="hub", upstream_registry_url=DOCKER_HUB, credential_arn=credential_arn
    )


def test_a_rule_is_made_once(cluster: EksCluster, sandbox: RemoteSandbox) -> None:
    planned = ensure(cluster, RULE, plan=True)
    assert (planned.action, planned.planned, mutating(sandbox)) == ("created", True, [])
    made = ensure(cluster, RULE)
    assert (made.action, made.identifier) == ("created", "my-prefix <- public.ecr.aws")
    sandbox.clear_calls()
    assert ensure(cluster, RULE).action == "unchanged"
    with_slash = RULE.model_copy(update={"ecr_repository_prefix": "my-prefix/"})
    assert ensure(cluster, with_slash).action == "unchanged"
    assert mutating(sandbox) == []


def test_another_upstream_below_the_same_prefix_is_refused(cluster: EksCluster, sandbox: RemoteSandbox) -> None:
    ensure(cluster, RULE)
    sandbox.clear_calls()
    other = PullThroughCacheRuleSpec(upstream_registry_url="quay.io")
    for options in ({}, {"plan": True}, {"adopt": True}):
        with pytest.raises(OperationError, match="ECR fixes a rule's upstream at creation") as refused:
            ensure(cluster, other, **options)
        assert "'public.ecr.aws' -> 'quay.io'" in str(refused.value)
    assert mutating(sandbox) == []


def test_credentials_are_changed_only_where_the_rule_is_handed_over(cluster: EksCluster) -> None:
    first, second = hub(secret("one", "x")), hub(secret("two", "x"))
    ensure(cluster, first)
    with pytest.raises(OperationError, match="take no tags, so nothing shows that these flows made it"):
        ensure(cluster, second)
    outcome = ensure(cluster, second, adopt=True)
    assert (outcome.action, [change.field for change in outcome.changes]) == ("updated", ["credentialArn"])
    assert ensure(cluster, second).action == "unchanged"


def test_a_secret_that_does_not_exist_is_explained(cluster: EksCluster) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/none-AbCdEf"
    with pytest.raises(OperationError, match="credentialArn names no secret of this account and region"):
        ensure(cluster, hub(arn))


def test_the_image_is_cached_whole_and_a_second_run_changes_nothing(
    cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    ensure(cluster, RULE)
    planned = pull(cluster, plan=True)
    assert (planned.action, planned.planned) == ("created", True)
    assert cluster.ecr.describe_repositories()["repositories"] == []
    outcome = pull(cluster)
    details = cluster.ecr.describe_images(repositoryName=REPOSITORY, imageIds=[{"imageTag": "2"}])["imageDetails"]
    name, _, digest = outcome.identifier.partition("@")
    assert (outcome.action, name) == ("created", f"{sandbox.env['PRIVATE_REGISTRY']}/{REPOSITORY}")
    assert [detail["imageDigest"] for detail in details] == [digest]
    sandbox.clear_calls()
    for again in (pull(cluster), pull(cluster, plan=True)):
        assert (again.action, again.identifier, again.changes) == ("unchanged", outcome.identifier, ())
    assert mutating(sandbox) == []


def test_the_outcome_waits_for_a_slow_import(cluster: EksCluster, sandbox: RemoteSandbox) -> None:
    ensure(cluster, RULE)
    sandbox.settings(pull_through_import_delay=1.5)
    digest = pull(cluster).identifier.partition("@")[2]
    assert cluster.ecr.describe_images(repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])["imageDetails"]
    with pytest.raises(OperationError, match="after 0 s ECR does not show"):
        pull(cluster, SOURCE.replace(":2", ":2023"), timeout_seconds=0)


def test_inside_the_vpc_what_is_cached_is_all_that_there_is(
    cluster: EksCluster, sandbox: RemoteSandbox, enter_vpc: Callable[[], None]
) -> None:
    ensure(cluster, RULE)
    digest = pull(cluster, SOURCE.replace(":2", ":2023")).identifier.partition("@")[2]
    # Somebody's tag, other than the upstream's, as it is after the upstream's has moved.
    found = cluster.ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])["images"][0]
    with RegistryClient(Hosts(), lambda *_: None) as anonymous:
        unknown = anonymous.digest_of(Reference.parse(sandbox.env["UPSTREAM_IMAGE"]))
    cluster.ecr.put_image(repositoryName=REPOSITORY, imageManifest=found["imageManifest"], imageTag="2")
    enter_vpc()
    with ThreadPoolExecutor() as both:  # a connection that is not answered takes long to give up
        moved = both.submit(pull, cluster)
        uncached = both.submit(pull, cluster, SOURCE.replace(":2", f"@{unknown}"))
        assert pull(cluster, SOURCE.replace(":2", ":2023")).action == "unchanged"
        assert pull(cluster, SOURCE.replace(":2", f"@{digest}")).action == "unchanged"
    assert moved.result().identifier.endswith(digest)
    assert (moved.result().action, "kept as it was cached" in moved.result().note) == ("unchanged", True)
    with pytest.raises(OperationError) as refused:
        uncached.result()
    assert "the first pull needs a route to the internet" in refused.value.cause
    assert "run the flow warm_cache" in refused.value.next_step
    assert "X-Amz-Signature" not in str(refused.value)


def test_an_image_that_no_upstream_has(cluster: EksCluster) -> None:
    ensure(cluster, RULE)
    with pytest.raises(OperationError, match="the upstream has no such image, or the caller may not") as refused:
        pull(cluster, SOURCE.replace(":2", ":no-such-tag"))
    assert "ecr:BatchImportUpstreamImage" in refused.value.next_step


def test_an_image_that_is_named_as_it_is_in_the_cache(cluster: EksCluster, sandbox: RemoteSandbox) -> None:
    ensure(cluster, RULE)
    digest = pull(cluster, f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}:2").identifier.partition("@")[2]
    assert pull(cluster, f"{sandbox.env['PRIVATE_REGISTRY']}/{REPOSITORY}:2").action == "unchanged"
    assert pull(cluster).identifier.endswith(digest)


@pytest.mark.parametrize("source", ["quay.io/a/b:1", f"quay.io/{REPOSITORY}:2"])
def test_a_rule_that_does_not_cover_the_image(cluster: EksCluster, source: str) -> None:
    with pytest.raises(OperationError, match="no rule fetches this image"):
        pull(cluster, source)


def test_an_upstream_that_wants_a_login(cluster: EksCluster) -> None:
    source = "docker.io/amazonlinux/amazonlinux:2"
    wrong, right = hub(secret("somebody", "guess")), hub(secret(*DOCKER_HUB_LOGIN))
    ensure(cluster, wrong)
    with pytest.raises(OperationError, match="The authentication to the upstream registry failed") as refused:
        pull(cluster, source, wrong)
    assert "correct the secret of the pull-through cache rule hub" in refused.value.next_step
    assert "guess" not in str(refused.value)
    ensure(cluster, right, adopt=True)
    assert "/hub/amazonlinux/amazonlinux@sha256:" in pull(cluster, source, right).identifier
