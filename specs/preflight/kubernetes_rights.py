"""Rules of what the worker itself may do in the cluster."""

from collections.abc import Iterator

from specs.preflight.facts import KubernetesRight, WorkerRights
from specs.preflight.rule import Finding, error, rule_of
from specs.rbac import RBAC_GROUP, batch_cluster_role, batch_namespace_role

_RBAC_PAGE = "https://kubernetes.io/docs/reference/access-authn-authz/rbac/"
_PREVENTION = f"{_RBAC_PAGE}#privilege-escalation-prevention-and-bootstrapping"
_WRITE = ("get", "create", "update", "delete")


def setup_rights(
    namespace: str, *, aws_auth: bool, service_accounts: bool = False, is_there: bool = False
) -> tuple[KubernetesRight, ...]:
    """What setup does in the cluster, and following and explaining jobs.

    Args:
        namespace: Batch's namespace.
        aws_auth: Whether identities are mapped by the ConfigMap aws-auth.
        service_accounts: Whether the jobs get one of their own.
        is_there: Whether the namespace is there already, so that nobody has to create it.
    """
    cluster = [(resource, RBAC_GROUP, _WRITE) for resource in ("clusterroles", "clusterrolebindings")]
    inside: list[tuple[str, str, tuple[str, ...]]] = [
        (resource, RBAC_GROUP, _WRITE) for resource in ("roles", "rolebindings")
    ]
    inside += [("serviceaccounts", "", _WRITE)] if service_accounts else []
    inside += [("pods", "", ("get", "list")), ("pods/log", "", ("get",)), ("events", "", ("list",))]
    rights = [KubernetesRight(verb, "namespaces", name=namespace) for verb in ("get", "update")]
    rights += [] if is_there else [KubernetesRight("create", "namespaces")]
    rights += [KubernetesRight(verb, name, group) for name, group, verbs in cluster for verb in verbs]
    rights += [KubernetesRight(verb, name, group, namespace) for name, group, verbs in inside for verb in verbs]
    if aws_auth:
        rights.append(KubernetesRight("create", "configmaps", "", "kube-system"))
        rights += [KubernetesRight(verb, "configmaps", "", "kube-system", "aws-auth") for verb in ("get", "update")]
    return tuple(rights)


def escalation_rights(namespace: str) -> tuple[KubernetesRight, ...]:
    """With which somebody may grant what they do not hold themselves.

    Args:
        namespace: Batch's namespace.
    """
    return (
        KubernetesRight("escalate", "clusterroles", RBAC_GROUP),
        KubernetesRight("bind", "clusterroles", RBAC_GROUP),
        KubernetesRight("escalate", "roles", RBAC_GROUP, namespace),
        KubernetesRight("bind", "roles", RBAC_GROUP, namespace),
    )


def granted_rights(namespace: str) -> tuple[KubernetesRight, ...]:
    """What setup grants to Batch, and so must hold itself without `escalate` and `bind`.

    Args:
        namespace: Batch's namespace.
    """
    scopes = ((batch_cluster_role(), ""), (batch_namespace_role(namespace), namespace))
    return tuple(
        KubernetesRight(verb, resource, group, where)
        for role, where in scopes
        for rule in role.to_document()["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )


def _setup(rights: WorkerRights) -> Iterator[Finding]:
    if rights.denied:
        yield error(
            f"the worker may not: {', '.join(map(str, rights.denied))}",
            "give its role cluster administration (an access entry with AmazonEKSClusterAdminPolicy), or bind a "
            "ClusterRole with these rights to its user or group",
        )


def _escalation(rights: WorkerRights) -> Iterator[Finding]:
    if rights.no_escalation and rights.not_held:
        yield error(
            f"the worker may not {', '.join(map(str, rights.no_escalation))}, and so grants Batch nothing that it does "
            f"not hold itself: {', '.join(map(str, rights.not_held))}",
            "allow its role `escalate` and `bind` on roles and clusterroles, or give it cluster administration",
        )


RULES = (
    rule_of("rights", "kubernetes-rights", "the worker may do in the cluster what the flows do", _RBAC_PAGE, _setup),
    rule_of("rights", "kubernetes-escalation", "the worker may grant Batch its rights", _PREVENTION, _escalation),
)
