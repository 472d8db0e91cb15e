"""What moto's EKS gets wrong about a cluster.

Observed on moto 5.2.5: DescribeCluster answers an endpoint that leads nowhere and a certificate that is none; it lacks
`clusterSecurityGroupId`, `vpcId`, `accessConfig` and everything newer than 2021. CreateCluster and UpdateClusterConfig
drop `accessConfig`, and the latter forgets the cluster's subnets.
"""

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from moto.ec2.models import ec2_backends
from moto.eks.exceptions import EKSError
from moto.eks.models import eks_backends

from sandbox.aws.errors import AwsError
from sandbox.aws.operations import Caller
from sandbox.aws.server import AwsServer, position
from sandbox.aws.settings import Settings
from sandbox.names import CLUSTER_NAME

MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")
DEFAULT_MODE = "CONFIG_MAP"
"""That of the API ([B:eks:CreateAccessConfigRequest]); eksctl and the console ask for API_AND_CONFIG_MAP."""


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
    """Clusters as EKS creates, describes and updates them; the sandbox runs one of them.

    Args:
        address: How the Kubernetes API of the cluster that runs is reached.
        settings: For how long a new cluster is CREATING.
        created: Called with the name of a cluster that is new.
    """

    def __init__(self, address: ClusterAddress, settings: Settings, created: Callable[[str], None]) -> None:
        self._address = address
        self._settings = settings
        self._created = created
        self._modes: dict[str, str] = {}

    def install(self, server: AwsServer) -> None:
        """Answer here instead of in moto."""
        server.implement("eks", "CreateCluster", self.create)
        server.implement("eks", "DescribeCluster", self.describe)
        server.implement("eks", "UpdateClusterConfig", self.update_config)
        server.implement("eks", "UpdateClusterVersion", self.update_version)
        server.before_reset(self._modes.clear)

    def authentication_mode(self, name: str) -> str:
        """`accessConfig.authenticationMode` of a cluster."""
        return self._modes.get(name, DEFAULT_MODE)

    def set_authentication_mode(self, name: str, mode: str) -> None:
        """Have a cluster be as if it had been created in a mode.

        Raises:
            ValueError: There is no such mode.
        """
        if mode not in MODES:
            raise ValueError(f"there is no authentication mode {mode!r}; there are: {', '.join(MODES)}")
        self._modes[name] = mode

    def found(self, name: str, caller: Caller) -> Any:
        """A cluster by its name.

        Raises:
            AwsError: There is none.
        """
        cluster = eks_backends[caller.account][caller.region].clusters.get(name)
        if cluster is None:
            raise AwsError("ResourceNotFoundException", f"No cluster found for name: {name}.", 404)
        return cluster

    def create(self, parameters: dict[str, Any], caller: Caller) -> Mapping[str, Any]:
        """CreateCluster: moto's, with an authentication mode."""
        access = parameters.get("accessConfig") or {}
        mode = access.get("authenticationMode", DEFAULT_MODE)
        if mode not in MODES:
            raise AwsError("InvalidParameterException", f"authenticationMode must be one of {', '.join(MODES)}")
        if mode == "CONFIG_MAP" and not access.get("bootstrapClusterCreatorAdminPermissions", True):
            # terraform-aws-modules/terraform-aws-eks#3206
            raise AwsError(
                "InvalidParameterException",
                "bootstrapClusterCreatorAdminPermissions must be true if cluster authentication mode is set to "
                "CONFIG_MAP",
            )
        try:
            eks_backends[caller.account][caller.region].create_cluster(
                name=parameters["name"],
                version=parameters.get("version"),
                role_arn=parameters["roleArn"],
                resources_vpc_config=parameters["resourcesVpcConfig"],
                kubernetes_network_config=parameters.get("kubernetesNetworkConfig"),
                logging=parameters.get("logging"),
                client_request_token=parameters.get("clientRequestToken"),
                tags=parameters.get("tags"),
                encryption_config=parameters.get("encryptionConfig"),
                remote_network_config=parameters.get("remoteNetworkConfig"),
            )
        except EKSError as error:
            raise AwsError(error.error_type, json.loads(error.description)["message"], error.code) from error
        self._created(parameters["name"])
        self._modes[parameters["name"]] = mode
        return self.describe(parameters, caller)

    def update_config(self, parameters: dict[str, Any], caller: Caller) -> Mapping[str, Any]:
        """UpdateClusterConfig; the change is made at once."""
        cluster = self.found(parameters["name"], caller)
        kind = "LoggingUpdate"
        if parameters.get("accessConfig"):
            kind = "AccessConfigUpdate"
            self._change_mode(cluster.name, parameters["accessConfig"].get("authenticationMode"))
        if parameters.get("resourcesVpcConfig"):
            kind = "VpcConfigUpdate"
            cluster.resources_vpc_config = {**cluster.resources_vpc_config, **parameters["resourcesVpcConfig"]}
        cluster.logging = parameters.get("logging", cluster.logging)
        update = {"id": str(uuid4()), "status": "InProgress", "type": kind, "createdAt": time.time()}
        return {"update": {**update, "params": [], "errors": []}}

    def update_version(self, parameters: dict[str, Any], caller: Caller) -> Mapping[str, Any]:
        """UpdateClusterVersion: one minor version at a time (EKS user guide, update-cluster); it is done at once."""
        cluster, wanted = self.found(parameters["name"], caller), parameters["version"]
        if int(wanted.partition(".")[2]) != int(cluster.version.partition(".")[2]) + 1:
            # Words as users report them (eksctl-io/eksctl, "upgrade cluster").
            text = f"Unsupported Kubernetes minor version update from {cluster.version} to {wanted}"
            raise AwsError("InvalidParameterException", text, 400)
        cluster.version = wanted
        update = {"id": str(uuid4()), "type": "VersionUpdate", "status": "InProgress", "createdAt": time.time()}
        return {"update": {**update, "params": [{"type": "Version", "value": wanted}], "errors": []}}

    def _change_mode(self, name: str, wanted: Any) -> None:
        """One step at a time, and never back to a mode without the API (EKS user guide, setting-up-access-entries)."""
        mode = self.authentication_mode(name)
        if (mode, wanted) not in (("CONFIG_MAP", "API_AND_CONFIG_MAP"), ("API_AND_CONFIG_MAP", "API")):
            # pulumi/pulumi-eks#1493
            raise AwsError(
                "InvalidParameterException", f"Unsupported authentication mode update from {mode} to {wanted}"
            )
        self._modes[name] = wanted

    def describe(self, parameters: dict[str, Any], caller: Caller) -> Mapping[str, Any]:
        """DescribeCluster (botocore shape `Cluster`, EKS API reference)."""
        name = parameters["name"]
        cluster = self.found(name, caller)
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
                "status": self._status(cluster),
                "certificateAuthority": {"data": certificate},
                "platformVersion": "eks.22",
                "tags": cluster.tags,
                "encryptionConfig": cluster.encryption_config,
                "health": {"issues": []},
                "accessConfig": {"authenticationMode": self.authentication_mode(name)},
                "upgradePolicy": {"supportType": "EXTENDED"},
                "deletionProtection": False,
            }
        }

    def _status(self, cluster: Any) -> str:
        """CREATING for a while, which moto leaves out (EKS API reference, Cluster.status)."""
        age = time.time() - cluster.created_at.timestamp()
        is_new = cluster.name != CLUSTER_NAME and age < self._settings.cluster_delay
        return "CREATING" if is_new else str(cluster.status)


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
