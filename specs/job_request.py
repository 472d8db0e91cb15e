"""A job to submit, for EKS."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from specs.container import EnvironmentVariable, Resources
from specs.fault import Fault, Findings, SpecError
from specs.job_definition import JobDefinitionSpec
from specs.job_request_rules import (
    JOB_DEFINITION,
    JOB_NAME,
    JOB_QUEUE,
    check_job_request,
    check_override_names,
)
from specs.limit import AtMost, Between, Matches, OneOf
from specs.part import Part, Refusal
from specs.pod import PodMetadata
from specs.retry import JobTimeout, RetryStrategy
from specs.scheduling_policy import SHARE_IDENTIFIER, SHARE_IDENTIFIER_WORDS
from specs.source import guide, member
from specs.spec import Spec
from specs.wire import mapping

_REQUEST = "SubmitJobRequest"
_NO_OVERRIDES = "Container overrides or node overrides should not be set for Batch on EKS jobs."
_NOT_FOR_EKS = {
    "containerOverrides": Refusal(
        _NO_OVERRIDES,
        "Use eksPropertiesOverride.podProperties.containers.",
        "AWS Batch's answer to SubmitJob (nextflow-io/nextflow issue 5817)",
    ),
    "nodeOverrides": Refusal(
        f"{_NO_OVERRIDES} Only multi-node jobs take them, which this project does not support.",
        "Use eksPropertiesOverride.podProperties.containers.",
        "AWS Batch's answer to SubmitJob (nextflow-io/nextflow issue 5817)",
    ),
    "ecsPropertiesOverride": Refusal(
        "It can only be specified for jobs that run on ECS.",
        "Use eksPropertiesOverride.",
        member(_REQUEST, "ecsPropertiesOverride"),
    ),
    "propagateTags": Refusal(
        "Tags are propagated to ECS tasks only; Batch does not put them on pods.",
        "Leave it out; use labels in eksPropertiesOverride.podProperties.metadata.",
        member(_REQUEST, "propagateTags"),
    ),
}
_NEEDS_REVISION = (
    "serviceAccountName",
    "hostNetwork",
    "dnsPolicy",
    "volumes",
    "imagePullSecrets",
    "shareProcessNamespace",
)
_CONTAINER_NEEDS_REVISION = ("imagePullPolicy", "volumeMounts", "securityContext")


def _needs_revision(shape: str, names: tuple[str, ...]) -> dict[str, Refusal]:
    rule = "A job cannot override it; only its definition can say it."
    fix = "Register a new revision of the job definition."
    return {name: Refusal(rule, fix, f"botocore batch {shape}") for name in names}


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

    refused: ClassVar[Mapping[str, Refusal]] = _needs_revision("EksContainerOverride", _CONTAINER_NEEDS_REVISION)

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

    refused: ClassVar[Mapping[str, Refusal]] = _needs_revision("EksPodPropertiesOverride", _NEEDS_REVISION)

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
    refused: ClassVar[Mapping[str, Refusal]] = _NOT_FOR_EKS

    job_name: Annotated[str, JOB_NAME] = Field(
        default="My-Eks-Job1", title="Name", description="The job's name.", examples=["My-Eks-Job1"]
    )
    job_queue: Annotated[str, JOB_QUEUE] = Field(
        default="My-Eks-JQ1", title="Queue", description="The queue's name or ARN.", examples=["My-Eks-JQ1"]
    )
    job_definition: Annotated[str, JOB_DEFINITION] = Field(
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
        description="Values for the placeholders Ref::name, as JSON.",
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
    tags: dict[str, str] = Field(
        default={}, title="Tags", description="Tags of the job, as JSON.", examples=[{"team": "data"}]
    )

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check the rules of the user guide's EKS pages."""
        check_job_request(document, found)

    def check_against_queue(self, queue_has_policy: bool) -> None:
        """Check what depends on the queue.

        Args:
            queue_has_policy: Whether the queue has a fair-share scheduling policy.

        Raises:
            SpecError: The share identifier is missing, or must not be given.
        """
        if queue_has_policy == bool(self.share_identifier):
            return
        if queue_has_policy:
            rule = "The queue has a fair-share policy, so that a share identifier must be given."
            fix = "Set shareIdentifier."
        else:
            rule = "The queue has no fair-share policy, so that a share identifier must not be given."
            fix = "Leave shareIdentifier out, or submit to a queue that was made with a scheduling policy."
        value = self.share_identifier or None
        fault = Fault("shareIdentifier", value, rule, fix, member(_REQUEST, "shareIdentifier"))
        raise SpecError(f"{type(self).__name__} {self.job_name}", [fault])

    def check_against_definition(self, definition: JobDefinitionSpec) -> None:
        """Check what depends on the job definition.

        Args:
            definition: The definition that the job runs.

        Raises:
            SpecError: An override does not say which container it is for, or names one that is not there.
        """
        found = Findings()
        pod = mapping(mapping(self.to_document().get("eksPropertiesOverride")).get("podProperties"))
        for kind, containers in (
            ("containers", definition.eks_properties.pod_properties.containers),
            ("initContainers", definition.eks_properties.pod_properties.init_containers),
        ):
            names = [container.name or "Default" for container in containers]
            check_override_names(pod.get(kind), f"eksPropertiesOverride.podProperties.{kind}", names, found)
        if found.faults:
            raise SpecError(f"{type(self).__name__} {self.job_name}", found.faults)
