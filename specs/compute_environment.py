"""The compute environment: the nodes that Batch manages in an EKS cluster."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from specs.compute_environment_rules import check_compute_environment
from specs.fault import Findings
from specs.limit import AtMost, Between, Matches, OneOf
from specs.name import batch_name
from specs.part import Part, Refusal
from specs.source import guide, member
from specs.spec import Spec

CLUSTER_ARN = r"arn:aws[a-z-]*:eks:[a-z0-9-]+:[0-9]{12}:cluster/[0-9A-Za-z][A-Za-z0-9_-]{0,99}"

_STRATEGIES = (
    "BEST_FIT_PROGRESSIVE",
    "SPOT_PRICE_CAPACITY_OPTIMIZED",
    "SPOT_CAPACITY_OPTIMIZED",
    "BEST_FIT_PROGRESSIVE_ORDERED",
    "SPOT_CAPACITY_OPTIMIZED_PRIORITIZED",
)
_ONLY_MANAGED_INSTANCES = Refusal(
    "It is only for compute environments of type ECS_MANAGED_INSTANCES.",
    "Leave it out: the nodes of an EKS compute environment are EC2 or SPOT.",
    member("ComputeResource", "managedInstancesProvider"),
)


class AccessEntry(Part):
    """Whether Batch manages its own access entry on the cluster instead of the aws-auth mapping."""

    desired_state: Annotated[
        str,
        OneOf(("ENABLED", "DISABLED", "INHERIT_FROM_CLUSTER"), guide("eks-access-entries")),
    ] = Field(
        default="ENABLED",
        title="Desired state",
        description="ENABLED lets Batch create the entry, DISABLED delete it, INHERIT_FROM_CLUSTER neither.",
        examples=["ENABLED"],
    )


class EksConfiguration(Part):
    """The EKS cluster and the namespace that Batch runs pods in; neither can be changed later."""

    eks_cluster_arn: Annotated[
        str, Matches(CLUSTER_ARN, "the ARN of an EKS cluster", member("EksConfiguration", "eksClusterArn"))
    ] = Field(
        title="EKS cluster ARN",
        description="The ARN of the cluster; it must exist before the compute environment.",
        examples=["arn:aws:eks:us-east-1:123456789012:cluster/my-test-cluster"],
    )
    kubernetes_namespace: str = Field(
        default="my-aws-batch-namespace",
        title="Kubernetes namespace",
        description="The namespace that Batch runs its pods in, for Batch alone.",
        examples=["my-aws-batch-namespace"],
    )
    access_entry: AccessEntry | None = Field(
        default=None,
        title="Access entry",
        description="Set it to let Batch manage an EKS access entry; without it aws-auth is used.",
        examples=[{"desiredState": "ENABLED"}],
    )


class LaunchTemplateOverride(Part):
    """Another launch template for some of the instance types."""

    launch_template_id: str = Field(
        default="",
        title="Launch template ID",
        description="The ID of the launch template; give the ID or the name.",
        examples=["lt-0123456789abcdef0"],
    )
    launch_template_name: str = Field(
        default="",
        title="Launch template name",
        description="The name of the launch template; give the ID or the name.",
        examples=["batch-nodes-gpu"],
    )
    version: str = Field(
        default="",
        title="Version",
        description="A version number, $Default or $Latest.",
        examples=["$Default"],
    )
    target_instance_types: list[str] = Field(
        title="Target instance types",
        description="The instance types or families that it is for, all among the compute resources' own.",
        examples=[["g5.xlarge"]],
    )
    userdata_type: Annotated[
        str,
        OneOf(("EKS_BOOTSTRAP_SH", "EKS_NODEADM"), guide("eks-migration-2023"), or_empty=True),
    ] = Field(
        default="",
        title="User data type",
        description="How nodes join the cluster; a custom image based on AL2023 needs EKS_NODEADM.",
        examples=["EKS_NODEADM"],
    )


class LaunchTemplate(Part):
    """The launch template of the nodes."""

    launch_template_id: str = Field(
        default="",
        title="Launch template ID",
        description="The ID of the launch template; give the ID or the name.",
        examples=["lt-0123456789abcdef0"],
    )
    launch_template_name: str = Field(
        default="",
        title="Launch template name",
        description="The name of the launch template; give the ID or the name.",
        examples=["batch-nodes"],
    )
    version: str = Field(
        default="",
        title="Version",
        description="A version number, $Default or $Latest.",
        examples=["$Default"],
    )
    overrides: Annotated[
        list[LaunchTemplateOverride], AtMost(10, member("LaunchTemplateSpecification", "overrides"))
    ] = Field(
        default=[],
        title="Overrides",
        description="Up to ten other launch templates for some of the instance types.",
        examples=[[{"launchTemplateName": "batch-nodes-gpu", "targetInstanceTypes": ["g5.xlarge"]}]],
    )
    userdata_type: Annotated[
        str,
        OneOf(("EKS_BOOTSTRAP_SH", "EKS_NODEADM"), guide("eks-migration-2023"), or_empty=True),
    ] = Field(
        default="",
        title="User data type",
        description="How nodes join the cluster; a custom image based on AL2023 needs EKS_NODEADM.",
        examples=["EKS_NODEADM"],
    )


class Ec2Configuration(Part):
    """The machine image of the nodes."""

    image_type: str = Field(
        default="EKS_AL2023",
        title="Image type",
        description="EKS_AL2023 or EKS_AL2023_NVIDIA; AWS no longer supports the AL2 images.",
        examples=["EKS_AL2023", "EKS_AL2023_NVIDIA"],
    )
    image_id_override: str = Field(
        default="",
        title="Image ID",
        description="The ID of a custom machine image; leave it empty for the newest that Batch knows.",
        examples=["ami-0123456789abcdef0"],
    )
    image_kubernetes_version: str = Field(
        default="",
        title="Kubernetes version",
        description="The Kubernetes version of the image, which should be the cluster's.",
        examples=["1.33"],
    )


class ScalingPolicy(Part):
    """How long nodes stay after their last job."""

    min_scale_down_delay_minutes: Annotated[
        int, Between(20, 10080, member("ComputeScalingPolicy", "minScaleDownDelayMinutes"), also=0)
    ] = Field(
        default=20,
        title="Scale-down delay in minutes",
        description="How long an idle node is kept, 20 to 10080 minutes; 0 turns the delay off.",
        examples=[20],
    )


class ComputeResources(Part):
    """The nodes: how many, of which kinds, in which subnets."""

    refused: ClassVar[Mapping[str, Refusal]] = {
        "managedInstancesProvider": _ONLY_MANAGED_INSTANCES,
        "capacityTags": _ONLY_MANAGED_INSTANCES,
    }

    type: Annotated[
        str,
        OneOf(
            ("EC2", "SPOT"),
            guide("eks"),
            others="AWS Batch on EKS runs jobs on EC2 instances; the other types are for ECS.",
        ),
    ] = Field(
        default="EC2",
        title="Type",
        description="EC2 for On-Demand instances, SPOT for Spot instances; EKS has no Fargate here.",
        examples=["EC2", "SPOT"],
    )
    allocation_strategy: Annotated[str, OneOf(_STRATEGIES, guide("allocation-strategies"))] = Field(
        default="BEST_FIT_PROGRESSIVE",
        title="Allocation strategy",
        description="How instance types are chosen; SPOT_PRICE_CAPACITY_OPTIMIZED is recommended for Spot.",
        examples=["BEST_FIT_PROGRESSIVE", "SPOT_PRICE_CAPACITY_OPTIMIZED"],
    )
    minv_cpus: Annotated[int, Between(0, None, member("ComputeResource", "minvCpus"))] = Field(
        default=0,
        title="Minimum vCPUs",
        description="The vCPUs that are kept even when there is nothing to do.",
        examples=[0],
    )
    maxv_cpus: Annotated[int, Between(0, None, member("ComputeResource", "maxvCpus"))] = Field(
        default=128,
        title="Maximum vCPUs",
        description="The vCPUs that are never exceeded by more than one instance.",
        examples=[128],
    )
    desiredv_cpus: Annotated[int | None, Between(0, None, member("ComputeResource", "desiredvCpus"))] = Field(
        default=None,
        title="Desired vCPUs",
        description="The vCPUs to begin with; Batch changes them as jobs come and go.",
        examples=[0],
    )
    instance_types: list[str] = Field(
        default=["m5"],
        title="Instance types",
        description="Instance types, families, or default_x86_64 or default_arm64; all of one architecture.",
        examples=[["m5"], ["default_x86_64"]],
    )
    subnets: list[str] = Field(
        default=[],
        title="Subnets",
        description="The private subnets of the cluster's VPC that the nodes start in.",
        examples=[["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]],
    )
    security_group_ids: list[str] = Field(
        default=[],
        title="Security groups",
        description="The nodes' security groups, usually the cluster security group.",
        examples=[["sg-0123456789abcdef0"]],
    )
    instance_role: str = Field(
        default="",
        title="Instance profile",
        description="The name or ARN of the nodes' instance profile; a role's ARN does not work.",
        examples=["arn:aws:iam::123456789012:instance-profile/EksBatchInstanceProfile"],
    )
    ec2_key_pair: str = Field(
        default="",
        title="EC2 key pair",
        description="The key pair for logging in to nodes with SSH.",
        examples=["my-key-pair"],
    )
    tags: dict[str, str] = Field(
        default={},
        title="Instance tags",
        description="Tags of the EC2 instances; as JSON; changing them replaces the instances.",
        examples=[{"Name": "Batch node"}],
    )
    placement_group: str = Field(
        default="",
        title="Placement group",
        description="The EC2 placement group of the instances.",
        examples=["my-placement-group"],
    )
    bid_percentage: Annotated[int | None, Between(1, 100, member("ComputeResource", "bidPercentage"))] = Field(
        default=None,
        title="Bid percentage",
        description="The most that a Spot instance may cost, in percent of its On-Demand price.",
        examples=[60],
    )
    spot_iam_fleet_role: str = Field(
        default="",
        title="Spot Fleet role",
        description="The ARN of the Spot Fleet role; only the strategy BEST_FIT, not allowed on EKS, needs it.",
        examples=["arn:aws:iam::123456789012:role/AmazonEC2SpotFleetRole"],
    )
    launch_template: LaunchTemplate | None = Field(
        default=None,
        title="Launch template",
        description="A launch template for the nodes; user data must be MIME multipart.",
        examples=[{"launchTemplateName": "batch-nodes", "version": "$Default"}],
    )
    ec2_configuration: Annotated[list[Ec2Configuration], AtMost(2, member("ComputeResource", "ec2Configuration"))] = (
        Field(
            default=[],
            title="Machine images",
            description="One or two choices of the nodes' machine image.",
            examples=[[{"imageType": "EKS_AL2023", "imageKubernetesVersion": "1.33"}]],
        )
    )
    image_id: str = Field(
        default="",
        title="Image ID (deprecated)",
        description="Deprecated by AWS: use the image ID of a machine image choice.",
        examples=["ami-0123456789abcdef0"],
    )
    scaling_policy: ScalingPolicy | None = Field(
        default=None,
        title="Scaling policy",
        description="How long idle nodes are kept.",
        examples=[{"minScaleDownDelayMinutes": 20}],
    )


class ComputeEnvironmentSpec(Spec):
    """The document of ``aws batch create-compute-environment --cli-input-json``, for EKS."""

    wire_shape: ClassVar[str] = "CreateComputeEnvironmentRequest"
    refused: ClassVar[Mapping[str, Refusal]] = {
        "ecsSettings": Refusal(
            "ecsSettings are for compute environments on ECS.",
            "Leave it out: Container Insights of an EKS cluster is set up in the cluster.",
            member("CreateComputeEnvironmentRequest", "ecsSettings"),
        )
    }

    compute_environment_name: Annotated[
        str, batch_name(member("CreateComputeEnvironmentRequest", "computeEnvironmentName"))
    ] = Field(
        default="My-Eks-CE1",
        title="Name",
        description="The compute environment's name.",
        examples=["My-Eks-CE1"],
    )
    type: Annotated[str, OneOf(("MANAGED", "UNMANAGED"), member("CreateComputeEnvironmentRequest", "type"))] = Field(
        default="MANAGED",
        title="Type",
        description="MANAGED lets Batch start and stop the nodes.",
        examples=["MANAGED"],
    )
    state: Annotated[
        str,
        OneOf(
            ("ENABLED",),
            member("CreateComputeEnvironmentRequest", "state"),
            others="A compute environment must be created in the ENABLED state.",
        ),
    ] = Field(
        default="ENABLED",
        title="State",
        description="A compute environment must be created in the ENABLED state.",
        examples=["ENABLED"],
    )
    eks_configuration: EksConfiguration = Field(
        title="EKS cluster",
        description="The cluster and the namespace.",
        examples=[
            {
                "eksClusterArn": "arn:aws:eks:us-east-1:123456789012:cluster/my-test-cluster",
                "kubernetesNamespace": "my-aws-batch-namespace",
            }
        ],
    )
    compute_resources: ComputeResources | None = Field(
        default=None,
        title="Compute resources",
        description="The nodes that Batch manages; required for MANAGED, not for UNMANAGED.",
        examples=[{"type": "EC2", "allocationStrategy": "BEST_FIT_PROGRESSIVE", "maxvCpus": 128}],
    )
    service_role: str = Field(
        default="",
        title="Service role",
        description="Leave it empty: only Batch's service-linked role works on EKS.",
        examples=["arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"],
    )
    unmanagedv_cpus: Annotated[
        int | None, Between(0, None, member("CreateComputeEnvironmentRequest", "unmanagedvCpus"))
    ] = Field(
        default=None,
        title="Unmanaged vCPUs",
        description="Only for UNMANAGED with a fair-share queue: the vCPUs that there are.",
        examples=[64],
    )
    tags: dict[str, str] = Field(
        default={},
        title="Tags",
        description="Tags of the compute environment; as JSON; they do not reach the instances.",
        examples=[{"team": "data"}],
    )

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check the rules of the user guide's EKS pages."""
        check_compute_environment(document, found)
