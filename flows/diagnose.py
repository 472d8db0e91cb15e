"""Why a job hangs or failed."""

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from blocks.eks_cluster import EksCluster
from specs.flow_parameters import JobId
from tasks.diagnosis import Diagnosis, diagnose
from tasks.run_log import say


@flow(name="diagnose-job", flow_run_name="diagnose job {job_id}")
def diagnose_job(cluster: EksCluster, job_id: JobId) -> Diagnosis:
    """Say why a job hangs or failed: job, queue, compute environment, pod, events and mappings are looked at.

    Nothing is changed.

    Args:
        cluster: The cluster, and who calls it.
        job_id: Id of the job, or of a child of an array job, `<id>:<index>`.

    Returns:
        What was found; also shown as the artifact diagnose-job.

    Raises:
        OperationError: If AWS Batch does not know the job.
    """
    found = diagnose(cluster, job_id)
    say("%s is %s. Cause: %s. Next step: %s", found.job_name, found.status, found.cause, found.next_step)
    create_markdown_artifact(found.markdown(), key="diagnose-job", description=f"{found.job_name}: {found.status}")
    return found
