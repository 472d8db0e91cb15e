"""The pod of a job definition: volumes, metadata and what containers share."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from specs.container import NOT_IN_BATCH, Container, refusal
from specs.limit import AtMost, OneOf
from specs.part import Part, Refusal
from specs.source import member

_POD_REFUSALS = {
    "tolerations": refusal(
        f"{NOT_IN_BATCH}: it tolerates the taint of its own nodes by itself.", "Leave it out.", "EksPodProperties"
    ),
    "nodeSelector": refusal(
        f"{NOT_IN_BATCH}: it chooses the node itself.",
        "Choose nodes by the compute environment's instance types, and send the job to its queue.",
        "EksPodProperties",
    ),
    "affinity": refusal(
        f"{NOT_IN_BATCH}: it chooses the node itself.",
        "Choose nodes by the compute environment's instance types, and send the job to its queue.",
        "EksPodProperties",
    ),
    "priorityClassName": refusal(
        f"{NOT_IN_BATCH}: jobs are ordered before they become pods.",
        "Use schedulingPriority with a fair-share queue, or queues of different priority.",
        "EksPodProperties",
    ),
    "securityContext": refusal(
        "Batch has no security context for the whole pod.",
        "Set securityContext on each container.",
        "EksPodProperties",
    ),
    "restartPolicy": refusal(
        f"{NOT_IN_BATCH}: it starts failed jobs again itself.", "Use retryStrategy.", "EksPodProperties"
    ),
    "terminationGracePeriodSeconds": refusal(
        f"{NOT_IN_BATCH}: a stopped job gets 30 seconds.", "Leave it out.", "EksPodProperties"
    ),
    "nodeName": refusal(f"{NOT_IN_BATCH}: it chooses the node itself.", "Leave it out.", "EksPodProperties"),
    "activeDeadlineSeconds": refusal(f"{NOT_IN_BATCH}.", "Use timeout.attemptDurationSeconds.", "EksPodProperties"),
}


class HostPath(Part):
    """A file or directory of the node."""

    path: str = Field(title="Path", description="The path on the node.", examples=["/etc/localtime"])


class EmptyDir(Part):
    """A directory that lives as long as the pod."""

    medium: Annotated[str, OneOf(("", "Memory"), member("EksEmptyDir", "medium"))] = Field(
        default="",
        title="Medium",
        description="Memory for a file system in memory, empty for the node's disk.",
        examples=["Memory"],
    )
    size_limit: str = Field(
        default="",
        title="Size limit",
        description="The largest size; there is none if it is empty.",
        examples=["1024Mi"],
    )


class SecretVolume(Part):
    """A Kubernetes secret."""

    secret_name: str = Field(
        title="Secret", description="The secret's name, in the pod's namespace.", examples=["database"]
    )
    optional: bool = Field(
        default=False,
        title="Optional",
        description="Whether the pod starts without the secret too.",
        examples=[False],
    )


class PersistentVolumeClaim(Part):
    """A claim of a persistent volume."""

    claim_name: str = Field(
        title="Claim", description="The claim's name, in the pod's namespace.", examples=["shared-data"]
    )
    read_only: bool = Field(
        default=False, title="Read only", description="Whether it is mounted to read only.", examples=[True]
    )


class Volume(Part):
    """A volume of the pod, of exactly one kind."""

    name: str = Field(title="Name", description="The volume's name, unique in the pod.", examples=["scratch"])
    host_path: HostPath | None = Field(
        default=None,
        title="Host path",
        description="A file or directory of the node.",
        examples=[{"path": "/etc/localtime"}],
    )
    empty_dir: EmptyDir | None = Field(
        default=None,
        title="Empty directory",
        description="A directory that lives as long as the pod.",
        examples=[{"medium": "Memory", "sizeLimit": "1024Mi"}],
    )
    secret: SecretVolume | None = Field(
        default=None,
        title="Secret",
        description="A Kubernetes secret.",
        examples=[{"secretName": "database"}],
    )
    persistent_volume_claim: PersistentVolumeClaim | None = Field(
        default=None,
        title="Persistent volume claim",
        description="A claim of a persistent volume.",
        examples=[{"claimName": "shared-data"}],
    )


class ImagePullSecret(Part):
    """A secret with credentials of a registry."""

    name: str = Field(title="Name", description="The name of the Kubernetes secret.", examples=["registry"])


class PodMetadata(Part):
    """The pod's labels, annotations and namespace."""

    labels: dict[str, str] = Field(
        default={},
        title="Labels",
        description="Labels of the pod, as JSON.",
        examples=[{"environment": "test"}],
    )
    annotations: dict[str, str] = Field(
        default={},
        title="Annotations",
        description="Annotations of the pod, as JSON; each value at most 255 characters long.",
        examples=[{"example.com/owner": "data"}],
    )
    namespace: str = Field(
        default="",
        title="Namespace",
        description="Another namespace than the compute environment's; it needs the same RBAC roles.",
        examples=["my-aws-batch-namespace"],
    )


