"""The pod of a job definition: containers, volumes and what they share."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from specs.limit import AtMost, Between, OneOf
from specs.part import Part, Refusal
from specs.source import member

_NOT_IN_BATCH = "Batch makes the pod and has no such field"


def _refusal(rule: str, fix: str, shape: str) -> Refusal:
    return Refusal(rule, fix, f"botocore batch {shape}")


_POD_REFUSALS = {
    "tolerations": _refusal(
        f"{_NOT_IN_BATCH}: it tolerates the taint of its own nodes by itself.", "Leave it out.", "EksPodProperties"
    ),
    "nodeSelector": _refusal(
        f"{_NOT_IN_BATCH}: it chooses the node itself.",
        "Choose nodes by the compute environment's instance types, and send the job to its queue.",
        "EksPodProperties",
    ),
    "affinity": _refusal(
        f"{_NOT_IN_BATCH}: it chooses the node itself.",
        "Choose nodes by the compute environment's instance types, and send the job to its queue.",
        "EksPodProperties",
    ),
    "priorityClassName": _refusal(
        f"{_NOT_IN_BATCH}: jobs are ordered before they become pods.",
        "Use schedulingPriority with a fair-share queue, or queues of different priority.",
        "EksPodProperties",
    ),
    "securityContext": _refusal(
        "Batch has no security context for the whole pod.",
        "Set securityContext on each container.",
        "EksPodProperties",
    ),
    "restartPolicy": _refusal(
        f"{_NOT_IN_BATCH}: it starts failed jobs again itself.", "Use retryStrategy.", "EksPodProperties"
    ),
    "terminationGracePeriodSeconds": _refusal(
        f"{_NOT_IN_BATCH}: a stopped job gets 30 seconds.", "Leave it out.", "EksPodProperties"
    ),
    "nodeName": _refusal(f"{_NOT_IN_BATCH}: it chooses the node itself.", "Leave it out.", "EksPodProperties"),
    "activeDeadlineSeconds": _refusal(f"{_NOT_IN_BATCH}.", "Use timeout.attemptDurationSeconds.", "EksPodProperties"),
}
_PROBE = _refusal(f"{_NOT_IN_BATCH}: jobs run to completion and are not probed.", "Leave it out.", "EksContainer")
_CONTAINER_REFUSALS = {
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "startupProbe": _PROBE,
    "envFrom": _refusal(
        f"{_NOT_IN_BATCH}.",
        "List each variable in env, or mount the secret as a volume.",
        "EksContainer",
    ),
    "lifecycle": _refusal(f"{_NOT_IN_BATCH}.", "Do it in the command itself, or in an init container.", "EksContainer"),
    "ports": _refusal(f"{_NOT_IN_BATCH}: nothing connects to jobs.", "Leave it out.", "EksContainer"),
    "workingDir": _refusal(f"{_NOT_IN_BATCH}.", "Change the directory in the command.", "EksContainer"),
    "logConfiguration": _refusal(
        "Batch has no log driver on EKS.",
        "Send the pods' output with the CloudWatch Observability add-on.",
        "EksContainer",
    ),
}


class EnvironmentVariable(Part):
    """A variable of a container's environment."""

    refused: ClassVar[Mapping[str, Refusal]] = {
        "valueFrom": _refusal(
            f"{_NOT_IN_BATCH}.",
            "Write the value, or mount the secret as a volume.",
            "EksContainerEnvironmentVariable",
        )
    }

    name: str = Field(
        title="Name",
        description="The variable's name; AWS_BATCH is Batch's own prefix.",
        examples=["STAGE"],
    )
    value: str = Field(default="", title="Value", description="The variable's value.", examples=["test"])


class Resources(Part):
    """What a container gets: cpu in quarters, memory in Mi, nvidia.com/gpu."""

    limits: dict[str, str] = Field(
        default={},
        title="Limits",
        description='The most a container may use, for example {"cpu": "1", "memory": "1024Mi"}.',
        examples=[{"cpu": "1", "memory": "1024Mi"}],
    )
    requests: dict[str, str] = Field(
        default={},
        title="Requests",
        description="What a node must have free; memory as in the limits, cpu at most that.",
        examples=[{"cpu": "0.5", "memory": "1024Mi"}],
    )


