"""That a platform is not what it should be, as a Prefect event that automations can match."""

from collections.abc import Sequence

from prefect.events import emit_event

from blocks.eks_cluster import EksCluster
from tasks.outcome import Outcome


def emit_drift(cluster: EksCluster, changed: Sequence[Outcome], failure: str = "") -> None:
    """Emit `aws-batch.platform.drifted`.

    Args:
        cluster: The cluster whose platform it is.
        changed: The steps that would change something. Their fields are named without values, which may be secrets of
            jobs.
        failure: What cannot be planned, and why.
    """
    steps = [
        {
            "step": outcome.step,
            "name": outcome.name,
            "would_be": outcome.action,
            "fields": [change.field for change in outcome.changes],
            "note": outcome.note,
        }
        for outcome in changed
    ]
    emit_event(
        event="aws-batch.platform.drifted",
        resource={
            "prefect.resource.id": f"aws-batch.platform.{cluster.arn}",
            "prefect.resource.name": cluster.cluster_name,
        },
        payload={"steps": steps, "failure": failure},
    )
