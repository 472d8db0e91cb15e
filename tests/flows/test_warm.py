"""warm_cache: the half of pull-through that needs the internet."""

import pytest

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from flows.setup import setup_batch
from flows.warm import TUTORIAL_IMAGES, warm_cache
from sandbox.remote import RemoteSandbox
from specs.platform import PlatformSpec
from specs.pull_through_cache_rule import PullThroughCacheRuleSpec
from tasks.report import StepsFailedError
from tests.mutating_calls import mutating

# The registries are the same whoever serves Kubernetes.
pytestmark = pytest.mark.parametrize("sandbox", ["embedded"], indirect=True)


def test_what_was_warmed_on_the_internet_is_set_up_inside_the_vpc(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in sandbox.environment("env-internet.sh").items():
        monkeypatch.setenv(name, value)
    planned = warm_cache(cluster, plan=True)
    assert mutating(sandbox) == []
    report = warm_cache(cluster)
    for outcomes in (planned.outcomes, report.outcomes):
        assert [(o.step, o.action) for o in outcomes] == [("pull-through cache rule", "created"), ("image", "created")]
    sandbox.clear_calls()
    assert not warm_cache(cluster, [*TUTORIAL_IMAGES, report.outcomes[1].identifier]).changed
    assert mutating(sandbox) == []

    monkeypatch.delenv("UPSTREAM_IMAGE")
    for name, value in sandbox.environment("env-vpc.sh").items():
        monkeypatch.setenv(name, value)
    # A worker of its own, which has not seen the cluster from outside.
    inside = EksCluster(cluster_name=cluster.cluster_name)
    done = setup_batch(inside, platform, image_source="pull_through")
    (image,) = (outcome for outcome in done.outcomes if outcome.step == "image")
    assert (image.action, image.identifier) == ("unchanged", report.outcomes[1].identifier)


def test_images_that_cannot_be_had_are_reported_and_the_others_cached(
    cluster: EksCluster, sandbox: RemoteSandbox
) -> None:
    missing = "public.ecr.aws/no/such:1"
    with pytest.raises(StepsFailedError, match="the upstream has no such image"):
        warm_cache(cluster, [missing, *TUTORIAL_IMAGES])
    assert cluster.ecr.describe_images(repositoryName="my-prefix/amazonlinux/amazonlinux")["imageDetails"]
    with pytest.raises(OperationError, match=r"images quay\.io/a/b:1, busybox: no pull-through cache rule"):
        warm_cache(cluster, ["quay.io/a/b:1", *TUTORIAL_IMAGES, "busybox"], [PullThroughCacheRuleSpec()])
