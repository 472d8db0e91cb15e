"""Compute environments: their operations and their states."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sandbox.aws import iam
from sandbox.aws.batch import compute_environment_update as updating
from sandbox.aws.batch import compute_resource_rules as rules
from sandbox.aws.batch import instance_types, pages
from sandbox.aws.batch.cluster_access import ClusterAccess
from sandbox.aws.batch.cluster_entry import ClusterEntry
from sandbox.aws.batch.core import Core
from sandbox.aws.batch.identifiers import check_name, short_name
from sandbox.aws.batch.refusals import client_exception, execution_exception

if TYPE_CHECKING:
    from sandbox.aws.batch.capacity import Node

HEALTHY = "ComputeEnvironment Healthy"
NODES_DID_NOT_JOIN = (
    "Your compute environment has been INVALIDATED and scaled down because none of the nodes joined the underlying "
    "Amazon EKS Cluster. Common issues preventing nodes joining are the following: networking configuration "
    "preventing communication to Amazon EKS Cluster, incorrect Amazon EKS Instance Profile or Kubernetes RBAC "
    "policy preventing authorization to Amazon EKS Cluster, customized AMI or LaunchTemplate configurations "
    "affecting Amazon EKS/Kubernetes node bootstrap."
)
"""User Guide, batch_eks_invalid_compute_environment (verbatim)."""
_MOST = 50
_MOST_A_CLUSTER = 5
_CHANGING = ("CREATING", "UPDATING", "DELETING")


@dataclass(eq=False)
class ComputeEnvironment:
    """A managed compute environment on EKS."""

    name: str
    arn: str
    uuid: str
    service_role: str
    eks_configuration: dict[str, Any]
    compute_resources: dict[str, Any]
    tags: dict[str, str]
    state: str = "ENABLED"
    status: str = "CREATING"
    status_reason: str = "ComputeEnvironment CREATING"
    update_policy: dict[str, Any] | None = None
    nodes: list["Node"] = field(default_factory=list)
    # Counts the changes, so that a late verdict on an earlier one is dropped.
    version: int = 0

    @property
    def namespace(self) -> str:
        """The namespace that its pods run in unless the job says otherwise."""
        return str(self.eks_configuration["kubernetesNamespace"])

    @property
    def usable(self) -> bool:
        """Whether jobs may be placed here."""
        return self.status == "VALID" and self.state == "ENABLED"

    @property
    def types(self) -> list[instance_types.InstanceType]:
        """The instance types it may launch, the smallest first."""
        return instance_types.resolve(self.compute_resources["instanceTypes"])

    @property
    def cluster(self) -> str:
        """Name of its cluster."""
        return rules.cluster_name(self.eks_configuration["eksClusterArn"])

    @property
    def desired_state(self) -> str | None:
        """What is recorded as `accessEntry.desiredState`, None if that was never set."""
        state: str | None = (self.eks_configuration.get("accessEntry") or {}).get("desiredState")
        return state

    def describe(self, *, has_entry: bool) -> dict[str, Any]:
        """As DescribeComputeEnvironments gives it [B:ComputeEnvironmentDetail].

        `accessEntry.status` is given for all of them, desiredState only if it was set (User Guide, eks-access-entries).
        """
        entry = {
            **(self.eks_configuration.get("accessEntry") or {}),
            "status": "ACTIVE" if has_entry else "INACTIVE",
        }
        detail: dict[str, Any] = {
            "computeEnvironmentName": self.name,
            "computeEnvironmentArn": self.arn,
            "type": "MANAGED",
            "state": self.state,
            "status": self.status,
            "statusReason": self.status_reason,
            "computeResources": self.compute_resources,
            "serviceRole": self.service_role,
            "eksConfiguration": {**self.eks_configuration, "accessEntry": entry},
            "containerOrchestrationType": "EKS",
            "uuid": self.uuid,
            "tags": self.tags,
        }
        return detail | ({"updatePolicy": self.update_policy} if self.update_policy else {})


class ComputeEnvironments:
    """The operations on compute environments.

    Args:
        core: What all parts share.
        entry: The service-linked role's access entries.
        access: Asked why Batch cannot work in a namespace.
        drained: Called with a compute environment whose instances must go.
    """

    def __init__(
        self,
        core: Core,
        entry: ClusterEntry,
        access: ClusterAccess,
        drained: Callable[[ComputeEnvironment], None],
    ) -> None:
        self._core = core
        self._entry = entry
        self._access = access
        self._drained = drained

    def create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """CreateComputeEnvironment: checked, then CREATING until the cluster has been asked."""
        name = request["computeEnvironmentName"]
        check_name(name)
        core = self._core
        self._check_create(request)
        asked = _asked_state(request)
        self._entry.check(rules.cluster_name(request["eksConfiguration"]["eksClusterArn"]), asked)
        with core.lock:
            self._check_quotas(name, request["eksConfiguration"]["eksClusterArn"])
            role = iam.ensure_service_linked_role(core.place.account)
            environment = ComputeEnvironment(
                name=name,
                arn=core.place.arn("compute-environment", name),
                uuid=str(uuid4()),
                service_role=request.get("serviceRole") or str(role.arn),
                eks_configuration=dict(request["eksConfiguration"]),
                compute_resources=_with_defaults(request["computeResources"]),
                tags=dict(request.get("tags") or {}),
            )
            # An entry that cannot be made leaves no environment behind, so a caller's next attempt starts afresh.
            self._settle_entry(environment, asked)
            core.state.compute_environments[name] = environment
        self._judge_later(environment)
        return {"computeEnvironmentName": name, "computeEnvironmentArn": environment.arn}

    def _check_create(self, request: Mapping[str, Any]) -> None:
        if request["type"] == "UNMANAGED":
            if not request.get("serviceRole"):
                # User Guide, using-service-linked-roles-batch-general (verbatim).
                raise client_exception("ServiceRole is required")
            raise execution_exception("UNMANAGED compute environments are not played by the sandbox")
        if request.get("unmanagedvCpus") is not None:
            raise execution_exception("unmanagedvCpus is supported for UNMANAGED compute environments only")
        if request.get("state", "ENABLED") != "ENABLED":
            # [B:CreateComputeEnvironmentRequest.state] "must be created in the ENABLED state".
            raise execution_exception("A compute environment must be created in the ENABLED state")
        if request.get("eksConfiguration") is None:
            raise execution_exception("eksConfiguration is missing: the sandbox plays AWS Batch on EKS only")
        if request.get("computeResources") is None:
            raise execution_exception("computeResources must be specified for MANAGED compute environments")
        rules.check_eks_configuration(self._core.place, request["eksConfiguration"])
        rules.check_compute_resources(request["computeResources"])

    def _check_quotas(self, name: str, cluster_arn: str) -> None:
        environments = self._core.state.compute_environments
        if name in environments:
            # 409 as in aws-cloudformation/cloudformation-coverage-roadmap#2463.
            raise client_exception("Object already exists", 409)
        if len(environments) >= _MOST:
            raise execution_exception(f"Limit of {_MOST} compute environments exceeded")
        same = [each for each in environments.values() if each.eks_configuration["eksClusterArn"] == cluster_arn]
        if len(same) >= _MOST_A_CLUSTER:
            raise execution_exception(
                f"Limit of {_MOST_A_CLUSTER} compute environments for EKS cluster {cluster_arn} exceeded"
            )

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeComputeEnvironments: those named, or all; unknown names are left out."""
        wanted = request.get("computeEnvironments") or []
        if len(wanted) > 100:
            raise execution_exception("Maximum number of compute environments supported is  100 .")
        with self._core.lock:
            known = self._core.state.compute_environments
            if wanted:
                found = [known[short_name(each)] for each in wanted if short_name(each) in known]
            else:
                found = list(known.values())
            page, token = pages.cut(found, request)
            answer: dict[str, Any] = {
                "computeEnvironments": [each.describe(has_entry=self._entry.is_active(each.cluster)) for each in page]
            }
        return answer | ({"nextToken": token} if token else {})

    def update(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """UpdateComputeEnvironment: UPDATING, then judged again, also when nothing was changed.

        A compute environment that is INVALID is re-validated by it (User Guide, batch_eks_invalid_...).
        """
        core = self._core
        with core.lock:
            environment = self.found(request["computeEnvironment"])
            if environment.status in _CHANGING:
                raise client_exception("Cannot update, resource is being modified")
            updating.check(environment, request)
            self._entry.check(environment.cluster, _asked_state(request))
            replaced = updating.apply(environment, request)
            self._settle_entry(environment, _asked_state(request))
            self._enter(environment, "UPDATING", "ComputeEnvironment UPDATING")
            if replaced:
                self._drained(environment)
        self._judge_later(environment)
        return {"computeEnvironmentName": environment.name, "computeEnvironmentArn": environment.arn}

    def delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DeleteComputeEnvironment: of a DISABLED one without queues. One that is gone already is fine."""
        core = self._core
        with core.lock:
            environment = core.state.compute_environments.get(short_name(request["computeEnvironment"]))
            if environment is None:
                return {}
            if environment.status in _CHANGING:
                # As reported for job queues (astronomer/astronomer-providers#413).
                raise client_exception("Cannot delete, resource is being modified")
            if environment.state != "DISABLED":
                raise client_exception("Cannot delete, state must be DISABLED")
            if any(environment in queue.related() for queue in core.state.queues.values()):
                raise client_exception("Cannot delete, found existing JobQueue relationship")
            self._enter(environment, "DELETING", "ComputeEnvironment DELETING")
            self._drained(environment)
        core.timers.after(core.settings.deletion_delay, lambda: self._remove(environment))
        return {}

    def found(self, name_or_arn: str) -> ComputeEnvironment:
        """A compute environment by name or ARN.

        Raises:
            AwsError: There is none (our wording).
        """
        environment = self._core.state.compute_environments.get(short_name(name_or_arn))
        if environment is None:
            raise execution_exception(f"{name_or_arn} does not exist")
        return environment

    def give_up(self, environment: ComputeEnvironment, reason: str) -> None:
        """INVALIDATE a compute environment that cannot get nodes, and scale it down."""
        self._enter(environment, "INVALID", reason)
        self._drained(environment)

    def _remove(self, environment: ComputeEnvironment) -> None:
        with self._core.lock:
            known = self._core.state.compute_environments
            if known.get(environment.name) is environment:
                self._enter(environment, "DELETED", "ComputeEnvironment DELETED")
                del known[environment.name]

    def _enter(self, environment: ComputeEnvironment, status: str, reason: str) -> None:
        environment.status, environment.status_reason = status, reason
        environment.version += 1
        self._core.wake()

    def _settle_entry(self, environment: ComputeEnvironment, asked: str | None) -> None:
        known = {**self._core.state.compute_environments, environment.name: environment}
        same = [each for each in known.values() if each.cluster == environment.cluster]
        self._entry.settle(environment.cluster, asked, [each.desired_state for each in same])

    def _judge_later(self, environment: ComputeEnvironment) -> None:
        """Ask the cluster after a while, at the earliest when an access entry that was just made is in effect."""
        version = environment.version
        in_effect = self._entry.seconds_until_effective(environment.cluster)
        delay = max(self._core.settings.compute_environment_delay, in_effect)

        def judge() -> None:
            invalid = self._verdict(environment)
            with self._core.lock:
                if environment.version == version:
                    self._enter(environment, "INVALID" if invalid else "VALID", invalid or HEALTHY)

        self._core.timers.after(delay, lambda: self._core.work(judge))

    def _verdict(self, environment: ComputeEnvironment) -> str | None:
        """Why the compute environment is INVALID; texts of batch_eks_invalid_compute_environment where it has them."""
        place = self._core.place
        cluster_arn = environment.eks_configuration["eksClusterArn"]
        cluster = rules.eks_cluster(place, cluster_arn)
        name = rules.cluster_name(cluster_arn)
        if cluster is None:
            return f"CLIENT_ERROR - No cluster found for name: {name}."
        if cluster.version not in rules.KUBERNETES_VERSIONS:
            return f"CLIENT_ERROR - EKS Cluster version [{cluster.version}] is unsupported"
        role = iam.service_linked_role(place.account)
        if role is None or environment.service_role != role.arn:
            # User Guide, invalid_compute_environment: a wrong name or path of the role.
            return f"CLIENT_ERROR - Not authorized to perform sts:AssumeRole ({environment.service_role})"
        profile = environment.compute_resources["instanceRole"]
        if not iam.instance_profile_exists(place.account, profile):
            if not profile.startswith("arn:"):
                profile = f"arn:aws:iam::{place.account}:instance-profile/{profile}"
            return f"CLIENT_ERROR - Instance profile {profile} does not exist"
        missing = updating.missing_network(place, environment.compute_resources)
        if missing is not None:
            return f"CLIENT_ERROR - {missing} does not exist"
        by_entry = self._entry.is_active(environment.cluster)
        if self._access.refusal(environment.namespace, by_entry=by_entry) is not None:
            # One text for every cause: namespace missing, RBAC, aws-auth or entry wrong, endpoint out of reach.
            return "CLIENT_ERROR - Unable to validate Kubernetes Namespace"
        return None


def _asked_state(request: Mapping[str, Any]) -> str | None:
    """The desiredState that a call names, None if it names none."""
    state: str | None = ((request.get("eksConfiguration") or {}).get("accessEntry") or {}).get("desiredState")
    return state


def _with_defaults(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Compute resources as they are given back: minvCpus and desiredvCpus filled in, AL2023 the default image.

    [B:Ec2Configuration]: EKS_AL2023 if nothing is specified.
    """
    filled = {"minvCpus": 0, **resources}
    filled.setdefault("desiredvCpus", filled["minvCpus"])
    filled.setdefault("ec2Configuration", [{"imageType": "EKS_AL2023"}])
    return filled
