"""The job queue: where jobs wait for a compute environment."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from specs.fault import Findings
from specs.limit import AtMost, Between, Matches, OneOf
from specs.name import batch_name
from specs.part import Part, Refusal
from specs.source import guide, member
from specs.spec import Spec
from specs.tags import check_tags
from specs.wire import elements, mapping

_POLICY_ARN = r"arn:aws[a-z-]*:batch:[a-z0-9-]+:[0-9]{12}:scheduling-policy/[A-Za-z0-9_-]{1,128}"
_ENVIRONMENT = r"(arn:aws[a-z-]*:batch:[a-z0-9-]+:[0-9]{12}:compute-environment/)?[A-Za-z0-9_-]{1,128}"
_TIME_LIMIT_REASONS = (
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
    "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
)


class ComputeEnvironmentOrder(Part):
    """One compute environment of the queue and its turn."""

    order: int = Field(
        default=1,
        title="Order",
        description="Compute environments are tried in ascending order.",
        examples=[1],
    )
    compute_environment: Annotated[
        str,
        Matches(
            _ENVIRONMENT,
            "the name (1 to 128 letters, digits, hyphens and underscores) or the ARN of a compute environment",
            member("ComputeEnvironmentOrder", "computeEnvironment"),
        ),
    ] = Field(
        default="My-Eks-CE1",
        title="Compute environment",
        description="The name or ARN of the compute environment; it must be VALID.",
        examples=["My-Eks-CE1"],
    )


class JobStateTimeLimitAction(Part):
    """What to do with a job that blocks the head of the queue."""

    reason: Annotated[str, OneOf(_TIME_LIMIT_REASONS, guide("job_stuck_in_runnable_time_limit_actions"))] = Field(
        default="MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
        title="Reason",
        description="Why the job is stuck: one of " + ", ".join(_TIME_LIMIT_REASONS) + ".",
        examples=["MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"],
    )
    state: Annotated[str, OneOf(("RUNNABLE",), member("JobStateTimeLimitAction", "state"))] = Field(
        default="RUNNABLE",
        title="State",
        description="The state that the job is stuck in; only RUNNABLE is supported.",
        examples=["RUNNABLE"],
    )
    max_time_seconds: Annotated[int, Between(600, 86400, member("JobStateTimeLimitAction", "maxTimeSeconds"))] = Field(
        default=3600,
        title="Seconds",
        description="How long the job may be stuck, 600 to 86400 seconds.",
        examples=[3600],
    )
    action: Annotated[
        str,
        OneOf(
            ("CANCEL",),
            member("JobStateTimeLimitAction", "action"),
            others="Jobs on EKS can only be cancelled.",
        ),
    ] = Field(
        default="CANCEL",
        title="Action",
        description="What is done with the job; on EKS it can only be cancelled.",
        examples=["CANCEL"],
    )


class JobQueueSpec(Spec):
    """The document of ``aws batch create-job-queue --cli-input-json``, for EKS."""

    wire_shape: ClassVar[str] = "CreateJobQueueRequest"
    refused: ClassVar[Mapping[str, Refusal]] = {
        "serviceEnvironmentOrder": Refusal(
            "Service environments are for SageMaker jobs; a queue can't have both kinds of environments.",
            "List the EKS compute environments in computeEnvironmentOrder.",
            member("CreateJobQueueRequest", "serviceEnvironmentOrder"),
        )
    }

    job_queue_name: Annotated[str, batch_name(member("CreateJobQueueRequest", "jobQueueName"))] = Field(
        default="My-Eks-JQ1",
        title="Name",
        description="The job queue's name.",
        examples=["My-Eks-JQ1"],
    )
    priority: Annotated[int, Between(0, None, member("CreateJobQueueRequest", "priority"))] = Field(
        default=10,
        title="Priority",
        description="Queues with a higher priority are served first by a shared compute environment.",
        examples=[10],
    )
    state: Annotated[str, OneOf(("ENABLED", "DISABLED"), member("CreateJobQueueRequest", "state"))] = Field(
        default="ENABLED",
        title="State",
        description="ENABLED accepts jobs; DISABLED only finishes those that are there.",
        examples=["ENABLED"],
    )
    compute_environment_order: Annotated[list[ComputeEnvironmentOrder], AtMost(3, guide("service_limits"))] = Field(
        default=[ComputeEnvironmentOrder()],
        title="Compute environments",
        description="One to three compute environments of one architecture, in the order they are tried.",
        examples=[[{"order": 1, "computeEnvironment": "My-Eks-CE1"}]],
    )
    scheduling_policy_arn: Annotated[
        str,
        Matches(
            _POLICY_ARN,
            "the ARN of a scheduling policy",
            member("CreateJobQueueRequest", "schedulingPolicyArn"),
            or_empty=True,
        ),
    ] = Field(
        default="",
        title="Scheduling policy ARN",
        description="The fair-share policy; a queue made with one keeps having one, and one without never gets one.",
        examples=["arn:aws:batch:us-east-1:123456789012:scheduling-policy/My-Eks-SP1"],
    )
    job_queue_type: Annotated[
        str,
        OneOf(
            ("EKS",),
            member("CreateJobQueueRequest", "jobQueueType"),
            or_empty=True,
            others="A queue for jobs on EKS is of type EKS.",
        ),
    ] = Field(
        default="",
        title="Queue type",
        description="EKS, or empty to let Batch take it from the compute environments.",
        examples=["EKS"],
    )
    job_state_time_limit_actions: list[JobStateTimeLimitAction] = Field(
        default=[],
        title="Time limit actions",
        description="After how long AWS Batch cancels a job that blocks the head of the queue, one entry for each "
        "reason; none to let it wait.",
        examples=[
            [
                {
                    "reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
                    "state": "RUNNABLE",
                    "maxTimeSeconds": 3600,
                    "action": "CANCEL",
                }
            ]
        ],
    )
    tags: dict[str, str] = Field(
        default={},
        title="Tags",
        description="Tags of the job queue, as JSON.",
        examples=[{"team": "data"}],
    )

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check that the queue has compute environments, each once and each with its own turn."""
        check_tags(document.get("tags"), "tags", found)
        path = "computeEnvironmentOrder"
        source = member("CreateJobQueueRequest", path)
        if not document.get(path) and "serviceEnvironmentOrder" not in document:
            rule = "A queue for EKS jobs needs at least one compute environment."
            found.fault(path, document.get(path), rule, "List one to three compute environments.", source)
        for name, words in (("order", "order"), ("computeEnvironment", "compute environment")):
            seen: list[Any] = []
            for where, one in elements(document.get(path), path):
                value = mapping(one).get(name)
                if value is not None and value in seen:
                    rule = f"Each entry needs its own {words}; this one is there already."
                    found.fault(f"{where}.{name}", value, rule, f"Choose another {words}.", source)
                seen.append(value)
