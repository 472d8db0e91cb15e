"""Whether what is set up is still what is wanted."""

from prefect import flow

from blocks.eks_cluster import EksCluster
from flows.setup import setup_batch
from specs.image_source import ImageSource
from specs.platform import PlatformSpec
from tasks.cluster_lock import cluster_lock
from tasks.drift_event import emit_drift
from tasks.report import Report, StepsFailedError, show_report


@flow(name="check-drift", flow_run_name="drift of {cluster.cluster_name}")
def check_drift(cluster: EksCluster, platform: PlatformSpec, image_source: ImageSource = "already_mirrored") -> Report:
    """Compare what is set up with what is wanted, and tell automations where they differ. Changes nothing.

    The plan of setup_batch is the comparison: the artifact check-drift shows each difference field by field, and notes
    which changes would replace instances under running jobs. It waits until nobody changes the cluster. Where
    something differs, or cannot be brought in line, the event aws-batch.platform.drifted is emitted.

    Args:
        cluster: The cluster, and who calls it.
        platform: What is wanted: what setup_batch was given.
        image_source: As in setup_batch. already_mirrored needs no internet.

    Returns:
        The planned outcome of every step; also shown as the artifact check-drift.

    Raises:
        StepsFailedError: If steps cannot be planned, as where a field differs that cannot be changed.
    """
    title = f"Drift of AWS Batch on {cluster.cluster_name}"
    try:
        # What a setup or teardown is in the middle of is no drift.
        with cluster_lock(cluster.arn):
            report = setup_batch(cluster, platform, image_source=image_source, plan=True)
    except StepsFailedError as error:
        show_report(title, Report(outcomes=()), key="check-drift", failures=[str(error)])
        emit_drift(cluster, (), str(error))
        raise
    show_report(title, report, key="check-drift")
    if report.changed:
        emit_drift(cluster, report.changed)
    return report
