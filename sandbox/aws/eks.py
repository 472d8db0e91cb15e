"""What moto's EKS gets wrong about a cluster.

Observed on moto 5.2.5: DescribeCluster answers an endpoint that leads nowhere and a certificate that is none; it lacks
`clusterSecurityGroupId`, `vpcId`, `accessConfig` and everything newer than 2021.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.ec2.models import ec2_backends
from moto.eks.models import eks_backends

from sandbox.aws.errors import AwsError
from sandbox.aws.operations import Caller
from sandbox.aws.server import AwsServer, position
from sandbox.names import CLUSTER_NAME


@dataclass(frozen=True)
class ClusterAddress:
    """How the cluster's Kubernetes API is reached.

    Attributes:
        endpoint: URL of the API server.
        ca_pem: Certificate of its authority.
        endpoint_from_internet: What its name leads to from outside the VPC: an address that does not answer. The name
            of a private endpoint is public, its address is not reachable (EKS user guide, cluster-endpoint).
    """

    endpoint: str
    ca_pem: str
    endpoint_from_internet: str


class EksClusters:
    """DescribeCluster as EKS answers it, for the cluster that the sandbox runs."""

    def __init__(self, address: ClusterAddress) -> None:
        self._address = address

    def install(self, server: AwsServer) -> None:
        """Answer DescribeCluster here instead of in moto."""
        server.implement("eks", "DescribeCluster", self.describe)

    @property
    def authentication_mode(self) -> str:
        """`accessConfig.authenticationMode` of the cluster.

        eksctl creates clusters with API_AND_CONFIG_MAP (eksctl user guide, access-entries); there are no access
        entries here, so that `aws-auth` decides.
        """
        return "API_AND_CONFIG_MAP"

    def describe(self, parameters: dict[str, Any], caller: Caller) -> Mapping[str, Any]:
        """DescribeCluster (botocore shape `Cluster`, EKS API reference)."""
        name = parameters["name"]
        cluster = eks_backends[caller.account][caller.region].clusters.get(name)
        if cluster is None:
            raise AwsError("ResourceNotFoundException", f"No cluster found for name: {name}.", 404)
        endpoint, certificate = cluster.endpoint, cluster.certificate_authority["data"]
        if name == CLUSTER_NAME:
            seen_from_internet = position() == "internet"
            endpoint = self._address.endpoint_from_internet if seen_from_internet else self._address.endpoint
            certificate = base64.b64encode(self._address.ca_pem.encode()).decode()
        return {
            "cluster": {
                "name": cluster.name,
                "arn": cluster.arn,
                "createdAt": cluster.created_at.timestamp(),
                "version": cluster.version,
                "endpoint": endpoint,
                "roleArn": cluster.role_arn,
                "resourcesVpcConfig": _network(cluster, caller),
                "kubernetesNetworkConfig": {
                    "serviceIpv4Cidr": "10.100.0.0/16",
                    "ipFamily": "ipv4",
                    "elasticLoadBalancing": {"enabled": False},
                },
                "logging": cluster.logging,
                "identity": cluster.identity,
                "status": cluster.status,
                "certificateAuthority": {"data": certificate},
                "platformVersion": "eks.22",
                "tags": cluster.tags,
                "encryptionConfig": cluster.encryption_config,
                "health": {"issues": []},
                "accessConfig": {"authenticationMode": self.authentication_mode},
                "upgradePolicy": {"supportType": "EXTENDED"},
                "deletionProtection": False,
            }
        }


def _network(cluster: Any, caller: Caller) -> dict[str, Any]:
    """`resourcesVpcConfig`, completed from the subnets' VPC and the security group that EKS tagged for the cluster."""
    asked = cluster.resources_vpc_config
    ec2 = ec2_backends[caller.account][caller.region]
    subnets = [ec2.get_subnet(subnet_id) for subnet_id in asked.get("subnetIds", [])]
    vpc_id = subnets[0].vpc_id if subnets else ""
    groups = ec2.describe_security_groups(filters={"tag:aws:eks:cluster-name": [cluster.name]})
    public = asked.get("endpointPublicAccess", True)
    return {
        "subnetIds": asked.get("subnetIds", []),
        "securityGroupIds": asked.get("securityGroupIds", []),
        "clusterSecurityGroupId": groups[0].id if groups else "",
        "vpcId": vpc_id,
        "endpointPublicAccess": public,
        "endpointPrivateAccess": asked.get("endpointPrivateAccess", False),
        "publicAccessCidrs": asked.get("publicAccessCidrs", ["0.0.0.0/0"]) if public else [],
    }
