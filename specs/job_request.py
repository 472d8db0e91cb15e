"""A job to submit, for EKS."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from specs.fault import Findings
from specs.job_definition import JobDefinitionSpec
from specs.limit import AtMost, Between, Matches, OneOf
from specs.part import Part
from specs.pod import EnvironmentVariable, PodMetadata, Resources
from specs.retry import JobTimeout, RetryStrategy
from specs.scheduling_policy import SHARE_IDENTIFIER, SHARE_IDENTIFIER_WORDS
from specs.source import guide, member
from specs.spec import Spec

_REQUEST = "SubmitJobRequest"


class ArrayProperties(Part):
    """Makes the job an array of jobs."""

    size: Annotated[int, Between(2, 10000, member(_REQUEST, "arrayProperties"))] = Field(
        title="Size", description="How many children the job has, 2 to 10000.", examples=[10]
    )


class JobDependency(Part):
    """A job that has to succeed first."""

    job_id: str = Field(
        default="",
        title="Job ID",
        description="The job to wait for; empty only for SEQUENTIAL.",
        examples=["876da822-4198-45f2-a252-6cea32512ea8"],
    )
    type: Annotated[str, OneOf(("N_TO_N", "SEQUENTIAL"), member("JobDependency", "type"), or_empty=True)] = Field(
        default="",
        title="Type",
        description="Between array jobs: N_TO_N child by child, SEQUENTIAL one child after another.",
        examples=["N_TO_N"],
    )


class ContainerOverride(Part):
    """What is different for one container of this job."""

    name: str = Field(
        default="",
        title="Name",
        description="The container; needed when the pod has more than one.",
        examples=["main"],
    )
    image: str = Field(
        default="",
        title="Image",
        description="Another image.",
        examples=["123456789012.dkr.ecr.us-east-1.amazonaws.com/amazonlinux/amazonlinux:2023"],
    )
    command: list[str] = Field(default=[], title="Command", description="Another entry point.", examples=[["/bin/sh"]])
    args: list[str] = Field(
        default=[],
        title="Arguments",
        description="Other arguments of the entry point.",
        examples=[["-c", "echo hello world"]],
    )
    env: list[EnvironmentVariable] = Field(
        default=[],
        title="Environment",
        description="Variables that are added or replaced.",
        examples=[[{"name": "STAGE", "value": "test"}]],
    )
    resources: Resources | None = Field(
        default=None,
        title="Resources",
        description="Other resources.",
        examples=[{"limits": {"cpu": "2", "memory": "2048Mi"}}],
    )


class PodOverride(Part):
    """What is different for this job's pod."""

    containers: list[ContainerOverride] = Field(
        default=[],
        title="Containers",
        description="What is different for its containers.",
        examples=[[{"command": ["/bin/sh"], "args": ["-c", "echo hello world"]}]],
    )
    init_containers: list[ContainerOverride] = Field(
        default=[],
        title="Init containers",
        description="What is different for its init containers.",
        examples=[[{"name": "fetch", "args": ["--all"]}]],
    )
    metadata: PodMetadata | None = Field(
        default=None,
        title="Metadata",
        description="Other labels, annotations or another namespace.",
        examples=[{"labels": {"environment": "production"}}],
    )


class EksPropertiesOverride(Part):
    """What is different for this job."""

    pod_properties: PodOverride = Field(
        default_factory=PodOverride,
        title="Pod",
        description="What is different for this job's pod.",
        examples=[{"containers": [{"command": ["/bin/sh"], "args": ["-c", "echo hello world"]}]}],
    )


class JobRequest(Spec):
    """The document of ``aws batch submit-job --cli-input-json``, for EKS."""

    wire_shape: ClassVar[str] = _REQUEST

    job_name: str = Field(default="My-Eks-Job1", title="Name", description="The job's name.", examples=["My-Eks-Job1"])
    job_queue: str = Field(
        default="My-Eks-JQ1", title="Queue", description="The queue's name or ARN.", examples=["My-Eks-JQ1"]
    )
    job_definition: str = Field(
        default="MyJobOnEks_Sleep",
        title="Definition",
        description="The definition's name, name:revision or ARN; without revision the latest.",
        examples=["MyJobOnEks_Sleep", "MyJobOnEks_Sleep:3"],
    )
    eks_properties_override: EksPropertiesOverride | None = Field(
        default=None,
        title="Overrides",
        description="What is different for this job.",
        examples=[{"podProperties": {"containers": [{"command": ["/bin/sh"], "args": ["-c", "echo hello world"]}]}}],
    )
    parameters: dict[str, str] = Field(
        default={},
        title="Parameters",
        description="Values for the placeholders Ref::name.",
        examples=[{"input": "s3://my-bucket/input"}],
    )
    array_properties: ArrayProperties | None = Field(
        default=None, title="Array", description="Makes the job an array of jobs.", examples=[{"size": 10}]
    )
    depends_on: Annotated[list[JobDependency], AtMost(20, guide("service_limits"))] = Field(
        default=[],
        title="Depends on",
        description="Up to twenty jobs that have to succeed first.",
        examples=[[{"jobId": "876da822-4198-45f2-a252-6cea32512ea8"}]],
    )
    retry_strategy: RetryStrategy | None = Field(
        default=None,
        title="Retry strategy",
        description="How often the job is started again, instead of what the definition says.",
        examples=[{"attempts": 3}],
    )
    timeout: JobTimeout | None = Field(
        default=None,
        title="Timeout",
        description="When a running attempt is stopped, instead of what the definition says.",
        examples=[{"attemptDurationSeconds": 3600}],
    )
    share_identifier: Annotated[
        str,
        Matches(SHARE_IDENTIFIER, SHARE_IDENTIFIER_WORDS, member(_REQUEST, "shareIdentifier"), or_empty=True),
    ] = Field(
        default="",
        title="Share identifier",
        description="Required by fair-share queues, forbidden by others.",
        examples=["research"],
    )
    scheduling_priority_override: Annotated[
        int | None, Between(0, 9999, member(_REQUEST, "schedulingPriorityOverride"))
    ] = Field(
        default=None,
        title="Scheduling priority",
        description="The priority among jobs of the same share identifier, 0 to 9999.",
        examples=[10],
    )
    tags: dict[str, str] = Field(default={}, title="Tags", description="Tags of the job.", examples=[{"team": "data"}])

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check the rules of the user guide's EKS pages."""

    def check_against_queue(self, queue_has_policy: bool) -> None:
        """Check what depends on the queue."""

    def check_against_definition(self, definition: JobDefinitionSpec) -> None:
        """Check what depends on the job definition."""
