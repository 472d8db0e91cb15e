"""Step 6: the gate that the tutorial asks people to watch: a compute environment must prove healthy."""

from pydantic import BaseModel, ConfigDict

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.batch_access import missing_access
from tasks.compute_environment import describe_compute_environment
from tasks.pauses import pauses
from tasks.step import step

REVALIDATIONS = 3


class InvalidCause(BaseModel):
    """One row of AWS's troubleshooting table: words of a statusReason, what they mean, what helps."""

    model_config = ConfigDict(frozen=True)

    words: str
    cause: str
    fix: str
    is_access: bool = False


# https://docs.aws.amazon.com/batch/latest/userguide/batch_eks_invalid_compute_environment.html and
# https://docs.aws.amazon.com/batch/latest/userguide/invalid_compute_environment.html
INVALID_CAUSES = (
    InvalidCause(
        words="Unable to validate Kubernetes Namespace",
        cause="Batch cannot read its namespace: the namespace, the roles or bindings, or the aws-auth mapping are "
        "missing or wrong, or Batch cannot reach the API server's endpoint",
        fix="repair what is named below (run setup_batch); where nothing is named, check the endpoint access of the "
        "cluster",
        is_access=True,
    ),
    InvalidCause(
        words="none of the nodes joined the underlying Amazon EKS Cluster",
        cause="instances were launched but never became nodes: the node role is not mapped in aws-auth, the subnets or "
        "security groups keep them from the API server, or the AMI or launch template breaks the bootstrap",
        fix="map the node role (run setup_batch), check the ec2, ecr.api, ecr.dkr, s3 and sts endpoints of the "
        "subnets and userdataType for AL2023",
        is_access=True,
    ),
    InvalidCause(
        words="does not exist",
        cause="`instanceRole` names no instance profile; a role's ARN is not one",
        fix="create the instance profile, or name the right one in instanceRole",
    ),
    InvalidCause(
        words="Access Entry setup incomplete",
        cause="the caller lacks eks:AssociateAccessPolicy or eks:DeleteAccessEntry",
        fix="grant eks:DescribeCluster, DescribeAccessEntry, CreateAccessEntry, AssociateAccessPolicy and "
        "DeleteAccessEntry, then update the compute environment",
    ),
    InvalidCause(
        words="is unsupported",
        cause="Batch does not support the cluster's Kubernetes version",
        fix="upgrade the cluster to a version that Batch supports, then create the compute environment anew",
    ),
    InvalidCause(
        words="imageKubernetesVersion",
        cause="Batch does not support the Kubernetes version of ec2Configuration",
        fix="delete the compute environment and create it with a supported version",
    ),
    InvalidCause(
        words="sts:AssumeRole",
        cause="Batch cannot assume the service role: its name or path is wrong",
        fix="leave serviceRole out, so that the service-linked role is used",
    ),
    InvalidCause(
        words="IamFleetRole is invalid",
        cause="the Spot fleet role's ARN is wrong",
        fix="correct spotIamFleetRole, or leave it out with a SPOT_* allocation strategy",
    ),
    InvalidCause(
        words="UserData is not MIME multipart",
        cause="the launch template's user data is not MIME multipart",
        fix="wrap it as MIME multipart",
    ),
)


@step("health of compute environment {name}")
def wait_until_valid(
    cluster: EksCluster, name: str, namespace: str, *, timeout_seconds: float = 1800, plan: bool = False
) -> str:
    """Wait until the compute environment is VALID, asking Batch to look again where the cause is gone.

    Args:
        cluster: Where.
        name: The compute environment.
        namespace: Its namespace.
        timeout_seconds: How long CREATING and UPDATING may last; an infrastructure update takes up to 30 minutes.
        plan: Do not wait, and change nothing.

    Returns:
        Its status, `VALID`; with `plan` whatever it is now, or `ABSENT`.

    Raises:
        OperationError: If it is INVALID, with the documented cause, what the cluster lacks, and the fix.
    """
    if plan:
        return str((describe_compute_environment(cluster, name) or {}).get("status", "ABSENT"))
    revalidations = 0
    for _ in pauses(timeout_seconds):
        found = describe_compute_environment(cluster, name) or {}
        status, reason = found.get("status", "ABSENT"), found.get("statusReason", "")
        if status == "VALID":
            return "VALID"
        if status == "INVALID":
            error = explain_invalid(cluster, name, namespace, reason)
            if revalidations == REVALIDATIONS or not _cause_is_gone(cluster, namespace, reason):
                raise error
            revalidations += 1
            cluster.batch.update_compute_environment(computeEnvironment=name, state=found["state"])
        elif status not in ("CREATING", "UPDATING"):
            raise OperationError(
                f"compute environment {name}", f"its status is {status}", "it was deleted meanwhile", "run setup again"
            )
    raise OperationError(
        f"compute environment {name}",
        f"still {status} after {timeout_seconds:.0f} s: {reason}",
        "Batch has not finished looking at it",
        "look at its page in the console, then run again",
    )


def explain_invalid(cluster: EksCluster, name: str, namespace: str, reason: str) -> OperationError:
    """The error for an INVALID compute environment: Batch's words, the documented cause, what the cluster lacks.

    Args:
        cluster: Asked for what Batch lacks, where the cause lies there.
        name: The compute environment.
        namespace: Its namespace.
        reason: Its statusReason.
    """
    known = _known_cause(reason)
    if known is None:
        return OperationError(
            f"compute environment {name}",
            f"INVALID: {reason}",
            "not a cause that AWS documents",
            "https://docs.aws.amazon.com/batch/latest/userguide/batch_eks_invalid_compute_environment.html",
        )
    findings = missing_access(cluster, namespace) if known.is_access else []
    found = "".join(f"\n    - {finding}" for finding in findings)
    return OperationError(f"compute environment {name}", f"INVALID: {reason}", known.cause + found, known.fix)


def _cause_is_gone(cluster: EksCluster, namespace: str, reason: str) -> bool:
    known = _known_cause(reason)
    return known is not None and (not known.is_access or not missing_access(cluster, namespace))


def _known_cause(reason: str) -> InvalidCause | None:
    return next((cause for cause in INVALID_CAUSES if cause.words in reason), None)
