"""Whether a tag in the private registry may name another image one day."""

import re

from botocore.exceptions import ClientError

from blocks.aws_errors import error_code
from blocks.eks_cluster import EksCluster


def is_immutable(cluster: EksCluster, repository: str, tag: str) -> bool:
    """Whether a tag, once pushed, stays with its image. Network: ECR.

    Exclusion filters turn the repository's setting round for the tags that they match, `*` standing for any
    characters (https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html).

    Args:
        cluster: Gives the ECR client.
        repository: Name of the repository; in one that does not exist, no tag is.
        tag: The tag.
    """
    try:
        found = cluster.ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]
    except ClientError as error:
        if error_code(error) == "RepositoryNotFoundException":
            return False
        raise
    filters = [one["filter"] for one in found.get("imageTagMutabilityExclusionFilters", ())]
    return found["imageTagMutability"].startswith("IMMUTABLE") != any(_matches(one, tag) for one in filters)


def _matches(wildcard: str, tag: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, wildcard.split("*"))), tag) is not None
