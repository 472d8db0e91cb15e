"""Step 5: the compute environment, AWS Batch's hold on the cluster."""

from collections.abc import Mapping
from typing import Any

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.compute_environment import ComputeEnvironmentSpec
from tasks.batch_resource import BatchResource
from tasks.console import batch_url
from tasks.outcome import Action, Change, Outcome
from tasks.reconcile import reconcile
from tasks.step import step

# UpdateComputeEnvironment has no member for these (botocore shape UpdateComputeEnvironmentRequest).
IMMUTABLE = ("type", "eksConfiguration.eksClusterArn", "eksConfiguration.kubernetesNamespace")


class ComputeEnvironment(BatchResource):
    """A managed compute environment of EC2 instances that join the EKS cluster."""

    step = "compute environment"
    unordered = frozenset(
        {"computeResources.subnets", "computeResources.securityGroupIds", "computeResources.instanceTypes"}
    )

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
        return found

    def create(self) -> None:
        """Create it; whether it is healthy shows later."""
        with self.racing():
            self.cluster.batch_once.create_compute_environment(**self.wanted(marked=True))

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Update what can be updated in place; AWS decides whether instances are replaced for it."""
        self.refuse_immutable(changes, IMMUTABLE, "give the new compute environment another name")
        self.retag(observed["computeEnvironmentArn"], changes)
        update: dict[str, Any] = {}
        if any(change.field.startswith("computeResources.") for change in changes):
            update["computeResources"] = _updatable(self.document["computeResources"])
        if any(change.field == "state" for change in changes):
            update["state"] = self.document["state"]
        if any(change.field.startswith("eksConfiguration.accessEntry") for change in changes):
            update["eksConfiguration"] = {"accessEntry": self.document["eksConfiguration"]["accessEntry"]}
        if update:
            with self.racing():
                self.cluster.batch.update_compute_environment(computeEnvironment=self.name, **update)
        return "updated"

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its ARN."""
        return str(observed["computeEnvironmentArn"])

    def console_url(self) -> str:
        """Its page in the Batch console."""
        return batch_url(self.cluster, "compute-environments", self.name)


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


def _updatable(resources: Mapping[str, Any]) -> dict[str, Any]:
    """ComputeResourceUpdate has no `spotIamFleetRole`, and Batch on EKS asks not to set desiredvCpus."""
    return {key: value for key, value in resources.items() if key not in ("spotIamFleetRole", "desiredvCpus")}
