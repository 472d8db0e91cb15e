"""Submit jobs to AWS Batch on EKS and follow them to their end."""

from prefect import flow

from blocks.eks_cluster import EksCluster
from specs.job_request import JobRequest
from tasks.job import SubmittedJob, submit_job
from tasks.job_report import JobsReport, report_jobs
from tasks.job_request_check import check_requests
from tasks.job_watch import watch_jobs

TUTORIAL_JOBS = [
    JobRequest.from_document({"jobName": "My-Eks-Job1", "jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep"}),
    JobRequest.from_document(
        {
            "jobName": "EksWithOverrides",
            "jobQueue": "My-Eks-JQ1",
            "jobDefinition": "MyJobOnEks_Sleep",
            "eksPropertiesOverride": {
                "podProperties": {"containers": [{"command": ["/bin/sh"], "args": ["-c", "echo hello world"]}]}
            },
        }
    ),
]


@flow(name="submit-jobs", flow_run_name="submit jobs to {cluster.cluster_name}")
def submit_jobs(
    cluster: EksCluster,
    jobs: list[JobRequest] = TUTORIAL_JOBS,
    wait: bool = True,
    stuck_after_seconds: float = 900,
) -> JobsReport:
    """Submit jobs, wait for their ends and show what became of them.

    All jobs are checked, against their queues and definitions too, before the first is submitted.

    Args:
        cluster: The cluster, and who calls it.
        jobs: The jobs. The defaults are the tutorial's two: the definition as it is, and with another command.
        wait: Wait until every job has ended. Otherwise the run ends once all are submitted.
        stuck_after_seconds: Seconds that a job may stay in RUNNABLE or in STARTING until the run explains why it
            hangs and waits for it no longer.

    Returns:
        One result a job; also shown as the artifact submit-jobs.

    Raises:
        OperationError: If a job cannot be submitted as it stands; then none was.
        JobsFailedError: If jobs failed, hang or were refused, with what is known of each.
    """
    check_requests(cluster, jobs)
    answers = [submit_job.submit(cluster, job).result(raise_on_failure=False) for job in jobs]
    submitted = [answer for answer in answers if isinstance(answer, SubmittedJob)]
    refused = [str(answer) for answer in answers if not isinstance(answer, SubmittedJob)]
    return report_jobs(watch_jobs(cluster, submitted, stuck_after_seconds=stuck_after_seconds, wait=wait), refused)
