"""Step 5: the compute environment, AWS Batch's hold on the cluster."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from blocks.aws_errors import error_text, explain_aws
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.change_kind import change_kind
from specs.compute_environment import ComputeEnvironmentSpec
from specs.infrastructure_update import replaces_instances
from tasks.batch_resource import BatchResource
from tasks.console import batch_url
from tasks.invalid_cause import known_cause
from tasks.outcome import Action, Change, Outcome, differences
from tasks.reconcile import reconcile
from tasks.step import step

RESOURCES, ACCESS_ENTRY = "computeResources", "eksConfiguration.accessEntry.desiredState"
CLUSTER = "eksConfiguration.eksClusterArn"


class ComputeEnvironment(BatchResource):
    """A managed compute environment of EC2 instances that join the EKS cluster."""

    step = "compute environment"
    unordered = frozenset(
        {"computeResources.subnets", "computeResources.securityGroupIds", "computeResources.instanceTypes"}
    )
    # The documentation of ComputeResourceUpdate says what unsets each; of a placement group it says nothing.
    unset: ClassVar[Mapping[str, Any]] = {
        f"{RESOURCES}.minvCpus": 0,
        f"{RESOURCES}.securityGroupIds": [],
        f"{RESOURCES}.ec2KeyPair": "",
        f"{RESOURCES}.tags": {},
        f"{RESOURCES}.bidPercentage": 100,
        f"{RESOURCES}.launchTemplate": {"launchTemplateId": ""},
        f"{RESOURCES}.ec2Configuration": [],
        f"{RESOURCES}.imageId": "",
        f"{RESOURCES}.scalingPolicy": {"minScaleDownDelayMinutes": 0},
        f"{RESOURCES}.placementGroup": None,
        f"{RESOURCES}.spotIamFleetRole": None,
        ACCESS_ENTRY: "INHERIT_FROM_CLUSTER",
    }
    filled_in: ClassVar[Mapping[str, Any]] = {f"{RESOURCES}.ec2Configuration": [{"imageType": "EKS_AL2023"}]}

    def observe(self) -> dict[str, Any] | None:
        """What DescribeComputeEnvironments answers.

        Raises:
            OperationError: If it is being deleted; that ends by itself.
        """
        found = describe_compute_environment(self.cluster, self.name)
        if found and found["status"] == "DELETING":
            raise OperationError(
                f"{self.step} {self.name}",
                "it is being deleted",
                "an earlier deletion is still under way",
                "wait",
                can_heal=True,
            )
        return found and self._without_what_batch_moves(found)

    def create(self) -> None:
        """Create it; whether it is healthy shows later."""
        with self._explained(), self.racing():
            self.cluster.batch_once.create_compute_environment(**self.wanted(marked=True))

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Update what can be updated in place; AWS decides whether instances are replaced for it."""
        self.check_changes(observed, changes)
        emptied = {change.field: change.wanted for change in changes if change.field in self.unset}
        update: dict[str, Any] = {
            key: self.document[key] for key in ("state", "unmanagedvCpus") if key in self.document
        }
        if RESOURCES in self.document:
            unset = {field.split(".")[1]: empty for field, empty in emptied.items() if field.startswith(RESOURCES)}
            update[RESOURCES] = unset | _updatable(self.document[RESOURCES])
        if "accessEntry" in self.document["eksConfiguration"]:
            update["eksConfiguration"] = {"accessEntry": self.document["eksConfiguration"]["accessEntry"]}
        elif ACCESS_ENTRY in emptied:
            update["eksConfiguration"] = {"accessEntry": {"desiredState": emptied[ACCESS_ENTRY]}}
        with self._explained(), self.racing():
            self.cluster.batch.update_compute_environment(computeEnvironment=self.name, **update)
        self.retag(observed["computeEnvironmentArn"], changes)
        return "updated"

    def check_changes(self, observed: Mapping[str, Any], changes: list[Change]) -> None:
        """Cluster, namespace and some others are fixed at creation.

        Raises:
            OperationError: If one of them differs, or one that cannot be unset is left out.
        """
        stuck = [change for change in changes if change_kind([change.field]) == "environment"]
        other_name = "give the new compute environment another name"
        # One of another cluster belongs to the setup of that cluster.
        if not any(change.field == CLUSTER for change in stuck):
            other_name = f"run again with `replace`, which makes a new one and drains this one, or {other_name}"
        self.refuse_unset(changes, other_name)
        self.refuse_immutable(stuck, other_name)

    def can_become_wanted(self, observed: Mapping[str, Any]) -> bool:
        """Whether UpdateComputeEnvironment can make of this one what is wanted."""
        found = differences(self.wanted(marked=False), self._without_what_batch_moves(observed))
        changes = [*found, *self.leftovers(observed)]
        is_stuck = any(change.wanted is None and change.field in self.unset for change in changes)
        return not is_stuck and change_kind(change.field for change in changes) != "environment"

    def note(self, observed: Mapping[str, Any], changes: list[Change]) -> str:
        """Whether its instances are replaced, and tags that it keeps."""
        replaces = replaces_instances([change.field for change in changes])
        notes = [_replacement(self.name, observed) if replaces else "", self.kept_tags(observed)]
        return "; ".join(filter(None, notes))

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its ARN."""
        return str(observed["computeEnvironmentArn"])

    def console_url(self) -> str:
        """Its page in the Batch console."""
        return batch_url(self.cluster, "compute-environments", self.name)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Some of what makes an environment INVALID is refused at once, in words of the same table."""
        try:
            yield
        except ClientError as error:
            known = known_cause(error_text(error))
            if known is None:
                raise
            resource = f"{self.step} {self.name}"
            raise OperationError(resource, explain_aws(error, resource).answer, known.cause, known.fix) from error

    def _without_what_batch_moves(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Batch moves desiredvCpus as jobs come and go, and images grow old: neither is a difference."""
        resources = dict(found.get(RESOURCES, {}))
        if "desiredvCpus" in self.document.get(RESOURCES, {}):
            resources["desiredvCpus"] = self.document[RESOURCES]["desiredvCpus"]
        resources["ec2Configuration"] = [
            {key: value for key, value in image.items() if key != "batchImageStatus"}
            for image in resources.get("ec2Configuration", ())
        ]
        return {**found, RESOURCES: resources}


@step("compute environment {spec.compute_environment_name}")
def ensure_compute_environment(
    cluster: EksCluster, spec: ComputeEnvironmentSpec, *, plan: bool = False, adopt: bool = False
) -> Outcome:
    """Create the compute environment, or update it in place.

    Args:
        cluster: Where.
        spec: The environment.
        plan: Report only.
        adopt: Take over one that exists already and differs.

    Raises:
        OperationError: If AWS refuses, if it differs in what cannot be updated, or if one that is not ours differs.
    """
    environment = ComputeEnvironment(cluster, spec.compute_environment_name, spec.to_document())
    return reconcile(environment, plan=plan, adopt=adopt)


def describe_compute_environment(cluster: EksCluster, name: str) -> dict[str, Any] | None:
    """One compute environment as Batch describes it; None where there is none."""
    found = cluster.batch.describe_compute_environments(computeEnvironments=[name])["computeEnvironments"]
    return dict(found[0]) if found and found[0].get("status") != "DELETED" else None


def _replacement(name: str, observed: Mapping[str, Any]) -> str:
    policy = observed.get("updatePolicy", {})
    minutes = policy.get("jobExecutionTimeoutMinutes", 30)
    jobs = "are terminated" if policy.get("terminateJobsOnUpdate") else f"have {minutes} minutes to end"
    return f"compute environment {name}: its instances are replaced, in 10 to 30 minutes; jobs on them {jobs}"


def _updatable(resources: Mapping[str, Any]) -> dict[str, Any]:
    """ComputeResourceUpdate has no `spotIamFleetRole`, and Batch on EKS asks not to set desiredvCpus."""
    return {key: value for key, value in resources.items() if key not in ("spotIamFleetRole", "desiredvCpus")}