class VolumeMount(Part):
    """Where a volume of the pod appears in a container."""

    name: str = Field(title="Volume", description="The name of one of the pod's volumes.", examples=["scratch"])
    mount_path: str = Field(title="Mount path", description="The path in the container.", examples=["/scratch"])
    sub_path: str = Field(
        default="",
        title="Path in the volume",
        description="The path in the volume, empty for its root.",
        examples=["results"],
    )
    read_only: bool = Field(
        default=False, title="Read only", description="Whether the container may not write.", examples=[True]
    )


class SecurityContext(Part):
    """What a container's processes may do."""

    run_as_user: Annotated[int | None, Between(0, None, member("EksContainerSecurityContext", "runAsUser"))] = Field(
        default=None, title="User ID", description="The user that the container runs as.", examples=[1000]
    )
    run_as_group: Annotated[int | None, Between(0, None, member("EksContainerSecurityContext", "runAsGroup"))] = Field(
        default=None, title="Group ID", description="The group that the container runs as.", examples=[1000]
    )
    privileged: bool = Field(
        default=False,
        title="Privileged",
        description="Whether the container gets nearly all rights on the node.",
        examples=[False],
    )
    allow_privilege_escalation: bool | None = Field(
        default=None,
        title="Allow privilege escalation",
        description="Whether a process may gain more rights than its parent.",
        examples=[False],
    )
    read_only_root_filesystem: bool = Field(
        default=False,
        title="Read-only root file system",
        description="Whether the root file system can only be read.",
        examples=[True],
    )
    run_as_non_root: bool = Field(
        default=False,
        title="Run as non-root",
        description="Whether the container must not run as root.",
        examples=[True],
    )


class Container(Part):
    """A container of the pod."""

    refused: ClassVar[Mapping[str, Refusal]] = _CONTAINER_REFUSALS

    name: str = Field(
        default="",
        title="Name",
        description="The container's name, unique in the pod; Batch calls it Default if it is empty.",
        examples=["main"],
    )
    image: str = Field(
        title="Image",
        description="The image, in a registry that the private cluster's nodes can reach.",
        examples=["123456789012.dkr.ecr.us-east-1.amazonaws.com/amazonlinux/amazonlinux:2"],
    )
    image_pull_policy: Annotated[
        str,
        OneOf(("Always", "IfNotPresent", "Never"), member("EksContainer", "imagePullPolicy"), or_empty=True),
    ] = Field(
        default="",
        title="Image pull policy",
        description="Always, IfNotPresent or Never; empty means IfNotPresent, or Always for :latest.",
        examples=["IfNotPresent"],
    )
    command: list[str] = Field(
        default=[],
        title="Command",
        description="The entry point, not run in a shell; empty means the image's own.",
        examples=[["sleep", "60"]],
    )
    args: list[str] = Field(
        default=[],
        title="Arguments",
        description="The arguments of the entry point; empty means the image's own.",
        examples=[["-c", "echo hello world"]],
    )
    env: list[EnvironmentVariable] = Field(
        default=[],
        title="Environment",
        description="Variables of the container's environment.",
        examples=[[{"name": "STAGE", "value": "test"}]],
    )
    resources: Resources = Field(
        default_factory=lambda: Resources(limits={"cpu": "1", "memory": "1024Mi"}),
        title="Resources",
        description="What the container gets: cpu in quarters, memory in Mi, nvidia.com/gpu.",
        examples=[{"limits": {"cpu": "1", "memory": "1024Mi"}}],
    )
    volume_mounts: list[VolumeMount] = Field(
        default=[],
        title="Volume mounts",
        description="Where the pod's volumes appear in the container.",
        examples=[[{"name": "scratch", "mountPath": "/scratch"}]],
    )
    security_context: SecurityContext | None = Field(
        default=None,
        title="Security context",
        description="What the container's processes may do.",
        examples=[{"runAsUser": 1000, "runAsNonRoot": True}],
    )


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
        description="Labels of the pod.",
        examples=[{"environment": "test"}],
    )
    annotations: dict[str, str] = Field(
        default={},
        title="Annotations",
        description="Annotations of the pod, each value at most 255 characters long.",
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
