"""Step 6: the gate that the tutorial asks people to watch: a compute environment must prove healthy."""

from collections.abc import Mapping
from typing import Any

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.batch_access import Finding, missing_access, missing_node_access
from tasks.compute_environment import describe_compute_environment
from tasks.invalid_cause import InvalidCause, known_cause
from tasks.pauses import pauses
from tasks.step import step

# How often Batch is asked to look again within one run where the cause is seen to be gone, and where nothing tells:
# somebody may have repaired it since Batch looked last.
REVALIDATIONS, BLIND_REVALIDATIONS = 3, 1


@step("health of compute environment {name}")
def wait_until_valid(
    cluster: EksCluster, name: str, node_role_arn: str = "", *, timeout_seconds: float = 1800, plan: bool = False
) -> str:
    """Wait until the compute environment is VALID, asking Batch to look again where the cause is gone.

    Args:
        cluster: Where.
        name: The compute environment.
        node_role_arn: The role of its nodes; empty to ask IAM, which a private VPC may not reach.
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
    for _ in pauses(timeout_seconds, f"compute environment {name} to become VALID"):
        found = describe_compute_environment(cluster, name) or {}
        status, reason = found.get("status", "ABSENT"), found.get("statusReason", "")
        if status == "VALID":
            return "VALID"
        if status == "INVALID":
            if not _may_be_repaired(cluster, found, node_role_arn, revalidations):
                raise explain_invalid(cluster, found, node_role_arn)
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


def explain_invalid(cluster: EksCluster, environment: Mapping[str, Any], node_role_arn: str = "") -> OperationError:
    """The error for an INVALID compute environment: Batch's words, the documented cause, what the cluster lacks.

    Args:
        cluster: Asked for what Batch or its nodes lack, where the cause lies there.
        environment: As DescribeComputeEnvironments answers.
        node_role_arn: The role of its nodes; empty to ask IAM, which a private VPC may not reach.
    """
    resource = f"compute environment {environment['computeEnvironmentName']}"
    answer = f"INVALID: {environment.get('statusReason', '')}"
    known = known_cause(answer)
    if known is None:
        return OperationError(
            resource,
            answer,
            "not a cause that AWS documents",
            "https://docs.aws.amazon.com/batch/latest/userguide/batch_eks_invalid_compute_environment.html",
        )
    found = "".join(f"\n    - {finding}" for finding in _evidence(cluster, environment, known, node_role_arn))
    return OperationError(resource, answer, known.cause + found, known.fix)


def _may_be_repaired(
    cluster: EksCluster, environment: Mapping[str, Any], node_role_arn: str, revalidations: int
) -> bool:
    known = known_cause(environment.get("statusReason", ""))
    if known is None or not known.evidence:
        return revalidations < BLIND_REVALIDATIONS
    return revalidations < REVALIDATIONS and not _evidence(cluster, environment, known, node_role_arn)


def _evidence(
    cluster: EksCluster, environment: Mapping[str, Any], known: InvalidCause, node_role_arn: str
) -> list[Finding]:
    if known.evidence == "batch access":
        return missing_access(cluster, environment)
    if known.evidence == "node role":
        return missing_node_access(cluster, environment, node_role_arn)
    return []
