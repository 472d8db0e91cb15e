"""What a person reads of a run whose jobs were ended for it."""

from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact
from prefect.utilities.urls import url_for

from blocks.eks_cluster import EksCluster
from tasks.console import batch_url
from tasks.run_log import say


def show_end(cluster: EksCluster, flow_run_id: str, ended: Sequence[str]) -> None:
    """Show the jobs as the artifact reap-jobs, with links to them and to their run.

    Args:
        cluster: Gives partition and region.
        flow_run_id: The run that submitted them.
        ended: Ids of the jobs that were told to end.
    """
    summary = f"Jobs that were told to end: {len(ended) or 'none, since all had ended'}"
    lines = [f"# Jobs of [flow run {flow_run_id}]({url_for('flow-run', obj_id=flow_run_id)})", "", summary, ""]
    lines += [f"- [{job_id}]({batch_url(cluster, 'jobs', job_id)})" for job_id in ended]
    create_markdown_artifact("\n".join(lines), key="reap-jobs", description=summary)
    say("%s", summary)
