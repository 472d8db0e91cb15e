"""The jobs' own identity: the service account that their pods run as."""

from blocks.eks_cluster import EksCluster
from specs.job_identity import JobIdentitySpec
from tasks.kubernetes_object import KubernetesObject
from tasks.outcome import Outcome
from tasks.reconcile import reconcile
from tasks.step import step


@step("service account {spec.service_account}")
def ensure_job_identity(
    cluster: EksCluster,
    spec: JobIdentitySpec,
    namespace: str,
    *,
    warnings: str = "",
    plan: bool = False,
    adopt: bool = False,
) -> Outcome:
    """Create the jobs' service account, annotated with their role where IRSA gives it, or bring it in line.

    https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html

    Args:
        cluster: Where.
        spec: Service account, role, and how pods get it.
        namespace: Batch's namespace.
        warnings: Where jobs do not act as the role all the same; shown in the report.
        plan: Report only.
        adopt: Take over one that exists already and differs.

    Raises:
        OperationError: If the API server refuses, or a service account that is not ours differs.
    """
    account = KubernetesObject(cluster.core_v1, spec.manifest(namespace))
    return reconcile(account, plan=plan, adopt=adopt).model_copy(update={"note": warnings})
