"""Logs that outlive their pods: the add-on that ships them to CloudWatch, on Batch's nodes too."""

import time
from collections.abc import Mapping
from typing import Any

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.addon import CLOUDWATCH, collects_container_logs, tolerates_batch_nodes, with_container_logs
from tasks.addon import describe_addon
from tasks.cloudwatch_log import log_group
from tasks.outcome import Action, Change, Outcome
from tasks.ownership import OWNER, OWNER_TAG, has_aws_mark
from tasks.pauses import pauses
from tasks.reconcile import Resource, reconcile
from tasks.step import step

FAILED = ("CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED")
# Cause and next step by code of an add-on's health issue (botocore shape AddonIssue; what each means for this add-on:
# CloudWatch User Guide, install-CloudWatch-Observability-EKS-addon, "Troubleshooting").
_LOOK = "kubectl get pods -n amazon-cloudwatch and kubectl describe pod say why"
ISSUES: Mapping[str, tuple[str, str]] = {
    "InsufficientNumberOfReplicas": (
        "pods of it do not run: no node takes them (Batch's nodes are there for as long as there are jobs), or their "
        "images cannot be pulled",
        f"{_LOOK}; have a node group beside Batch's nodes, and the endpoints ecr.api, ecr.dkr and s3",
    ),
    "ConfigurationConflict": (
        "a CloudWatch agent or Fluent Bit was installed on the cluster by other means",
        "delete that installation, or aws eks update-addon with --resolve-conflicts OVERWRITE",
    ),
}
_OTHER = ("EKS does not say more", f"look at the add-on's page in the EKS console; {_LOOK}")


class ContainerLogs(Resource):
    """The add-on amazon-cloudwatch-observability; what else is configured of it is left alone."""

    step = "container logs"

    def __init__(self, cluster: EksCluster) -> None:
        super().__init__(CLOUDWATCH)
        self._cluster = cluster

    def observe(self) -> dict[str, Any] | None:
        """What DescribeAddon answers, and whether it collects the logs of Batch's jobs.

        Raises:
            OperationError: If it is being deleted; that ends by itself.
        """
        found = describe_addon(self._cluster, self.name)
        if found is None:
            return None
        if found["status"] == "DELETING":
            raise OperationError(
                f"add-on {self.name}", "it is being deleted", "a deletion is still under way", "wait", can_heal=True
            )
        values = found.get("configurationValues", "")
        return {
            **found,
            "collectsContainerLogs": collects_container_logs(values),
            "toleratesBatchNodes": tolerates_batch_nodes(self.name, found["addonVersion"], values),
        }

    def wanted(self, *, marked: bool) -> dict[str, Any]:
        """That it collects the logs of Batch's jobs."""
        document: dict[str, Any] = {"collectsContainerLogs": True, "toleratesBatchNodes": True}
        return {**document, "tags": {OWNER_TAG: OWNER}} if marked else document

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether it carries our tag."""
        return has_aws_mark(observed)

    def create(self) -> None:
        """Have EKS install it, in the version that EKS prefers."""
        self._cluster.eks.create_addon(
            clusterName=self._cluster.cluster_name,
            addonName=self.name,
            configurationValues=with_container_logs("", ""),
            tags={OWNER_TAG: OWNER},
        )

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Have it collect the logs of Batch's jobs too, and give it our tag where it is handed over."""
        eks, fields = self._cluster.eks, {change.field for change in changes}
        if fields & {"collectsContainerLogs", "toleratesBatchNodes"}:
            values = with_container_logs(observed["addonVersion"], observed.get("configurationValues", ""))
            eks.update_addon(clusterName=self._cluster.cluster_name, addonName=self.name, configurationValues=values)
        if any(field.startswith("tags.") for field in fields):
            eks.tag_resource(resourceArn=observed["addonArn"], tags={OWNER_TAG: OWNER})
        return "updated"

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its ARN."""
        return str(observed["addonArn"])


@step("add-on amazon-cloudwatch-observability")
def ensure_container_logs(
    cluster: EksCluster,
    *,
    warnings: str = "",
    degraded_seconds: float = 180,
    plan: bool = False,
    adopt: bool = False,
) -> Outcome:
    """Have the logs of Batch's jobs shipped to CloudWatch, and wait until that works.

    https://docs.aws.amazon.com/batch/latest/userguide/batch-eks-cloudwatch-logs.html

    Args:
        cluster: Where.
        warnings: What may keep logs from CloudWatch all the same; shown in the report.
        degraded_seconds: How long the add-on may be DEGRADED, as it is until its pods run.
        plan: Report only.
        adopt: Take over an add-on that exists already and leaves the logs of Batch's jobs out.

    Raises:
        OperationError: If EKS refuses, the add-on does not become ACTIVE, or one that is not ours differs.
    """
    outcome = reconcile(ContainerLogs(cluster), plan=plan, adopt=adopt)
    notes = [f"The logs of jobs go to the CloudWatch log group {log_group(cluster)}", warnings]
    if plan:
        status = (describe_addon(cluster, CLOUDWATCH) or {"status": "ACTIVE"})["status"]
        notes.append(f"the add-on is {status}" if status != "ACTIVE" else "")
    else:
        wait_until_active(cluster, degraded_seconds=degraded_seconds)
    return outcome.model_copy(update={"note": "; ".join(filter(None, notes))})


def wait_until_active(cluster: EksCluster, *, timeout_seconds: float = 1200, degraded_seconds: float) -> None:
    """Wait until the add-on is ACTIVE.

    Args:
        cluster: Where.
        timeout_seconds: How long it may be CREATING or UPDATING.
        degraded_seconds: How long it may be DEGRADED.

    Raises:
        OperationError: If it does not become ACTIVE, with what EKS says of its health.
    """
    became_degraded = 0.0
    for _ in pauses(timeout_seconds, f"add-on {CLOUDWATCH} to become ACTIVE"):
        found = describe_addon(cluster, CLOUDWATCH) or {"status": "gone"}
        if found["status"] == "ACTIVE":
            return
        is_degraded, now = found["status"] == "DEGRADED", time.monotonic()
        became_degraded = (became_degraded or now) if is_degraded else 0.0
        if found["status"] in (*FAILED, "gone") or (is_degraded and now - became_degraded >= degraded_seconds):
            break
    raise _unhealthy(found)


def _unhealthy(addon: Mapping[str, Any]) -> OperationError:
    issues = addon.get("health", {}).get("issues", [])
    known = [ISSUES.get(issue["code"], _OTHER) for issue in issues] or [_OTHER]
    said = "".join(f"\n    - {issue['code']}: {issue['message']}" for issue in issues)
    return OperationError(
        f"add-on {CLOUDWATCH}",
        f"its status is {addon['status']}{said}",
        "; ".join(cause for cause, _ in known),
        "; ".join(next_step for _, next_step in known),
    )
