"""Step 9, the other way: the image fetched into the private registry by ECR itself, before any node wants it."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from blocks.aws_errors import error_code
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from registry.client import RegistryClient
from registry.errors import DeniedError, NotFoundError, UnreachableError
from registry.manifest import Descriptor, Manifest
from registry.reference import Reference
from specs.pull_through_cache_rule import PullThroughCacheRuleSpec
from tasks.console import repository_url
from tasks.outcome import Action, Change, Outcome
from tasks.pauses import pauses
from tasks.private_registry import PrivateRegistry
from tasks.step import step

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import ImageDetailTypeDef, ImageIdentifierTypeDef

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html, considerations; what is seen
# then: containers-roadmap issue 2304.
NO_ROUTE = (
    "until an image is cached, ECR sends whoever pulls it to the upstream's own storage, and here is no route to it: "
    "the first pull needs a route to the internet, as AWS documents"
)
# Most ids that one call takes (botocore, DescribeImages and BatchCheckLayerAvailability).
_PAGE = 100
_NOT_THERE = ("RepositoryNotFoundException", "ImageNotFoundException")


@step("image {source}")
def pull_through_image(
    cluster: EksCluster,
    source: str,
    rule: PullThroughCacheRuleSpec,
    *,
    plan: bool = False,
    timeout_seconds: float = 1800,
) -> Outcome:
    """Have ECR cache an image, with all its platforms, and wait until nodes can pull it. Network: internet and ECR.

    It is pulled once as a node would: the manifest by its tag, which makes ECR import it, every manifest that an
    index lists, and each config and layer that ECR does not hold yet, opened but not read: while ECR imports, it
    redirects to the upstream's storage, so reading them here would cache nothing. Only what ECR's own API confirms
    counts, since the import goes on after the pull: DescribeImages for the manifests, BatchCheckLayerAvailability for
    the blobs.

    Args:
        cluster: Gives the ECR client.
        source: Reference of the image at its origin, or in the private registry below the rule's prefix.
        rule: The rule that fetches it; it must exist.
        plan: Report only; nothing is pulled, since that would already create the repository.
        timeout_seconds: How long ECR may take to import it.

    Returns:
        Its identifier is the private image, pinned by digest unless it is only planned.

    Raises:
        OperationError: If the rule does not cover the image, the upstream does not have it or refuses the rule's
            credentials, there is no route to the internet for the first pull (a newer image of a tag that is cached
            is then noted, and the cached one kept), or the import takes too long.
    """
    origin, registry = Reference.parse(source), PrivateRegistry(cluster)
    repository = rule.private_repository(source)
    if repository is None:
        # Perhaps it is named as it is in the cache.
        if not rule.fills(origin.repository) or not registry.is_called(origin.host):
            raise _not_covered(source, rule)
        repository = origin.repository
    target = Reference(registry.host, repository, origin.tag, origin.digest)
    observed = _cached_digest(cluster, target)
    wanted, note = observed, ""
    if not plan:
        try:
            with registry.client() as client:
                wanted = _Pull(cluster, client, source, target, rule).run(timeout_seconds)
        except NoRouteError as error:
            if observed is None:
                raise
            note = f"{source}: kept as it was cached; the upstream has a newer one, and {error.cause}"
    action: Action = "created" if observed is None else "unchanged" if observed == wanted else "updated"
    changes = () if action == "unchanged" else (Change(field="digest", observed=observed, wanted=wanted),)
    return Outcome(
        step="image",
        name=source,
        action=action,
        changes=changes,
        planned=plan,
        identifier=f"{target.name}@{wanted}" if wanted else str(target),
        console_url=repository_url(cluster, repository),
        note=note,
    )


class NoRouteError(OperationError):
    """The upstream's storage cannot be reached from here, and ECR does not hold the image yet."""


