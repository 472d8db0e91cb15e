"""Job definitions that still name an older digest of an image than the mirror now has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from blocks.aws_errors import error_code
from blocks.eks_cluster import EksCluster
from registry.reference import Reference
from specs.container_images import with_images
from specs.job_definition import JobDefinitionSpec
from specs.mirror import moving_tag
from tasks.active_definition import active_definitions, newest_revisions, private_images, revision_name
from tasks.console import batch_url
from tasks.image import MirroredImage
from tasks.job_definition import JobDefinition
from tasks.outcome import Outcome
from tasks.ownership import HASH_TAG, OWNER_TAG, has_aws_mark
from tasks.reconcile import reconcile
from tasks.step import step

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef


@dataclass(frozen=True)
class StaleDefinition:
    """The newest ACTIVE revision of a job definition, some of its images older than the mirror's.

    Attributes:
        name: The definition's name.
        revision: The revision as DescribeJobDefinitions answers it.
        images: The mirror's image, pinned by digest, by what the revision names.
    """

    name: str
    revision: Mapping[str, Any]
    images: Mapping[str, str]


@step("job definitions")
def find_stale_definitions(cluster: EksCluster, images: Sequence[MirroredImage]) -> list[StaleDefinition]:
    """Find the definitions whose newest ACTIVE revision names a digest that its tag has moved away from.

    The permanent tag of the old digest tells which tag that was: another tag of the same repository, mirrored at
    another time, is not older. Network: ECR and Batch.

    Args:
        cluster: Gives the ECR and Batch clients.
        images: What the mirror now has.
    """
    hosts = {Reference.parse(image.destination).host for image in images}
    found = []
    for revision in newest_revisions(active_definitions(cluster)):
        newer = {
            str(named): image.identifier
            for host in hosts
            for named in private_images(revision, host)
            for image in _newer(cluster, named, images)
        }
        if newer:
            found.append(StaleDefinition(revision["jobDefinitionName"], revision, newer))
    return found


@step("job definition {stale.name}")
def refresh_definition(
    cluster: EksCluster, stale: StaleDefinition, *, register: bool, plan: bool = False, adopt: bool = False
) -> Outcome:
    """Register another revision with the mirror's images, or only say that one is due. Network: Batch.

    Args:
        cluster: Gives the Batch client.
        stale: The definition.
        register: Whether to register it; one of ECS jobs is only listed.
        plan: Report only.
        adopt: Register over a definition that is not ours.

    Raises:
        OperationError: If AWS refuses.
    """
    revision = stale.revision
    ours = has_aws_mark(revision) or adopt
    if register and ours and "eksProperties" in revision:
        spec = JobDefinitionSpec.from_document(_registration(cluster, revision))
        document = with_images(spec, stale.images).to_document()
        return reconcile(JobDefinition(cluster, stale.name, document), plan=plan, adopt=adopt)
    words = ", ".join(f"{old} -> {new}" for old, new in stale.images.items())
    how = "refresh_definitions" if ours else "refresh_definitions and adopt, since it was not made by these flows"
    return Outcome(
        step="job definition",
        name=stale.name,
        action="unchanged",
        planned=plan,
        identifier=revision["jobDefinitionArn"],
        console_url=batch_url(cluster, "job-definition", stale.name),
        note=f"{revision_name(revision)} names an older image: {words}. Its jobs go on with it; to register it anew, "
        f"run with {how}",
    )


def _newer(cluster: EksCluster, named: Reference, images: Sequence[MirroredImage]) -> Iterator[MirroredImage]:
    for image in images:
        mirrored = Reference.parse(image.destination)
        if named.name == mirrored.name and named.digest not in (None, mirrored.digest):
            tags = _tags_of(cluster, named)
            if mirrored.tag in {moving_tag(tag, str(named.digest)) for tag in tags}:
                yield image


def _tags_of(cluster: EksCluster, image: Reference) -> list[str]:
    wanted: ImageIdentifierTypeDef = {"imageDigest": str(image.digest)}
    try:
        answer = cluster.ecr.describe_images(repositoryName=image.repository, imageIds=[wanted])
    except ClientError as error:
        if error_code(error) in ("ImageNotFoundException", "RepositoryNotFoundException"):
            return []
        raise
    return answer["imageDetails"][0].get("imageTags", [])


def _registration(cluster: EksCluster, revision: Mapping[str, Any]) -> dict[str, Any]:
    """What RegisterJobDefinition takes of what DescribeJobDefinitions answers, without our marks."""
    model = cluster.batch.meta.service_model.operation_model("RegisterJobDefinition").input_shape
    members = model.members if model else {}
    tags = {key: value for key, value in revision.get("tags", {}).items() if key not in (OWNER_TAG, HASH_TAG)}
    document = {key: value for key, value in revision.items() if key in members and key != "tags"}
    return document | ({"tags": tags} if tags else {})
