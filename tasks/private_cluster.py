"""Step 1 of the tutorial: the private cluster itself, made and deleted by eksctl."""

import shlex
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger

from blocks.aws_errors import error_code, error_text
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.private_cluster import PrivateClusterSpec
from tasks.eksctl import WHERE_TO_GET_IT, document_file, find_eksctl
from tasks.outcome import Change, Outcome
from tasks.pauses import pauses
from tasks.step import step

STEP = "private cluster"
# Ten to fifteen minutes as a rule, and more for a private one (eksctl user guide, eks-private-cluster, Limitations).
WAIT_SECONDS = 3600.0
_FLAGS = ("--color=false",)
_BEGUN = ("REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS")


@step("account of cluster {cluster.cluster_name}")
def future_arn(cluster: EksCluster, region: str) -> str:
    """The ARN of a cluster that need not exist."""
    caller = cluster.session.client("sts").get_caller_identity()
    partition = caller["Arn"].split(":")[1]
    return f"arn:{partition}:eks:{region}:{caller['Account']}:cluster/{cluster.cluster_name}"


def refuse_other_cluster(cluster: EksCluster, spec: PrivateClusterSpec) -> None:
    """Refuse a document of another cluster than the block's.

    Raises:
        OperationError: If name or region differ.
    """
    pairs = {
        "name": (spec.metadata.name, cluster.cluster_name),
        "region": (spec.metadata.region, cluster.session.region or "unknown"),
    }
    differing = [f"its {what} is {ours}, the block's {other}" for what, (ours, other) in pairs.items() if ours != other]
    if differing:
        raise OperationError(
            f"document of cluster {spec.metadata.name}",
            "; ".join(differing),
            "the document and the EKS Cluster block speak of different clusters",
            "correct metadata in the document, or choose the block of that cluster",
        )


def show_document(spec: PrivateClusterSpec) -> None:
    """Keep the document as the artifact private-cluster, with the commands for doing it by hand."""
    for warning in spec.warnings:
        get_run_logger().warning("%s", warning)
    description = f"eksctl's document of {spec.metadata.name}"
    create_markdown_artifact(_markdown(spec), key="private-cluster", description=description)


@step("private cluster {spec.metadata.name}")
def ensure_private_cluster(
    cluster: EksCluster, spec: PrivateClusterSpec, *, plan: bool = False, wait_seconds: float = WAIT_SECONDS
) -> Outcome:
    """Create the cluster with eksctl, or finish what an interrupted run has begun.

    A cluster, or its CloudFormation stack, that is being made is waited for; then only the node groups that are missing
    are made. A cluster that exists is not changed otherwise.

    Args:
        cluster: The cluster's block; who calls AWS.
        spec: eksctl's document.
        plan: Only say what would be done.
        wait_seconds: How long to wait for what others make.

    Raises:
        OperationError: If eksctl is needed and missing or fails, or the cluster is in no state to go on from.
    """
    name = spec.metadata.name
    found = _settled(cluster, wait_seconds)
    missing = _missing_groups(cluster, spec, wait_seconds) if found else []
    if found and not missing:
        return _outcome(spec, found, "unchanged", (), planned=plan)
    changes = tuple(Change(field=f"node group {group}", wanted="created") for group in missing)
    changes = changes or (Change(field="cluster", wanted="created"),)
    if not plan:
        _make(cluster, spec, is_there=bool(found))
        made = _settled(cluster, wait_seconds)
        left = _missing_groups(cluster, spec, wait_seconds) if made else [f"cluster {name}"]
        if left:
            raise OperationError(
                f"EKS cluster {name}",
                f"eksctl succeeded, yet these are missing: {', '.join(left)}",
                "eksctl leaves out a node group whose CloudFormation stack exists, even a failed one",
                f"look at the stacks eksctl-{name}-* in CloudFormation, delete the failed one and run again",
            )
    return _outcome(spec, found if plan else made, "updated" if found else "created", changes, planned=plan)