class _Pull:
    """One image on its way through the cache."""

    def __init__(
        self,
        cluster: EksCluster,
        client: RegistryClient,
        source: str,
        target: Reference,
        rule: PullThroughCacheRuleSpec,
    ) -> None:
        self._cluster = cluster
        self._client = client
        self._source = source
        self._target = target
        self._rule = rule

    def run(self, timeout_seconds: float) -> str:
        """Pull the image and wait until it is cached; gives its digest."""
        manifests = self._manifests()
        blobs = {blob.digest: blob for manifest in manifests for blob in manifest.blobs}
        for blob in self._missing_blobs(blobs):
            self._open(blobs[blob])
        for _ in pauses(timeout_seconds, "ECR to have cached all of the image"):
            missing = [*self._missing_manifests(manifests), *self._missing_blobs(blobs)]
            if not missing:
                return manifests[0].digest
        raise OperationError(
            f"image {self._source}",
            f"after {timeout_seconds:.0f} s ECR does not show {len(missing)} of its parts, such as {missing[0]}",
            "the image is large, the upstream is slow, or the caller lacks ecr:BatchImportUpstreamImage",
            "run again: what is imported stays; if that does not help, use image_source `mirror`",
        )

    def _manifests(self) -> list[Manifest]:
        """The image's manifest, and those that it lists."""
        try:
            top = self._client.manifest(self._target)
        except NotFoundError as error:
            raise OperationError(
                f"image {self._source}",
                f"{error.answered} for {self._target}",
                "the upstream has no such image, or the caller may not have ECR import it",
                "check the name; grant the caller ecr:BatchImportUpstreamImage and ecr:CreateRepository",
            ) from error
        except DeniedError as error:
            raise self._denied(error) from error
        pinned = self._target.with_digest(top.digest)
        return [top, *(self._client.manifest(pinned.with_digest(child.digest)) for child in top.children)]

    def _open(self, blob: Descriptor) -> None:
        def ask() -> None:
            with self._client.open_blob(self._target, blob):
                """Whether there is a way to its bytes is all that is asked."""

        try:
            self._client.retry.call(ask)
        except UnreachableError as error:
            raise NoRouteError(
                f"image {self._source}",
                f"{error.answered} for {self._target}",
                NO_ROUTE,
                "run the flow warm_cache once where there is a route to the internet (a worker outside the VPC, or "
                "behind a NAT gateway), then this again; or mirror the image there and use `already_mirrored`",
            ) from error

    def _denied(self, error: DeniedError) -> OperationError:
        prefix = self._rule.ecr_repository_prefix.rstrip("/")
        answer = self._cluster.ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix=prefix)
        return OperationError(
            f"image {self._source}",
            error.answered,
            answer.get("failure") or "the caller may not pull this image",
            f"correct the secret of the pull-through cache rule {prefix} (`username` and `accessToken`), or the "
            "caller's ecr:BatchImportUpstreamImage",
        )

    def _missing_manifests(self, manifests: Sequence[Manifest]) -> list[str]:
        """All digests while DescribeImages does not show every one of them; it does not say which it lacks."""
        digests = [manifest.digest for manifest in manifests]
        pages = [digests[start : start + _PAGE] for start in range(0, len(digests), _PAGE)]
        return [digest for page in pages if not self._are_images(page) for digest in page]

    def _are_images(self, digests: Sequence[str]) -> bool:
        return _described(self._cluster, self._target.repository, [{"imageDigest": one} for one in digests]) != []

    def _missing_blobs(self, digests: Iterable[str]) -> list[str]:
        """Digests of configs and layers that ECR does not hold."""
        wanted, there = list(digests), set()
        for start in range(0, len(wanted), _PAGE):
            page = wanted[start : start + _PAGE]
            try:
                answer = self._cluster.ecr.batch_check_layer_availability(
                    repositoryName=self._target.repository, layerDigests=page
                )
            except ClientError as error:
                if error_code(error) in _NOT_THERE:
                    return wanted
                raise
            there |= {one["layerDigest"] for one in answer["layers"] if one["layerAvailability"] == "AVAILABLE"}
        return [digest for digest in wanted if digest not in there]


def _cached_digest(cluster: EksCluster, target: Reference) -> str | None:
    """The digest that a tag or digest has in the cache, as DescribeImages shows it; asking for it pulls nothing."""
    wanted: ImageIdentifierTypeDef = {"imageDigest": target.digest} if target.digest else {"imageTag": target.tag or ""}
    found = _described(cluster, target.repository, [wanted])
    return found[0]["imageDigest"] if found else None


def _described(
    cluster: EksCluster, repository: str, images: "Sequence[ImageIdentifierTypeDef]"
) -> "Sequence[ImageDetailTypeDef]":
    """The images, or none of them where one is missing: that is how DescribeImages answers."""
    try:
        return cluster.ecr.describe_images(repositoryName=repository, imageIds=images)["imageDetails"]
    except ClientError as error:
        if error_code(error) in _NOT_THERE:
            return []
        raise


def _not_covered(source: str, rule: PullThroughCacheRuleSpec) -> OperationError:
    return OperationError(
        f"image {source}",
        f"the pull-through cache rule {rule.ecr_repository_prefix} fetches from {rule.upstream_registry_url} only",
        "no rule fetches this image",
        "add a rule for its registry to pullThroughCacheRules, or use image_source `mirror`",
    )
