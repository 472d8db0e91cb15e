"""The simple parameters of flows, as Prefect's forms show them.

Of a parameter itself Prefect keeps only examples and ranges (prefect.utilities.callables); its title is its name, and
its description is the flow's docstring.
"""

from typing import Annotated

from pydantic import Field

from specs.identity_choice import Identity
from specs.job_request import JobRequest
from specs.mirror import MirrorImage
from specs.pull_through_cache_rule import PullThroughCacheRuleSpec

_IMAGE = "public.ecr.aws/amazonlinux/amazonlinux:2"
_JOB = {"jobName": "My-Eks-Job1", "jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep"}

Switch = Annotated[bool, Field(examples=[True])]
Hours = Annotated[float, Field(ge=0, examples=[24])]
Seconds = Annotated[float, Field(gt=0, examples=[900])]
TargetIdentity = Annotated[Identity, Field(examples=["access-entry"])]
JobId = Annotated[str, Field(min_length=1, examples=["01234567-89ab-cdef-0123-456789abcdef:3"])]
FlowRunOrJobId = Annotated[str, Field(min_length=1, examples=["01234567-89ab-cdef-0123-456789abcdef"])]
FlowRunId = Annotated[str, Field(min_length=1, examples=["01234567-89ab-cdef-0123-456789abcdef"])]
LimitName = Annotated[str, Field(examples=["batch-submissions"])]
JobNames = Annotated[list[str], Field(examples=[["My-Eks-Job1"]])]
ImageReferences = Annotated[list[str], Field(min_length=1, examples=[[_IMAGE]])]
Images = Annotated[list[MirrorImage], Field(examples=[[{"source": _IMAGE}]])]
CacheRules = Annotated[
    list[PullThroughCacheRuleSpec],
    Field(examples=[[{"ecrRepositoryPrefix": "my-prefix", "upstreamRegistryUrl": "public.ecr.aws"}]]),
]
Jobs = Annotated[list[JobRequest], Field(examples=[[_JOB]])]
ImagesFile = Annotated[str, Field(examples=["deployments/images.yaml"])]
TypedName = Annotated[str, Field(examples=["my-test-cluster"])]
JobDocuments = Annotated[
    str, Field(examples=["jobName: My-Eks-Job1\njobQueue: My-Eks-JQ1\njobDefinition: MyJobOnEks_Sleep\n"])
]
ClusterDocument = Annotated[
    str,
    Field(
        examples=[
            "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\n"
            "metadata: {name: my-test-cluster, region: us-east-1}\n"
        ]
    ),
]
