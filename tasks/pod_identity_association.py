"""The EKS Pod Identity association that gives the jobs' service account its role."""

from collections.abc import Iterator, Mapping
from typing import Any

from blocks.eks_cluster import EksCluster
from specs.job_identity import JobIdentitySpec
from tasks.outcome import Action, Change, Outcome
from tasks.ownership import OWNER, OWNER_TAG, has_aws_mark
from tasks.reconcile import Resource, reconcile
from tasks.step import step


class PodIdentityAssociation(Resource):
    """The association of a service account, which has one at most."""

    step = "pod identity association"

    def __init__(self, cluster: EksCluster, spec: JobIdentitySpec, namespace: str) -> None:
        super().__init__(spec.service_account)
        self._cluster = cluster
        self._namespace = namespace
        self._role_arn = spec.role_arn

    def observe(self) -> dict[str, Any] | None:
        """What DescribePodIdentityAssociation answers."""
        return find_association(self._cluster, self._namespace, self.name)

    def wanted(self, *, marked: bool) -> dict[str, Any]:
        """The CreatePodIdentityAssociation document."""
        document = {"namespace": self._namespace, "serviceAccount": self.name, "roleArn": self._role_arn}
        return {**document, "tags": {OWNER_TAG: OWNER}} if marked else document

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether it carries our tag."""
        return has_aws_mark(observed)

    def create(self) -> None:
        """Create it; the caller needs `iam:PassRole` for the role (EKS User Guide, pod-id-association)."""
        self._cluster.eks.create_pod_identity_association(
            clusterName=self._cluster.cluster_name,
            namespace=self._namespace,
            serviceAccount=self.name,
            roleArn=self._role_arn,
            tags={OWNER_TAG: OWNER},
        )

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Give it the role, and our tag where it is handed over."""
        eks, fields = self._cluster.eks, {change.field for change in changes}
        if "roleArn" in fields:
            eks.update_pod_identity_association(
                clusterName=self._cluster.cluster_name,
                associationId=observed["associationId"],
                roleArn=self._role_arn,
            )
        if fields - {"roleArn"}:
            eks.tag_resource(resourceArn=observed["associationArn"], tags={OWNER_TAG: OWNER})
        return "updated"

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its ARN."""
        return str(observed["associationArn"])


@step("pod identity association {spec.service_account}")
def ensure_pod_identity_association(
    cluster: EksCluster, spec: JobIdentitySpec, namespace: str, *, plan: bool = False, adopt: bool = False
) -> Outcome:
    """Associate the jobs' service account with their role, which may take some seconds to be in effect.

    https://docs.aws.amazon.com/eks/latest/userguide/pod-id-association.html

    Args:
        cluster: Where.
        spec: Service account and role.
        namespace: Batch's namespace.
        plan: Report only.
        adopt: Take over one that exists already and has another role.

    Raises:
        OperationError: If EKS refuses, or one that is not ours has another role.
    """
    return reconcile(PodIdentityAssociation(cluster, spec, namespace), plan=plan, adopt=adopt)


def find_association(cluster: EksCluster, namespace: str, account: str) -> dict[str, Any] | None:
    """The association of a service account, tags and all; None where it has none.

    Args:
        cluster: Where.
        namespace: The service account's namespace.
        account: Its name.
    """
    return next(associations_in(cluster, namespace, account), None)


def associations_in(cluster: EksCluster, namespace: str, account: str = "") -> Iterator[dict[str, Any]]:
    """The associations of a namespace, tags and all.

    Args:
        cluster: Where.
        namespace: The namespace.
        account: Only that of this service account, which has one at most; empty for all.
    """
    eks, name = cluster.eks, cluster.cluster_name
    wanted: dict[str, Any] = {"namespace": namespace} | ({"serviceAccount": account} if account else {})
    for page in eks.get_paginator("list_pod_identity_associations").paginate(clusterName=name, **wanted):
        for found in page["associations"]:
            identifier = found["associationId"]
            yield dict(eks.describe_pod_identity_association(clusterName=name, associationId=identifier)["association"])
