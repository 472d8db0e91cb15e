"""All that setup makes: the tutorial's documents together, with what is looked up left open."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from specs.compute_environment import ComputeEnvironmentSpec, ComputeResources, EksConfiguration
from specs.fault import Findings
from specs.form_model import FormModel
from specs.job_definition import JobDefinitionSpec
from specs.job_identity import JobIdentitySpec
from specs.job_queue import JobQueueSpec
from specs.mirror import MirrorRepositories
from specs.namespace import NamespaceSpec
from specs.platform_documents import platform_fields
from specs.pull_through_cache_rule import PullThroughCacheRuleSpec
from specs.scheduling_policy import SchedulingPolicySpec

# Stand-ins that break no rule, so that everything else of a document can be checked before the first call.
_ANY_CLUSTER = "arn:aws:eks:us-east-1:123456789012:cluster/looked-up"
_ANY_SUBNET, _ANY_SECURITY_GROUP = "subnet-00000000", "sg-00000000"


class LookedUpEksConfiguration(EksConfiguration):
    """The cluster and namespace of Batch; the cluster is the one of the EKS Cluster block."""

    eks_cluster_arn: str = Field(
        default="",
        title="EKS cluster ARN",
        description="Leave it empty: it is the cluster of the EKS Cluster block.",
        examples=["arn:aws:eks:us-east-1:123456789012:cluster/my-test-cluster"],
    )


class PlatformComputeEnvironment(ComputeEnvironmentSpec):
    """The compute environment's document; cluster, subnets and security groups are looked up where left out.

    A placeholder in angle brackets, as the tutorial's document has them, counts as left out.
    """

    eks_configuration: LookedUpEksConfiguration = Field(
        default=LookedUpEksConfiguration(),
        title="EKS cluster",
        description="The namespace; the cluster is that of the EKS Cluster block.",
        examples=[{"kubernetesNamespace": "my-aws-batch-namespace"}],
    )
    compute_resources: ComputeResources = Field(
        title="Compute resources",
        description="The nodes that Batch manages. Empty subnets and security groups are the cluster's own.",
        examples=[{"type": "EC2", "maxvCpus": 128, "instanceRole": "EksBatchInstanceProfile"}],
    )

    @classmethod
    def examine(cls, document: Mapping[str, Any]) -> Findings:
        """Check the document as it would be once completed.

        Args:
            document: The wire document, with or without what is looked up.

        Returns:
            All faults and warnings.
        """
        return ComputeEnvironmentSpec.examine(_completed(document, _ANY_CLUSTER, [_ANY_SUBNET], [_ANY_SECURITY_GROUP]))

    @property
    def desired_state(self) -> str:
        """`accessEntry.desiredState`; empty where the document leaves it out."""
        entry = self.eks_configuration.access_entry
        return entry.desired_state if entry else ""

    def completed(
        self, cluster_arn: str, subnets: Sequence[str], security_groups: Sequence[str], desired_state: str = ""
    ) -> ComputeEnvironmentSpec:
        """The document that is sent.

        Args:
            cluster_arn: The cluster's ARN.
            subnets: Taken where the document names none.
            security_groups: Taken where the document names none.
            desired_state: `accessEntry.desiredState`; empty to leave the document's.

        Raises:
            SpecError: If what was looked up breaks a rule.
        """
        document = _completed(self.to_document(), cluster_arn, subnets, security_groups)
        if desired_state:
            document["eksConfiguration"]["accessEntry"] = {"desiredState": desired_state}
        return ComputeEnvironmentSpec.from_document(document)


class PlatformSpec(FormModel):
    """AWS Batch on one private EKS cluster, as the tutorial sets it up."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"computeEnvironment": {"computeResources": {"instanceRole": "MyNodes"}}}]},
    )

    documents: str = Field(
        default="",
        title="Documents",
        description="Your documents, pasted instead of filled in; JSON or YAML, several in a list or parted by ---: "
        "compute environment, job queue, job definitions and scheduling policy as aws batch --cli-input-json takes "
        "them, a Namespace as kubectl does. Each takes the place of its field below.",
        examples=[
            "jobQueueName: My-Eks-JQ1\npriority: 10\ncomputeEnvironmentOrder: [{computeEnvironment: My-Eks-CE1}]"
        ],
    )
    namespace: NamespaceSpec = Field(
        default=NamespaceSpec(),
        title="Namespace",
        description="The Kubernetes namespace that Batch runs its pods in.",
        examples=[{"name": "my-aws-batch-namespace"}],
    )
    compute_environment: PlatformComputeEnvironment = Field(
        title="Compute environment",
        description="Batch's hold on the cluster; the instance profile of its nodes is the one thing to fill in.",
        examples=[{"computeResources": {"instanceRole": "EksBatchInstanceProfile"}}],
    )
    scheduling_policy: SchedulingPolicySpec | None = Field(
        default=None,
        title="Scheduling policy",
        description="The queue's fair-share policy; none for first in, first out. Fixed when the queue is made.",
        examples=[{"name": "My-Eks-SP1", "fairsharePolicy": {"shareDecaySeconds": 3600}}],
    )
    job_queue: JobQueueSpec = Field(
        default=JobQueueSpec(),
        title="Job queue",
        description="The queue in front of the compute environment.",
        examples=[JobQueueSpec().to_document()],
    )
    job_definitions: Annotated[list[JobDefinitionSpec], Field(min_length=1)] = Field(
        default=[JobDefinitionSpec()],
        title="Job definitions",
        description="What jobs run; public images are mirrored to the private registry and pinned by digest.",
        examples=[[JobDefinitionSpec().to_document()]],
    )
    repositories: MirrorRepositories = Field(
        default=MirrorRepositories(),
        title="Repositories",
        description="What the private repositories that images are mirrored to have in common. Only the prefix counts "
        "where setup does not copy the images itself.",
        examples=[{"prefix": "my-prefix"}],
    )
    pull_through_cache_rules: list[PullThroughCacheRuleSpec] = Field(
        default=[PullThroughCacheRuleSpec()],
        title="Pull-through cache rules",
        description="How images get into the private registry with image_source pull_through; the first rule that "
        "covers an image is used.",
        examples=[[PullThroughCacheRuleSpec().to_document()]],
    )
    job_identity: JobIdentitySpec | None = Field(
        default=None,
        title="Job identity",
        description="The IAM role that jobs act as, given by a service account; none to leave their identity alone.",
        examples=[{"roleArn": "arn:aws:iam::123456789012:role/BatchJobs", "provider": "pod-identity"}],
    )
    container_logs: bool = Field(
        default=False,
        title="Container logs",
        description="Have the cluster ship the logs of jobs to CloudWatch, by the EKS add-on "
        "amazon-cloudwatch-observability, so that they outlive their pods. CloudWatch charges for logs and metrics.",
        examples=[True],
    )
    node_role_arn: str = Field(
        default="",
        title="Node role ARN",
        description="The role in the instance profile; empty to ask IAM, which a private VPC may not reach.",
        examples=["arn:aws:iam::123456789012:role/EksBatchNodeRole"],
    )

    def queue_with_policy(self, partition: str, region: str, account_id: str) -> JobQueueSpec:
        """The job queue with the scheduling policy of this platform, whose ARN follows from its name.

        Args:
            partition: Of the cluster.
            region: Of the cluster.
            account_id: Of the cluster.
        """
        if self.scheduling_policy is None:
            return self.job_queue
        arn = f"arn:{partition}:batch:{region}:{account_id}:scheduling-policy/{self.scheduling_policy.name}"
        return JobQueueSpec.from_document({**self.job_queue.to_document(), "schedulingPolicyArn": arn})

    @model_validator(mode="before")
    @classmethod
    def _read_documents(cls, data: Any) -> Any:
        """Put pasted documents in the place of their fields, whatever name those have in the input."""
        if not (isinstance(data, Mapping) and data.get("documents")):
            return data
        pasted = platform_fields(data["documents"], PlatformComputeEnvironment)
        replaced = {"documents", *pasted, *(name for name in cls.model_fields if to_camel(name) in pasted)}
        return {**{name: value for name, value in data.items() if name not in replaced}, **pasted}

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        faults = [*self._namespace_faults(), *self._queue_faults()]
        names = [definition.job_definition_name for definition in self.job_definitions]
        faults += [f"two job definitions are named {name}" for name in _repeated(names)]
        prefixes = [rule.ecr_repository_prefix.rstrip("/") for rule in self.pull_through_cache_rules]
        faults += [f"two pull-through cache rules have the prefix {prefix}" for prefix in _repeated(prefixes)]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _namespace_faults(self) -> list[str]:
        faults = []
        batch_namespace = self.compute_environment.eks_configuration.kubernetes_namespace
        if batch_namespace != self.namespace.name:
            faults.append(
                f"computeEnvironment.eksConfiguration.kubernetesNamespace is {batch_namespace!r}, "
                f"but namespace.name is {self.namespace.name!r}: Batch would be given rights in the wrong namespace"
            )
        for definition in self.job_definitions:
            metadata = definition.eks_properties.pod_properties.metadata
            if metadata and metadata.namespace not in ("", self.namespace.name):
                # botocore shape EksMetadata, member namespace.
                faults.append(
                    f"job definition {definition.job_definition_name} runs its pods in {metadata.namespace!r}: the two "
                    "namespaces must have identical RBAC roles, and setup gives Batch rights in "
                    f"{self.namespace.name!r} only; leave metadata.namespace out"
                )
        return faults

    def _queue_faults(self) -> list[str]:
        faults = []
        name = self.compute_environment.compute_environment_name
        order = [entry.compute_environment.rsplit("/", 1)[-1] for entry in self.job_queue.compute_environment_order]
        if name not in order:
            faults.append(f"jobQueue.computeEnvironmentOrder names {order}, not the compute environment {name!r}")
        if self.scheduling_policy and self.job_queue.scheduling_policy_arn:
            faults.append("give either schedulingPolicy or jobQueue.schedulingPolicyArn, not both")
        return faults


def _repeated(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _completed(
    document: Mapping[str, Any], cluster_arn: str, subnets: Sequence[str], security_groups: Sequence[str]
) -> dict[str, Any]:
    configuration, resources = document.get("eksConfiguration", {}), document.get("computeResources", {})
    if not (isinstance(configuration, Mapping) and isinstance(resources, Mapping)):
        return dict(document)
    looked_up = {"subnets": list(subnets), "securityGroupIds": list(security_groups)}
    # A launch template may bring its own security groups.
    if resources.get("launchTemplate"):
        del looked_up["securityGroupIds"]
    return {
        **document,
        "eksConfiguration": {**configuration, **_missing(configuration, {"eksClusterArn": cluster_arn})},
        "computeResources": {**resources, **_missing(resources, looked_up)},
    }


def _missing(document: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if _is_left_out(document.get(key))}


def _is_left_out(value: Any) -> bool:
    texts = value if isinstance(value, list) else [value]
    return all(not text or (isinstance(text, str) and "<" in text) for text in texts)
