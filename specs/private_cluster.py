"""The private cluster itself: eksctl's ClusterConfig."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Self

import yaml
from pydantic import ConfigDict, Field

from specs.fault import Fault, Findings, SpecError
from specs.form_model import FROM_DOCUMENT
from specs.limit import Matches
from specs.part import Part, Refusal, wire
from specs.private_cluster_shape import private_cluster_shapes
from specs.shape import Shapes
from specs.shape_check import check_shape
from specs.source import EKSCTL_SCHEMA, EKSCTL_VALIDATION, PRIVATE_CLUSTER, member
from specs.spec import Spec
from specs.wire import elements, mapping, text, texts

_NAME = Matches(
    "[a-zA-Z][-a-zA-Z0-9]{0,99}",
    "1 to 100 letters, digits and hyphens, beginning with a letter (CloudFormation's stacks are named after it)",
    f"{EKSCTL_VALIDATION}; {member('CreateClusterRequest', 'name', 'eks')}",
)
_HEADER = {"kind": "ClusterConfig", "apiVersion": "eksctl.io/v1alpha5"}
_ENDPOINT_SERVICES = ("autoscaling", "cloudformation", "logs")
_UNSUPPORTED_REGION = "eu-south-1"


class ClusterMetadata(Part):
    """What the cluster is called and where it is."""

    name: Annotated[str, _NAME] = Field(
        default="my-test-cluster",
        title="Name",
        description="The cluster's name; that of the EKS Cluster block.",
        examples=["my-test-cluster"],
    )
    region: str = Field(
        default="us-east-1",
        title="Region",
        description="The cluster's region; eksctl makes no private clusters in eu-south-1.",
        examples=["us-east-1"],
    )
    version: str = Field(
        default="",
        title="Kubernetes version",
        description="Such as 1.33; empty for the default of the installed eksctl. AWS Batch does not support all.",
        examples=["1.33"],
    )
    tags: dict[str, str] = Field(
        default={},
        title="Tags",
        description="Tags of everything that eksctl creates, as JSON.",
        examples=[{"team": "data"}],
    )


class NodeGroup(Part):
    """Nodes for what is not of AWS Batch, such as CoreDNS; Batch brings its own."""

    name: Annotated[str, _NAME] = Field(
        default="ng-1", title="Name", description="The node group's name.", examples=["ng-1"]
    )
    private_networking: bool = Field(
        default=True,
        title="Private networking",
        description="Always on: a private cluster has private subnets only, and eksctl wants it written out.",
        examples=[True],
    )
    instance_type: str = Field(
        default="",
        title="Instance type",
        description="Empty for eksctl's default.",
        examples=["m5.large"],
    )
    min_size: int | None = Field(default=None, title="Least nodes", description="Or eksctl's default.", examples=[1])
    max_size: int | None = Field(default=None, title="Most nodes", description="Or eksctl's default.", examples=[3])
    desired_capacity: int | None = Field(
        default=None, title="Nodes", description="How many nodes it starts with; or eksctl's default.", examples=[2]
    )


class Subnet(Part):
    """A private subnet that exists."""

    id: str = Field(default="", title="ID", description="The subnet's id.", examples=["subnet-0123456789abcdef0"])


class ClusterSubnets(Part):
    """The subnets of a VPC that exists."""

    refused: ClassVar[Mapping[str, Refusal]] = {
        "public": Refusal(
            "A private cluster has no public subnets.",
            "List private subnets under vpc.subnets.private.",
            PRIVATE_CLUSTER,
        )
    }

    private: dict[str, Subnet] = Field(
        default={},
        title="Private subnets",
        description="Subnets by availability zone, as JSON. Each needs a route table of its own association: eksctl "
        "adds the endpoints' routes to it and never to the VPC's main one.",
        examples=[{"us-east-1a": {"id": "subnet-0123456789abcdef0"}}],
    )


class ClusterVpc(Part):
    """A VPC that exists, for the cluster to be made in."""

    refused: ClassVar[Mapping[str, Refusal]] = {
        "clusterEndpoints": Refusal(
            "A fully private cluster can have private access only; eksctl refuses the field.",
            "Leave it out; eksctl switches the public endpoint off as its last step.",
            PRIVATE_CLUSTER,
        )
    }

    id: str = Field(
        default="",
        title="VPC",
        description="The VPC's id; empty to let eksctl take it from the subnets, or make one.",
        examples=["vpc-0123456789abcdef0"],
    )
    subnets: ClusterSubnets | None = Field(
        default=None,
        title="Subnets",
        description="Subnets that exist; without any, eksctl makes them.",
        examples=[{"private": {"us-east-1a": {"id": "subnet-0123456789abcdef0"}}}],
    )


class PrivateEndpoints(Part):
    """That the cluster is private, and which VPC endpoints are made for it."""

    enabled: bool = Field(
        default=True, title="Enabled", description="Always on: this is what makes the cluster private.", examples=[True]
    )
    skip_endpoint_creation: bool = Field(
        default=False,
        title="Skip endpoint creation",
        description="Only for a VPC of yours that has all endpoints: ecr.api, ecr.dkr, s3, ec2 and sts.",
        examples=[False],
    )
    additional_endpoint_services: list[str] = Field(
        default=[],
        title="Additional endpoints",
        description="Endpoints beside those that every private cluster gets: autoscaling, cloudformation, logs.",
        examples=[["logs"]],
    )

    def model_post_init(self, context: Any, /) -> None:
        """Write skipEndpointCreation out, as the tutorial does."""
        super().model_post_init(context)
        if context != FROM_DOCUMENT:
            self.model_fields_set.add("skip_endpoint_creation")


class PrivateClusterSpec(Spec):
    """The document of ``eksctl create cluster -f``, for a private cluster."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"metadata": {"name": "my-test-cluster", "region": "us-east-1"}}]}
    )
    wire_shape: ClassVar[str] = "ClusterConfig"

    metadata: ClusterMetadata = Field(
        default=ClusterMetadata(),
        title="Cluster",
        description="Name, region and version of the cluster.",
        examples=[{"name": "my-test-cluster", "region": "us-east-1"}],
    )
    availability_zones: list[str] = Field(
        default=["us-east-1a", "us-east-1b", "us-east-1d"],
        title="Availability zones",
        description="At least two zones of the region, for a VPC that eksctl makes; empty with subnets of your own, or "
        "to let eksctl choose.",
        examples=[["us-east-1a", "us-east-1b", "us-east-1d"]],
    )
    vpc: ClusterVpc | None = Field(
        default=None,
        title="VPC",
        description="A VPC of your own; without it eksctl makes one.",
        examples=[{"subnets": {"private": {"us-east-1a": {"id": "subnet-0123456789abcdef0"}}}}],
    )
    managed_node_groups: list[NodeGroup] = Field(
        default=[NodeGroup()],
        title="Managed node groups",
        description="Nodes that EKS manages, for what is not of AWS Batch.",
        examples=[[{"name": "ng-1", "privateNetworking": True}]],
    )
    node_groups: list[NodeGroup] = Field(
        default=[],
        title="Self-managed node groups",
        description="Nodes that eksctl makes without EKS; making them needs a way to the cluster's own API.",
        examples=[[{"name": "ng-2", "privateNetworking": True}]],
    )
    private_cluster: PrivateEndpoints = Field(
        default=PrivateEndpoints(),
        title="Private cluster",
        description="That the cluster is private, and its VPC endpoints.",
        examples=[{"enabled": True, "skipEndpointCreation": False}],
    )

    @classmethod
    def from_yaml(cls, document: str) -> Self:
        """Read the YAML file that eksctl takes.

        Args:
            document: The file's text.

        Raises:
            SpecError: It is not YAML, or it breaks rules; all of them are listed.
        """
        try:
            return cls.from_document(yaml.safe_load(document))
        except yaml.YAMLError as error:
            fault = Fault("document", None, f"It is not YAML: {error}", "Correct the line that it names.", "YAML")
            raise SpecError(cls.__name__, [fault]) from error

    def to_yaml(self) -> str:
        """Render the YAML file that eksctl takes."""
        return yaml.safe_dump(self.to_document(), sort_keys=False)

    @classmethod
    def shapes(cls) -> Shapes:
        """What this project knows of a ClusterConfig."""
        return private_cluster_shapes()

    @classmethod
    def fields_of(cls, document: Mapping[str, Any]) -> dict[str, Any]:
        """All but the kind of document, which is always the same."""
        return {key: value for key, value in document.items() if key not in _HEADER}

    def to_document(self) -> dict[str, Any]:
        """Render the document."""
        return {**_HEADER, **super().to_document()}

    @classmethod
    def document_of(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The document for input by keyword or from a form."""
        return {**_HEADER, **wire(cls, fields)}

    @classmethod
    def examine(cls, document: Mapping[str, Any]) -> Findings:
        """Check a document: shape, limits and rules, all at once."""
        found = Findings()
        check_shape(cls.shapes(), cls.wire_shape, cls.fields_of(document), cls, found)
        cls.check(document, found)
        return found

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check what eksctl and EKS say about private clusters."""
        for name, wanted in _HEADER.items():
            if document.get(name) != wanted:
                rule = f"Here the {name} is {wanted}."
                found.fault(name, document.get(name), rule, f"Write {wanted}.", EKSCTL_SCHEMA)
        _check_place(document, found)
        _check_node_groups(document, found)
        _check_private(document, found)


def _check_place(document: Mapping[str, Any], found: Findings) -> None:
    region = text(mapping(document.get("metadata")).get("region"))
    zones = list(texts(document.get("availabilityZones"), "availabilityZones"))
    if region == _UNSUPPORTED_REGION:
        rule = f"Fully private clusters are not supported in {_UNSUPPORTED_REGION}."
        found.fault("metadata.region", region, rule, "Choose another region.", PRIVATE_CLUSTER)
    for where, zone in zones:
        if region and not zone.startswith(region):
            rule = f"It is not a zone of the region {region}."
            fix = f"Choose zones that begin with {region}, or correct the region."
            found.fault(where, zone, rule, fix, "https://docs.aws.amazon.com/global-infrastructure/latest/regions")
    if len(zones) == 1:
        rule = "EKS needs subnets in two zones; eksctl refuses a single one."
        found.fault("availabilityZones", [zones[0][1]], rule, "Name a second zone.", EKSCTL_VALIDATION)
    if zones and _own_subnets(document):
        rule = "Zones are for a VPC that eksctl makes; it refuses them together with vpc.subnets."
        fix = "Leave availabilityZones empty: the subnets say where they are."
        found.fault("availabilityZones", [zone for _, zone in zones], rule, fix, EKSCTL_VALIDATION)


def _check_node_groups(document: Mapping[str, Any], found: Findings) -> None:
    seen: list[str] = []
    for kind in ("managedNodeGroups", "nodeGroups"):
        for where, group in elements(document.get(kind), kind):
            one = mapping(group)
            if one.get("privateNetworking") is False:
                rule = "A private cluster has private subnets only, so that its nodes need private networking."
                found.fault(f"{where}.privateNetworking", False, rule, "Write true.", PRIVATE_CLUSTER)
            name = text(one.get("name"))
            if name and name in seen:
                rule = "Node groups of a cluster need names of their own, managed or not."
                found.fault(f"{where}.name", name, rule, "Choose another name.", EKSCTL_VALIDATION)
            seen.append(name)
            _check_sizes(one, where, found)


def _check_sizes(group: Mapping[str, Any], where: str, found: Findings) -> None:
    names = ("minSize", "desiredCapacity", "maxSize")
    sizes = [(name, group[name]) for name in names if isinstance(group.get(name), int)]
    for (lower, low), (upper, high) in pairwise(sizes):
        if low > high:
            rule = f"{lower} ({low}) is more than {upper} ({high})."
            found.fault(f"{where}.{lower}", low, rule, "Change one of them.", EKSCTL_VALIDATION)


def _check_private(document: Mapping[str, Any], found: Findings) -> None:
    private, path = mapping(document.get("privateCluster")), "privateCluster.additionalEndpointServices"
    if private.get("enabled") is False:
        rule = "Without it eksctl makes a public cluster."
        found.fault("privateCluster.enabled", False, rule, "Write true.", PRIVATE_CLUSTER)
    services = list(texts(private.get("additionalEndpointServices"), path))
    skipped = private.get("skipEndpointCreation") is True
    if services and skipped:
        rule = "It cannot be used together with skipEndpointCreation."
        fix = "Leave it out and make these endpoints yourself, or let eksctl create all of them."
        found.fault(path, [service for _, service in services], rule, fix, PRIVATE_CLUSTER)
    for where, service in services:
        if service not in _ENDPOINT_SERVICES:
            rule = f"eksctl makes additional endpoints for {', '.join(_ENDPOINT_SERVICES)} only."
            fix = "Leave it out: other endpoints, such as batch and eks, are made in the VPC once the cluster exists."
            found.fault(where, service, rule, fix, PRIVATE_CLUSTER)
    if len({service for _, service in services}) < len(services):
        found.fault(path, None, "A service is named twice.", "Name each of them once.", EKSCTL_VALIDATION)
    if skipped and not _own_subnets(document):
        sentence = "A VPC that eksctl makes then has no endpoints, and no node of it can join."
        found.warn("privateCluster.skipEndpointCreation", sentence, PRIVATE_CLUSTER)


def _own_subnets(document: Mapping[str, Any]) -> bool:
    return bool(mapping(document.get("vpc")).get("subnets"))