@step("deletion of private cluster {cluster.cluster_name}")
def delete_cluster(cluster: EksCluster, *, force: bool = False, wait_seconds: float = WAIT_SECONDS) -> Outcome:
    """Delete a cluster that eksctl made, with its node groups, VPC and endpoints.

    Args:
        cluster: The cluster.
        force: Go on when errors occur: eksctl cannot drain nodes of a private cluster from outside of its VPC.
        wait_seconds: How long to wait for a deletion that others have begun.

    Raises:
        OperationError: If compute environments of AWS Batch still use it, there is no eksctl, or eksctl fails.
    """
    name, region = cluster.cluster_name, cluster.session.region
    found, stack = _describe(cluster), _stack_status(cluster, f"eksctl-{name}-cluster")
    if found is None and not stack:
        return Outcome(step=STEP, name=name, action="unchanged", note="There is no such cluster.")
    if found:
        _refuse_used(cluster, found["arn"])
    if not (found and found["status"] == "DELETING") and stack != "DELETE_IN_PROGRESS":
        forced = ("--force", "--disable-nodegroup-eviction") if force else ()
        eksctl = find_eksctl(cluster.session.environment())
        eksctl.run("delete", "cluster", f"--name={name}", f"--region={region}", "--wait", *forced, *_FLAGS)
    _wait_until_gone(cluster, wait_seconds)
    identifier = found["arn"] if found else ""
    changes = (Change(field="cluster", observed=found["status"] if found else stack),)
    return Outcome(step=STEP, name=name, action="deleted", changes=changes, identifier=identifier)


def _make(cluster: EksCluster, spec: PrivateClusterSpec, *, is_there: bool) -> None:
    """Have eksctl make the cluster, or what a cluster that is there lacks."""
    eksctl = find_eksctl(cluster.session.environment())
    with document_file(spec.to_yaml()) as path:
        if is_there:
            eksctl.run("create", "nodegroup", "-f", path, *_FLAGS)
        else:
            # A kubeconfig of the worker's is not ours to change; the flows need none.
            eksctl.run("create", "cluster", "-f", path, "--write-kubeconfig=false", *_FLAGS)


def _settled(cluster: EksCluster, wait_seconds: float) -> dict[str, Any] | None:
    """The cluster once nobody is making it; None where nobody has begun."""
    name, said = cluster.cluster_name, ""
    for _ in pauses(wait_seconds):
        found = _describe(cluster)
        status = found["status"] if found else ""
        stack = "" if found else _stack_status(cluster, f"eksctl-{name}-cluster")
        if found and status in ("ACTIVE", "UPDATING"):
            return found
        if not found and not stack:
            return None
        if status not in ("", "CREATING", "PENDING") or (stack and stack not in _BEGUN):
            raise _unusable(name, status or stack, of_stack=not found)
        if said != (status or stack):
            said = status or stack
            get_run_logger().info("Waits for cluster %s, which is %s", name, said)
    raise OperationError(
        f"EKS cluster {name}",
        f"it was still {said} after {wait_seconds:.0f} seconds",
        "CloudFormation is slow, or stuck",
        f"look at the events of stack eksctl-{name}-cluster in CloudFormation, then run again: it goes on waiting",
    )


def _unusable(name: str, status: str, *, of_stack: bool) -> OperationError:
    stack = f"eksctl-{name}-cluster"
    answer = f"there is no cluster, yet its stack {stack} is {status}" if of_stack else f"its status is {status}"
    if status.startswith("DELETE_IN") or status == "DELETING":
        cause, next_step = "somebody is deleting it", "wait until it is gone and run again"
    else:
        cause = f"its creation or its deletion failed; the events of stack {stack} in CloudFormation say why"
        next_step = "correct that, run the deployment delete-cluster to remove what is left, then this one again"
    return OperationError(f"EKS cluster {name}", answer, cause, next_step)


def _missing_groups(cluster: EksCluster, spec: PrivateClusterSpec, wait_seconds: float) -> list[str]:
    """Names of the node groups that nobody has made, once those that are being made are there."""
    managed = [
        group.name for group in spec.managed_node_groups if not _group_is_there(cluster, group.name, wait_seconds)
    ]
    # EKS does not know of self-managed ones, CloudFormation does.
    stacks = {group.name: f"eksctl-{spec.metadata.name}-nodegroup-{group.name}" for group in spec.node_groups}
    return managed + [name for name, stack in stacks.items() if not _stack_status(cluster, stack)]


def _group_is_there(cluster: EksCluster, name: str, wait_seconds: float) -> bool:
    status = ""
    for _ in pauses(wait_seconds, f"node group {name}"):
        try:
            answer = cluster.eks.describe_nodegroup(clusterName=cluster.cluster_name, nodegroupName=name)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return False
            raise
        status = answer["nodegroup"]["status"]
        if status not in ("CREATING", "CREATE_FAILED", "DELETING", "DELETE_FAILED"):
            return True
        if status != "CREATING":
            break
    raise OperationError(
        f"node group {name} of EKS cluster {cluster.cluster_name}",
        f"its status is {status}",
        "its health issues in the EKS console say why; in a private VPC mostly an endpoint that nodes need is missing",
        "correct it, delete a group that failed with "
        f"`eksctl delete nodegroup --cluster={cluster.cluster_name} --name={name}`, and run again",
    )


