"""A container of a job definition's pod."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.config import JsonDict

from specs.limit import Between, OneOf
from specs.part import Part, Refusal
from specs.source import member

NOT_IN_BATCH = "Batch makes the pod and has no such field"


def refusal(rule: str, fix: str, shape: str) -> Refusal:
    """A field that Kubernetes has and Batch has not.

    Args:
        rule: Why, in a sentence.
        fix: What to do instead, in a sentence.
        shape: The shape of botocore that does not have it.
    """
    return Refusal(rule, fix, f"botocore batch {shape}")


_PROBE = refusal(f"{NOT_IN_BATCH}: jobs run to completion and are not probed.", "Leave it out.", "EksContainer")
_CONTAINER_REFUSALS = {
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "startupProbe": _PROBE,
    "envFrom": refusal(
        f"{NOT_IN_BATCH}.",
        "List each variable in env, or mount the secret as a volume.",
        "EksContainer",
    ),
    "lifecycle": refusal(f"{NOT_IN_BATCH}.", "Do it in the command itself, or in an init container.", "EksContainer"),
    "ports": refusal(f"{NOT_IN_BATCH}: nothing connects to jobs.", "Leave it out.", "EksContainer"),
    "workingDir": refusal(f"{NOT_IN_BATCH}.", "Change the directory in the command.", "EksContainer"),
    "logConfiguration": refusal(
        "Batch has no log driver on EKS.",
        "Send the pods' output with the CloudWatch Observability add-on.",
        "EksContainer",
    ),
}


class EnvironmentVariable(Part):
    """A variable of a container's environment."""

    refused: ClassVar[Mapping[str, Refusal]] = {
        "valueFrom": refusal(
            f"{NOT_IN_BATCH}.",
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


# Fields of the form; the document stays the map that Kubernetes has.
_AMOUNTS: JsonDict = {
    "properties": {
        "cpu": {"type": "string", "title": "CPU", "description": "vCPUs, in quarters.", "examples": ["0.5"]},
        "memory": {"type": "string", "title": "Memory", "description": "In mebibytes.", "examples": ["1024Mi"]},
        "nvidia.com/gpu": {"type": "string", "title": "GPUs", "description": "Whole ones.", "examples": ["1"]},
    }
}


class Resources(Part):
    """What a container gets: cpu in quarters, memory in Mi, nvidia.com/gpu."""

    limits: dict[str, str] = Field(
        default={},
        title="Limits",
        description="The most a container may use.",
        examples=[{"cpu": "1", "memory": "1024Mi"}],
        json_schema_extra=_AMOUNTS,
    )
    requests: dict[str, str] = Field(
        default={},
        title="Requests",
        description="What a node must have free; memory as in the limits, cpu at most that.",
        examples=[{"cpu": "0.5", "memory": "1024Mi"}],
        json_schema_extra=_AMOUNTS,
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
