"""Which image the mirror last brought for a tag: where tags are immutable, the tag itself does not say."""

from typing import TYPE_CHECKING

from blocks.eks_cluster import EksCluster
from registry.client import RegistryClient
from registry.reference import Reference
from specs.mirror import permanent_tag
from tasks.tag_mutability import is_immutable

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import ImageDetailTypeDef


def mirrored_digest(cluster: EksCluster, client: RegistryClient, image: Reference) -> str | None:
    """Digest of a private image as mirror_image left it. Network: ECR.

    An immutable tag stays with the first image that it named, and a later one has its permanent tag only: the one
    that was pushed last is then the newest.

    Args:
        cluster: Gives the ECR client.
        client: Reaches the private registry.
        image: The private image; with a digest, it is that one.

    Returns:
        The digest; None if there is no such image.
    """
    digest = client.digest_of(image)
    if digest is None or image.digest or not is_immutable(cluster, image.repository, str(image.tag)):
        return digest
    pages = cluster.ecr.get_paginator("describe_images").paginate(
        repositoryName=image.repository, filter={"tagStatus": "TAGGED"}
    )
    mirrored = [one for page in pages for one in page["imageDetails"] if _was_mirrored_for(one, str(image.tag))]
    return max(mirrored, key=lambda one: one["imagePushedAt"])["imageDigest"] if mirrored else digest


def _was_mirrored_for(image: "ImageDetailTypeDef", tag: str) -> bool:
    return not {tag, permanent_tag(tag, image["imageDigest"])}.isdisjoint(image["imageTags"])
