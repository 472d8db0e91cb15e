"""Private repositories: made as asked for, brought in line, and left alone where nothing was asked."""

from collections.abc import Callable
from typing import Any

import pytest

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from sandbox.remote import RemoteSandbox
from specs.mirror import MirrorRepositories
from tasks.outcome import Outcome
from tasks.repository import ensure_repository

NAME = "mirror/linux"
KEY = "arn:aws:kms:us-east-1:123456789012:key/0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"
# The registries are the same whoever serves Kubernetes.
pytestmark = pytest.mark.parametrize("sandbox", ["embedded"], indirect=True)


@pytest.fixture
def ensure(cluster: EksCluster) -> Callable[..., Outcome]:
    """``ensure(adopt=True, imageTagMutability="IMMUTABLE")``: make the repository what these settings say."""

    def run(*, plan: bool = False, adopt: bool = False, **settings: Any) -> Outcome:
        spec = MirrorRepositories.model_validate(settings).named(NAME)
        return ensure_repository.fn(cluster, spec, plan=plan, adopt=adopt)

    return run


def described(cluster: EksCluster) -> dict[str, Any]:
    return dict(cluster.ecr.describe_repositories(repositoryNames=[NAME])["repositories"][0])


def changes(sandbox: RemoteSandbox) -> list[str]:
    return [call["operation"] for call in sandbox.calls() if call["mutating"]]


def test_every_setting_is_given_to_a_new_repository_and_found_again(
    cluster: EksCluster, sandbox: RemoteSandbox, ensure: Callable[..., Outcome]
) -> None:
    settings = {
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [
            {"filterType": "WILDCARD", "filter": "latest"},
            {"filterType": "WILDCARD", "filter": "dev-*"},
        ],
        "imageScanningConfiguration": {"scanOnPush": True},
        "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": KEY},
    }
    outcome = ensure(**settings)
    assert (outcome.action, outcome.identifier) == ("created", described(cluster)["repositoryUri"])
    assert {key: described(cluster)[key] for key in settings} == settings
    sandbox.clear_calls()
    assert ensure(**settings).action == "unchanged"
    assert changes(sandbox) == []


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("key", ["alias/images", KEY.rpartition("/")[2], KEY])
def test_a_key_may_be_named_in_any_way(cluster: EksCluster, ensure: Callable[..., Outcome], key: str) -> None:
    # ECR answers with the key's ARN.
    cluster.ecr.create_repository(repositoryName=NAME, encryptionConfiguration={"encryptionType": "KMS", "kmsKey": KEY})
    assert ensure(encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key}).action == "unchanged"


@pytest.mark.usefixtures("sandbox")
def test_another_key_is_another_encryption(cluster: EksCluster, ensure: Callable[..., Outcome]) -> None:
    ensure(encryptionConfiguration={"encryptionType": "KMS", "kmsKey": KEY})
    other = KEY.replace("0b1c", "ffff")
    with pytest.raises(OperationError, match=r"encryptionConfiguration\.kmsKey"):
        ensure(encryptionConfiguration={"encryptionType": "KMS", "kmsKey": other})


def test_what_can_be_changed_is_and_only_that(
    cluster: EksCluster, sandbox: RemoteSandbox, ensure: Callable[..., Outcome]
) -> None:
    ensure()
    sandbox.clear_calls()
    assert ensure(imageScanningConfiguration={"scanOnPush": True}).action == "updated"
    assert changes(sandbox) == ["PutImageScanningConfiguration"]
    filters = [{"filterType": "WILDCARD", "filter": "latest"}]
    excluding = {"imageTagMutability": "MUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": filters}
    sandbox.clear_calls()
    planned = ensure(**excluding, plan=True)
    assert changes(sandbox) == []
    outcome = ensure(**excluding)
    assert outcome.changes == planned.changes
    assert changes(sandbox) == ["PutImageTagMutability"]
    assert {key: described(cluster)[key] for key in excluding} == excluding
    assert described(cluster)["imageScanningConfiguration"] == {"scanOnPush": True}
    ensure(imageTagMutability="IMMUTABLE")
    assert "imageTagMutabilityExclusionFilters" not in described(cluster)


def test_what_nobody_asked_for_is_left_as_it_is(
    cluster: EksCluster, sandbox: RemoteSandbox, ensure: Callable[..., Outcome]
) -> None:
    ensure(imageTagMutability="IMMUTABLE", imageScanningConfiguration={"scanOnPush": True})
    sandbox.clear_calls()
    # As the form sends it, every field of it.
    assert ensure(**MirrorRepositories().model_dump()).action == "unchanged"
    assert changes(sandbox) == []


@pytest.mark.usefixtures("sandbox")
def test_a_repository_of_somebody_else_is_used_as_it_is(cluster: EksCluster, ensure: Callable[..., Outcome]) -> None:
    cluster.ecr.create_repository(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    assert ensure().action == "unchanged"
    with pytest.raises(OperationError, match=r"imageTagMutability: 'IMMUTABLE' -> 'MUTABLE'"):
        ensure(imageTagMutability="MUTABLE")
    assert ensure(imageTagMutability="MUTABLE", adopt=True).action == "updated"
    assert described(cluster)["imageTagMutability"] == "MUTABLE"


@pytest.mark.usefixtures("sandbox")
def test_another_encryption_is_refused_whole(cluster: EksCluster, ensure: Callable[..., Outcome]) -> None:
    ensure()
    settings = {"encryptionConfiguration": {"encryptionType": "KMS"}, "imageTagMutability": "IMMUTABLE"}
    words = r"with another encryption: encryptionConfiguration.encryptionType: 'AES256' -> 'KMS'\n"
    for plan in (True, False):
        with pytest.raises(OperationError, match=words):
            ensure(**settings, plan=plan)
    assert described(cluster)["imageTagMutability"] == "MUTABLE"