class PodProperties(Part):
    """The pod that Batch makes for each job."""

    refused: ClassVar[Mapping[str, Refusal]] = _POD_REFUSALS

    containers: Annotated[list[Container], AtMost(10, member("EksPodProperties", "containers"))] = Field(
        title="Containers",
        description="One to ten containers.",
        examples=[
            [
                {
                    "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/amazonlinux/amazonlinux:2",
                    "command": ["sleep", "60"],
                    "resources": {"limits": {"cpu": "1", "memory": "1024Mi"}},
                }
            ]
        ],
    )
    init_containers: Annotated[list[Container], AtMost(10, member("EksPodProperties", "initContainers"))] = Field(
        default=[],
        title="Init containers",
        description="Up to ten containers that run to completion, one after another, before the others.",
        examples=[
            [
                {
                    "name": "fetch",
                    "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/amazonlinux/amazonlinux:2",
                    "command": ["true"],
                    "resources": {"limits": {"cpu": "1", "memory": "1024Mi"}},
                }
            ]
        ],
    )
    host_network: bool = Field(
        default=True,
        title="Host network",
        description="Whether the pod uses the node's IP address; Batch's default.",
        examples=[True],
    )
    dns_policy: Annotated[
        str,
        OneOf(
            ("Default", "ClusterFirst", "ClusterFirstWithHostNet"),
            member("EksPodProperties", "dnsPolicy"),
            or_empty=True,
        ),
    ] = Field(
        default="",
        title="DNS policy",
        description="Default, ClusterFirst or ClusterFirstWithHostNet; empty lets Batch choose.",
        examples=["ClusterFirstWithHostNet"],
    )
    service_account_name: str = Field(
        default="",
        title="Service account",
        description="The Kubernetes service account, which may stand for an IAM role.",
        examples=["batch-jobs"],
    )
    volumes: list[Volume] = Field(
        default=[],
        title="Volumes",
        description="Volumes that containers can mount.",
        examples=[[{"name": "scratch", "emptyDir": {}}]],
    )
    image_pull_secrets: list[ImagePullSecret] = Field(
        default=[],
        title="Image pull secrets",
        description="Kubernetes secrets with credentials of registries; ECR needs none.",
        examples=[[{"name": "registry"}]],
    )
    metadata: PodMetadata | None = Field(
        default=None,
        title="Metadata",
        description="The pod's labels, annotations and namespace.",
        examples=[{"labels": {"environment": "test"}}],
    )
    share_process_namespace: bool = Field(
        default=False,
        title="Share process namespace",
        description="Whether containers see each other's processes.",
        examples=[False],
    )


class EksProperties(Part):
    """The EKS part of a job definition."""

    pod_properties: PodProperties = Field(
        title="Pod",
        description="The pod that Batch makes for each job.",
        examples=[{"containers": [{"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/tools:1"}]}],
    )
