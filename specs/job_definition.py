"""The job definition: what a job runs, for EKS."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from specs.container import Container
from specs.fault import Findings
from specs.limit import Between, OneOf
from specs.name import batch_name
from specs.part import Refusal
from specs.pod import EksProperties, PodMetadata, PodProperties
from specs.pod_rules import check_pod
from specs.retry import JobTimeout, RetryStrategy, check_retry
from specs.source import guide, member
from specs.spec import Spec
from specs.tags import check_tags

LARGEST = 24 * 1024
"""Bytes of a job definition."""

_REQUEST = "RegisterJobDefinitionRequest"
_NO_MULTI_NODE = "Multi-node parallel jobs are not supported by this project."
_ECS_ONLY = {
    "containerProperties": "containerProperties are for ECS; they must not be specified for EKS job definitions.",
    "ecsProperties": "ecsProperties are for ECS; they must not be specified for EKS job definitions.",
    "platformCapabilities": "Platform capabilities choose between EC2 and Fargate on ECS; EKS has none.",
    "propagateTags": "Tags are propagated to ECS tasks only; Batch does not put them on pods.",
}


def _sleep() -> EksProperties:
    """The tutorial's pod; its image is public, so that it is mirrored on the way."""
    return EksProperties(
        pod_properties=PodProperties(
            containers=[Container(image="public.ecr.aws/amazonlinux/amazonlinux:2", command=["sleep", "60"])],
            metadata=PodMetadata(labels={"environment": "test"}),
        )
    )


class JobDefinitionSpec(Spec):
    """The document of ``aws batch register-job-definition --cli-input-json``, for EKS."""

    wire_shape: ClassVar[str] = _REQUEST
    refused: ClassVar[Mapping[str, Refusal]] = {
        name: Refusal(rule, "Leave it out and use eksProperties.", member(_REQUEST, name))
        for name, rule in _ECS_ONLY.items()
    } | {
        "nodeProperties": Refusal(
            _NO_MULTI_NODE,
            "Use an array job, or register the definition with the AWS CLI.",
            member(_REQUEST, "nodeProperties"),
        )
    }

    job_definition_name: Annotated[str, batch_name(member(_REQUEST, "jobDefinitionName"))] = Field(
        default="MyJobOnEks_Sleep",
        title="Name",
        description="The job definition's name; each registration is a new revision of it.",
        examples=["MyJobOnEks_Sleep"],
    )
    type: Annotated[str, OneOf(("container",), member(_REQUEST, "type"), others=_NO_MULTI_NODE)] = Field(
        default="container",
        title="Type",
        description="The type of job; only container is supported here.",
        examples=["container"],
    )
    eks_properties: EksProperties = Field(
        default_factory=_sleep,
        title="EKS properties",
        description="The pod that Batch makes for each job.",
        examples=[
            {
                "podProperties": {
                    "hostNetwork": True,
                    "containers": [
                        {
                            "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/amazonlinux/amazonlinux:2",
                            "command": ["sleep", "60"],
                            "resources": {"limits": {"cpu": "1", "memory": "1024Mi"}},
                        }
                    ],
                    "metadata": {"labels": {"environment": "test"}},
                }
            }
        ],
    )
    parameters: dict[str, str] = Field(
        default={},
        title="Parameters",
        description="Values for the placeholders Ref::name, as JSON; a job can replace them.",
        examples=[{"input": "s3://my-bucket/input"}],
    )
    retry_strategy: RetryStrategy | None = Field(
        default=None,
        title="Retry strategy",
        description="How often failed jobs are started again.",
        examples=[{"attempts": 3}],
    )
    timeout: JobTimeout | None = Field(
        default=None,
        title="Timeout",
        description="When a running attempt is stopped.",
        examples=[{"attemptDurationSeconds": 3600}],
    )
    scheduling_priority: Annotated[int | None, Between(0, 9999, member(_REQUEST, "schedulingPriority"))] = Field(
        default=None,
        title="Scheduling priority",
        description="The priority among jobs of the same share identifier, 0 to 9999.",
        examples=[10],
    )
    tags: dict[str, str] = Field(
        default={},
        title="Tags",
        description="Tags of the job definition, as JSON.",
        examples=[{"team": "data"}],
    )

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check the rules of the user guide's EKS pages."""
        check_tags(document.get("tags"), "tags", found)
        check_retry(document.get("retryStrategy"), "retryStrategy", found)
        _check_properties(document, found)
        size = len(json.dumps(document, separators=(",", ":"), default=str).encode())
        if size > LARGEST:
            rule = f"A job definition has at most {LARGEST} bytes, this one has {size}."
            found.fault("document", None, rule, "Move long values out of it.", guide("service_limits"))


def _check_properties(document: Mapping[str, Any], found: Findings) -> None:
    properties = document.get("eksProperties")
    if properties is None and document.get("type") != "multinode":
        rule = "A job definition for EKS has eksProperties."
        found.fault("eksProperties", None, rule, "Set eksProperties.podProperties.", member(_REQUEST, "type"))
    elif isinstance(properties, Mapping) and "podProperties" not in properties:
        rule = "eksProperties describe the pod."
        source = member("EksProperties", "podProperties")
        found.fault("eksProperties.podProperties", None, rule, "Set podProperties.", source)
    elif isinstance(properties, Mapping):
        check_pod(properties["podProperties"], "eksProperties.podProperties", found)
