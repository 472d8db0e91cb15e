"""EKS add-ons as they are described."""

from typing import Any

from botocore.exceptions import ClientError

from blocks.aws_errors import error_code
from blocks.eks_cluster import EksCluster


def describe_addon(cluster: EksCluster, name: str) -> dict[str, Any] | None:
    """What DescribeAddon answers; None where the add-on is not on the cluster.

    Args:
        cluster: Where.
        name: Name of the add-on.
    """
    try:
        return dict(cluster.eks.describe_addon(clusterName=cluster.cluster_name, addonName=name)["addon"])
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return None
        raise
