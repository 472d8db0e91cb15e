"""Step 9: the image in the private registry, since nodes of a private cluster can pull from nowhere else."""

import re

from prefect.logging import get_run_logger

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from registry.copy import copy_image, resolve
from registry.reference import Reference
from specs.repository import RepositorySpec
from tasks.console import repository_url
from tasks.outcome import Action, Change, Outcome
from tasks.private_registry import PrivateRegistry
from tasks.step import step

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
PRIVATE_HOST = re.compile(r"\d{12}\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")


@step("image {source}")
def mirror_image(cluster: EksCluster, source: str, repository: str, *, plan: bool = False) -> Outcome:
    """Copy an image, with all its platforms, to a private repository. Network: internet and ECR.

    Args:
        cluster: Gives the ECR client.
        source: Reference of the image.
        repository: Name of the private repository; its tag there is the source's.
        plan: Report only.

    Returns:
        Its identifier is the private image pinned by digest.

    Raises:
        OperationError: If either registry cannot be reached or refuses, or the source does not exist.
    """
    registry = PrivateRegistry(cluster)
    client, origin = registry.client(), Reference.parse(source)
    target = Reference(registry.host, repository, origin.tag or _tag_of(origin), None)
    wanted, observed = resolve(client, origin), client.digest_of(target)
    if observed != wanted and not plan:
        result = copy_image(client, origin.with_digest(wanted), target)
        get_run_logger().info(
            "%s: %d bytes copied, %d already there", result.destination, result.bytes_copied, result.bytes_skipped
        )
    action: Action = "unchanged" if observed == wanted else "created" if observed is None else "updated"
    changes = () if observed == wanted else (Change(field="digest", observed=observed, wanted=wanted),)
    return Outcome(
        step="image",
        name=source,
        action=action,
        changes=changes,
        planned=plan,
        identifier=f"{target.name}@{wanted}",
        console_url=repository_url(cluster, repository),
    )


@step("image {source}")
def find_image(cluster: EksCluster, source: str, repository: str = "") -> Outcome:
    """Find an image that was mirrored before. Network: VPC.

    Args:
        cluster: Gives the ECR client.
        source: Reference of the image, at its origin or in the private registry.
        repository: Name of the private repository; empty for the source's own.

    Returns:
        Its identifier is the private image pinned by digest.

    Raises:
        OperationError: If it is not there.
    """
    registry, origin = PrivateRegistry(cluster), Reference.parse(source)
    target = Reference(registry.host, repository or origin.repository, origin.tag, origin.digest)
    digest = registry.client().digest_of(target)
    if digest is None:
        raise OperationError(
            f"image {source}",
            f"{target} does not exist in the private registry",
            "it was not mirrored, and nodes of a private cluster can pull from nowhere else",
            "run setup_batch with image_source `mirror` where there is a route to the internet",
        )
    return Outcome(
        step="image",
        name=source,
        action="unchanged",
        identifier=f"{target.name}@{digest}",
        console_url=repository_url(cluster, target.repository),
    )


def private_repository(source: str, registry: str, prefix: str) -> RepositorySpec | None:
    """The private repository for a public image, named after the image's own.

    Args:
        source: Reference of the image.
        registry: Host of the private registry.
        prefix: Put before the name.

    Returns:
        The repository; None for an image that is in the private registry already.
    """
    origin = Reference.parse(source)
    if origin.host == registry or PRIVATE_HOST.fullmatch(origin.host):
        return None
    name = f"{prefix.rstrip('/')}/{origin.repository}".lstrip("/")
    return RepositorySpec.from_document({"repositoryName": name})


def _tag_of(origin: Reference) -> str:
    """A tag for an image that is named by digest alone: ECR's lifecycle rules remove untagged images."""
    return (origin.digest or "").replace(":", "-")[:19]
