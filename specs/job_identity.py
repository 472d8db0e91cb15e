"""Which IAM role jobs act as, and which of them would act as the nodes' role instead."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field, field_validator

from specs.form_model import FormModel
from specs.job_definition import JobDefinitionSpec
from specs.name import is_subdomain
from specs.role_trust import Assumption, by_pod_identity, by_web_identity
from specs.source import EKS_GUIDE

IdentityProvider = Literal["pod-identity", "irsa"]

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
"""Of a service account: the role that IRSA gives its pods (EKS User Guide, associate-service-account-role)."""

# What each is called, and the page whose note says that the AWS SDKs and CLI use it with hostNetwork too.
WORKS_WITH_HOST_NETWORK = {
    "pod-identity": ("EKS Pod Identity", f"{EKS_GUIDE}/pod-identities.html"),
    "irsa": ("IRSA", f"{EKS_GUIDE}/iam-roles-for-service-accounts.html"),
}
HOST_NETWORK_REPORT = "https://github.com/aws/eks-pod-identity-agent/issues/139"


class JobIdentitySpec(FormModel):
    """The service account of the jobs, and the IAM role that its pods act as."""

    role_arn: str = Field(
        title="Role ARN",
        description="The IAM role that jobs act as. It must exist and trust the provider: setup makes no roles.",
        pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$",
        examples=["arn:aws:iam::123456789012:role/BatchJobs"],
    )
    service_account: str = Field(
        default="batch-jobs",
        title="Service account",
        description="The Kubernetes service account, in Batch's namespace, that gives its pods the role. Job "
        "definitions name it as serviceAccountName.",
        pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$",
        examples=["batch-jobs"],
    )
    provider: IdentityProvider = Field(
        default="pod-identity",
        title="Provider",
        description="How pods get the role's credentials: pod-identity is EKS Pod Identity, an association of the "
        "cluster and the agent on its nodes; irsa is IAM roles for service accounts, an annotation and the cluster's "
        "OIDC provider in IAM.",
        examples=["irsa"],
    )

    @field_validator("service_account")
    @classmethod
    def _is_of_its_own(cls, name: str) -> str:
        if name == "default":
            raise ValueError(
                "every pod in the namespace that names no service account runs as default, and would get the role: "
                "give the jobs an account of their own and name it as serviceAccountName in their definitions"
            )
        if not is_subdomain(name):
            raise ValueError("a service account's name is a DNS subdomain: labels between single dots")
        return name

    def manifest(self, namespace: str) -> dict[str, Any]:
        """The service account, with the annotation that IRSA reads and EKS Pod Identity does without.

        Args:
            namespace: Batch's namespace.
        """
        annotations = {"annotations": {ROLE_ANNOTATION: self.role_arn}} if self.provider == "irsa" else {}
        metadata = {"name": self.service_account, "namespace": namespace, **annotations}
        return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}

    def assumption(self, cluster_arn: str, oidc_provider: str, namespace: str) -> Assumption:
        """How its pods come by the role.

        Args:
            cluster_arn: The cluster.
            oidc_provider: ARN of the cluster's OIDC provider in IAM, whether or not it is there.
            namespace: Batch's namespace.
        """
        if self.provider == "irsa":
            return by_web_identity(oidc_provider, namespace, self.service_account)
        return by_pod_identity(cluster_arn, namespace, self.service_account)

    def warnings(self, definitions: Iterable[JobDefinitionSpec]) -> list[str]:
        """Where jobs do not get the role, and within whose reach the nodes' role stays.

        Args:
            definitions: The job definitions.
        """
        by_kind: dict[tuple[str, bool], list[str]] = {}
        for definition in definitions:
            pod = definition.eks_properties.pod_properties
            kind = (pod.service_account_name or "default", pod.host_network)
            by_kind.setdefault(kind, []).append(definition.job_definition_name)
        return [
            self._on_host_network(", ".join(names))
            if account == self.service_account
            else self._without_role(", ".join(names), account, host_network=host_network)
            for (account, host_network), names in by_kind.items()
            if account != self.service_account or host_network
        ]

    def _without_role(self, definitions: str, account: str, *, host_network: bool) -> str:
        reach = "on the host's network, Batch's default, they" if host_network else "unless that is restricted, they"
        return (
            f"pods of {definitions} run as the service account {account}, not as {self.service_account}: {reach} reach "
            "the node's metadata service, and silently act as the node's role where they have no credentials of their "
            f"own ({WORKS_WITH_HOST_NETWORK[self.provider][1]}); name {self.service_account} as "
            "eksProperties.podProperties.serviceAccountName"
        )

    def _on_host_network(self, definitions: str) -> str:
        title, page = WORKS_WITH_HOST_NETWORK[self.provider]
        report = (
            f". An open report says that EKS Pod Identity fails there ({HOST_NETWORK_REPORT}): if its jobs get no "
            "credentials, set hostNetwork to false or the provider to irsa"
            if self.provider == "pod-identity"
            else ""
        )
        return (
            f"pods of {definitions} are on the host's network: the AWS SDKs and CLI use {title} there too, but the "
            f"node's role stays within reach of the pods ({page}){report}"
        )
