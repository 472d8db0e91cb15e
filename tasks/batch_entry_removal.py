"""Has AWS Batch take its access entry away, once all compute environments on the cluster are about to go."""

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.eks_cluster import EksCluster
from specs.name import SERVICE_LINKED_ROLE
from tasks.batch_entry import batch_role_arn
from tasks.batch_removal import CHANGING, not_yet
from tasks.compute_environment_removal import ComputeEnvironmentRemoval, users_that_stay
from tasks.identity_choice import compute_environments_on, has_entry
from tasks.outcome import Outcome
from tasks.removal import Removable


class BatchEntryRemoval(Removable):
    """Batch's own access entry: one for all compute environments on a cluster.

    Deleting a compute environment, even the last, leaves the entry behind. Batch takes it away with the call that sets
    the last of them to DISABLED, and only on a cluster that reads aws-auth too; nobody else may delete the entry of a
    service-linked role (AWS Batch User Guide, eks-access-entries; Amazon EKS User Guide, creating-access-entries).

    Args:
        cluster: Where.
        environments: The compute environments that are deleted next.
    """

    step = "access entry"
    hangs: str = (
        "another compute environment on the cluster is not DISABLED, or the caller of Batch may not delete access "
        "entries (eks:DeleteAccessEntry)"
    )

    def __init__(self, cluster: EksCluster, environments: Sequence[ComputeEnvironmentRemoval]) -> None:
        super().__init__(SERVICE_LINKED_ROLE)
        self._cluster = cluster
        self._environments = environments
        self._asked: set[str] = set()

    def observe(self) -> dict[str, Any] | None:
        """The compute environments that have the entry in common; None where there is no entry."""
        environments = compute_environments_on(self._cluster)
        return {"environments": environments} if has_entry(self._cluster, environments) else None

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """It is Batch's own; whose the compute environments are decides whether it stays."""
        del observed
        return True

    def reason_to_keep(self, observed: Mapping[str, Any], after: Sequence[Outcome]) -> str:
        """Others use it, or there is no way to have Batch take it away."""
        if self._cluster.authentication_mode == "API":
            return (
                "AWS Batch keeps it on a cluster whose authentication mode is API: it refuses desiredState DISABLED, "
                "and nobody else may delete the entry of a service-linked role; without a namespace of yours in its "
                "policies it lets Batch see the cluster and run nothing"
            )
        users = users_that_stay(self._cluster, self._environments, after)
        if users:
            return f"{', '.join(users)} on this cluster needs it"
        if not observed["environments"]:
            return (
                "AWS Batch takes it away with its last compute environment on the cluster, and there is none left: set "
                "Batch up again and run teardown"
            )
        return ""

    def advance(self, observed: Mapping[str, Any]) -> None:
        """Set one compute environment after the other to DISABLED.

        Once each run, also where that is recorded already: only a call that names it has Batch compare.
        """
        for name, found in observed["environments"].items():
            if name not in self._asked and found["status"] not in CHANGING:
                entry: Any = {"accessEntry": {"desiredState": "DISABLED"}}
                with not_yet():
                    self._cluster.batch.update_compute_environment(computeEnvironment=name, eksConfiguration=entry)
                    self._asked.add(name)
                return

    def note(self) -> str:
        """What becomes of the compute environments until they are deleted."""
        return (
            "without its entry AWS Batch may call compute environments INVALID (`Unable to validate Kubernetes "
            "Namespace`) until they are deleted: that is expected"
        )

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """ARN of the role that has the entry."""
        del observed
        return batch_role_arn(self._cluster)
