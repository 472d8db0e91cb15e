"""Lifecycle policies through the task: compared as JSON, and never against what a job definition names."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from sandbox.registries.registry import UpstreamRegistry
from specs.lifecycle_policy import LifecyclePolicySpec
from specs.repository import RepositorySpec
from tasks.image import mirror_image
from tasks.lifecycle_policy import ensure_lifecycle_policy
from tasks.outcome import Outcome
from tasks.repository import ensure_repository

SOURCE = "public.ecr.aws/amazonlinux/amazonlinux:2"
REPOSITORY = "mirror/linux"
OFFERED = LifecyclePolicySpec()


@pytest.fixture
def cluster(upstream: UpstreamRegistry) -> EksCluster:
    """The sandbox's cluster, with a repository of ours."""
    found = EksCluster(cluster_name="my-test-cluster")
    ensure_repository.fn(found, RepositorySpec(repository_name=REPOSITORY))
    return found


def ensure(cluster: EksCluster, spec: LifecyclePolicySpec = OFFERED, name: str = REPOSITORY, **more: bool) -> Outcome:
    return ensure_lifecycle_policy.fn(cluster, name, spec, **more)


def expiring(**selection: Any) -> LifecyclePolicySpec:
    document = {"countType": "imageCountMoreThan", "countNumber": 100, **selection}
    rule = {"rulePriority": 1, "selection": document, "action": {"type": "expire"}}
    return LifecyclePolicySpec.from_document({"rules": [rule]})


def policy(cluster: EksCluster, name: str = REPOSITORY) -> Any:
    return json.loads(cluster.ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])


def test_it_is_put_once_and_compared_as_json(cluster: EksCluster) -> None:
    assert ensure(cluster, plan=True).action == "created"
    assert ensure(cluster).action == "created"
    assert policy(cluster) == OFFERED.to_document()

    text = json.dumps(OFFERED.to_document(), indent=4, sort_keys=True)
    cluster.ecr.put_lifecycle_policy(repositoryName=REPOSITORY, lifecyclePolicyText=text)
    assert ensure(cluster).action == "unchanged"


def test_what_somebody_changed_by_hand_is_put_back(cluster: EksCluster) -> None:
    ensure(cluster)
    document = expiring(tagStatus="any").to_document()
    cluster.ecr.put_lifecycle_policy(repositoryName=REPOSITORY, lifecyclePolicyText=json.dumps(document))
    outcome = ensure(cluster)
    assert (outcome.action, [change.field for change in outcome.changes]) == ("updated", ["rules[0]"])
    assert policy(cluster) == OFFERED.to_document()


def test_a_repository_that_is_not_ours_gets_none_until_it_is_handed_over(cluster: EksCluster) -> None:
    cluster.ecr.create_repository(repositoryName="by/hand")
    for plan in (True, False):
        with pytest.raises(OperationError, match="a policy would begin to remove images that somebody else"):
            ensure(cluster, name="by/hand", plan=plan)
    assert ensure(cluster, name="by/hand", adopt=True).action == "created"


def test_a_plan_for_a_repository_that_would_be_made_first(cluster: EksCluster) -> None:
    outcome = ensure(cluster, name="not/yet", plan=True)
    assert (outcome.action, outcome.planned) == ("created", True)


@pytest.mark.parametrize("by", ["digest", "tag"])
def test_a_policy_that_would_remove_a_named_image_is_refused(
    cluster: EksCluster, define: Callable[..., str], by: str
) -> None:
    outcome = mirror_image.fn(cluster, SOURCE, REPOSITORY)
    image = outcome.identifier if by == "digest" else outcome.destination.partition("@")[0]
    revision = define(cluster, "Named", image)
    for spec in (expiring(tagStatus="any"), expiring(tagStatus="tagged", tagPatternList=["2*"])):
        with pytest.raises(OperationError) as refused:
            ensure(cluster, spec)
        assert f"rule 1 selects {outcome.source_digest}, which {revision} names" in str(refused.value)
    assert ensure(cluster, expiring(tagStatus="tagged", tagPatternList=["dev-*"])).action == "created"

    cluster.batch.deregister_job_definition(jobDefinition=revision)
    assert ensure(cluster, expiring(tagStatus="any")).action == "updated"


def test_the_policy_offered_keeps_a_named_image_whose_tag_has_moved_on(
    cluster: EksCluster, define: Callable[..., str], move_tag: Callable[[], str]
) -> None:
    define(cluster, "Named", mirror_image.fn(cluster, SOURCE, REPOSITORY).identifier)
    move_tag()
    mirror_image.fn(cluster, SOURCE, REPOSITORY)
    assert ensure(cluster).action == "created"