def _describe(cluster: EksCluster) -> dict[str, Any] | None:
    try:
        return dict(cluster.eks.describe_cluster(name=cluster.cluster_name)["cluster"])
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return None
        raise


def _stack_status(cluster: EksCluster, stack: str) -> str:
    """Status of one of eksctl's stacks; empty where there is none."""
    try:
        stacks = cluster.session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error_code(error) == "ValidationError" and "does not exist" in error_text(error):
            return ""
        raise
    status = str(stacks[0]["StackStatus"])
    return "" if status == "DELETE_COMPLETE" else status


def _refuse_used(cluster: EksCluster, arn: str) -> None:
    pages = cluster.batch.get_paginator("describe_compute_environments").paginate()
    environments = [one for page in pages for one in page["computeEnvironments"]]
    using = [
        one["computeEnvironmentName"]
        for one in environments
        if one.get("eksConfiguration", {}).get("eksClusterArn") == arn
    ]
    if using:
        raise OperationError(
            f"EKS cluster {cluster.cluster_name}",
            f"compute environments of AWS Batch use it: {', '.join(using)}",
            "without their cluster they become INVALID, and even a cluster of the same name does not heal them",
            "disable and delete their job queues, then them, and run again",
        )


def _wait_until_gone(cluster: EksCluster, wait_seconds: float) -> None:
    name = cluster.cluster_name
    for _ in pauses(wait_seconds, f"cluster {name} to be gone"):
        found, stack = _describe(cluster), _stack_status(cluster, f"eksctl-{name}-cluster")
        if found is None and not stack:
            return
        if stack == "DELETE_FAILED":
            break
    raise OperationError(
        f"EKS cluster {name}",
        f"it is not gone: cluster {found['status'] if found else 'deleted'}, stack {stack or 'deleted'}",
        "something in its VPC that eksctl did not make, such as an endpoint or a network interface, holds it",
        f"delete what the events of stack eksctl-{name}-cluster name, then run again with `force`",
    )


def _outcome(
    spec: PrivateClusterSpec,
    found: Mapping[str, Any] | None,
    action: Any,
    changes: tuple[Change, ...],
    *,
    planned: bool,
) -> Outcome:
    found = found or {}
    public = found.get("resourcesVpcConfig", {}).get("endpointPublicAccess", False)
    note = "a run that was interrupted did not get to closing it, or somebody opened it; see the artifact"
    return Outcome(
        step=STEP,
        name=spec.metadata.name,
        action=action,
        changes=changes,
        planned=planned,
        identifier=found.get("arn", ""),
        note=f"Its API endpoint is public too: {note}." if public else "",
    )


def _markdown(spec: PrivateClusterSpec) -> str:
    name, region = spec.metadata.name, spec.metadata.region
    endpoint = ["aws", "eks", "update-cluster-config", "--name", name, "--region", region, "--resources-vpc-config"]
    opened = shlex.join(endpoint) + ' endpointPublicAccess=true,endpointPrivateAccess=true,publicAccessCidrs="<IP>/32"'
    closed = shlex.join(endpoint) + " endpointPublicAccess=false,endpointPrivateAccess=true"
    warnings = [f"- {warning}" for warning in spec.warnings]
    return f"""# Private cluster {name}

`clusterConfig.yaml`:

```yaml
{spec.to_yaml().rstrip()}
```

By hand, with [eksctl]({WHERE_TO_GET_IT}) 0.167.0 or later; some twenty minutes:

```sh
eksctl create cluster -f clusterConfig.yaml
```

If it is interrupted, run the deployment `create-cluster` again, or wait until the cluster is ACTIVE and add what is
missing with `eksctl create nodegroup -f clusterConfig.yaml`; then compare `eksctl get addon --cluster={name}` with
another cluster's.

## Afterwards

- Its API answers inside the VPC and connected networks only. Run the worker of the pool `batch-eks` there; it needs
  interface endpoints for `batch` and, with older versions of eksctl, for `eks` too.
- Step 1 of the tutorial opens the public endpoint again, for one address: `{opened}`. The cluster is then no longer
  private, and an address such as CloudShell's soon belongs to somebody else. Close it with `{closed}`.
- Each subnet of a VPC of your own needs an explicit route table: eksctl adds no route to the main one.
- Then run the deployment `setup`. The cluster, its nodes and endpoints cost by the hour until `delete-cluster`.
""" + ("\n## Warnings\n\n" + "\n".join(warnings) + "\n" if warnings else "")
