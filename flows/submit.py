"""Submit jobs to AWS Batch on EKS and follow them to their end."""

from collections.abc import Sequence

from prefect import flow
from prefect.runtime import flow_run

from blocks.eks_cluster import EksCluster
from flows.reap import end_jobs_of
from specs.flow_parameters import JobDocuments, JobNames, Jobs, LimitName, Seconds, Switch
from specs.following import Following
from specs.job_list import check_job_list, read_job_documents
from specs.job_request import JobRequest
from specs.job_table import JobTable
from tasks.job_board import JobBoard, show_as_task_runs
from tasks.job_end import ended_with_the_run
from tasks.job_events import JobEvents, emit_end
from tasks.job_ledger import JobLedger
from tasks.job_log import MOST_FOLLOWED, JobLogs
from tasks.job_progress import JobProgress
from tasks.job_report import JobsReport, report_jobs
from tasks.job_request_check import check_requests
from tasks.job_state_queue import job_state_queue
from tasks.job_submission import end_duplicates, submit_all
from tasks.job_suspension import require_deployment, suspend_while_open, was_executed_before
from tasks.job_watch import watch_jobs
from tasks.step import as_it_is
from tasks.table_jobs import read_table_jobs

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
NO_TABLE = JobTable()


@flow(
    name="submit-jobs",
    flow_run_name="submit jobs to {cluster.cluster_name}",
    on_cancellation=[end_jobs_of],
    on_crashed=[end_jobs_of],
)
def submit_jobs(
    cluster: EksCluster,
    jobs: Jobs = TUTORIAL_JOBS,
    documents: JobDocuments = "",
    table: JobTable = NO_TABLE,
    wait: Switch = True,
    hold_worker: Switch = True,
    stuck_after_seconds: Seconds = 900,
    end_jobs_on_failure: Switch = False,
    submission_limit: LimitName = "",
    push: Switch = False,
    follow_logs: JobNames = [],  # noqa: B006 - a flow's parameters are copied, and None would be a tab in the form
    report_transitions: Switch = False,
    end_stuck_jobs: Switch = False,
) -> JobsReport:
    """Submit jobs, wait for their ends and show what became of them.

    All jobs are checked, against their queues and definitions too, before the first is submitted. Each is submitted
    once: a run that was interrupted and is executed again attaches to what it submitted before. Run again after it
    has reported failed jobs (Retry in the UI), it submits those that failed another time, and no others.

    Args:
        cluster: The cluster, and who calls it.
        jobs: The jobs. A dependency names a job by its id, or another job of the list by its name. The defaults are
            the tutorial's two: the definition as it is, and with another command.
        documents: Jobs pasted as aws batch submit-job --cli-input-json takes them, in JSON or YAML, several in a list
            or parted by ---. They are submitted behind those of the list, and without the tutorial's two.
        table: A job, and a table of parameters for each of whose rows it is submitted, behind the other jobs.
            With a table the tutorial's two are not submitted. The file is read again when the run is executed again
            or resumed; where it no longer gives the jobs that were submitted before, the run is refused.
        wait: Wait until every job has ended. Otherwise the run ends once all are submitted.
        hold_worker: Occupy a worker while waiting. Otherwise the run, which must be one of a deployment, is suspended
            once all jobs are submitted, and the deployment watch-jobs resumes it when they have ended.
        stuck_after_seconds: Seconds that a job may stay in RUNNABLE or in STARTING until the run explains why it
            hangs and waits for it no longer.
        end_jobs_on_failure: When the run fails, end those of its jobs that have not ended, such as one that hangs.
            A run that is cancelled always ends its jobs.
        submission_limit: Name of a Prefect global concurrency limit with slot decay that all submitting workers of
            the account share, such as 50 slots with a decay of 50 a second. Empty for a limit of this run alone.
        push: Be told of changes by EventBridge and SQS instead of asking DescribeJobs again and again: ends are known
            sooner, with fewer calls. The run makes a rule and a queue of its own and removes them at its end, for
            which the caller needs rights to both (docs/how-to/submit-jobs.md) and, in a private VPC, the interface
            endpoints events and sqs. Where that fails, the jobs are polled. Only for a run that waits and holds its
            worker; no other is told of anything.
        follow_logs: Names of jobs whose logs are followed live before those of others. Twenty containers are at a
            time, the oldest first; the log of a job that failed is read in any case.
        report_transitions: Emit a Prefect event for each status that a job is seen in. Thousands of jobs flood the
            server with them; events of jobs that failed or hang, and one of the run, are emitted in any case.
        end_stuck_jobs: End a job that hangs for longer than stuck_after_seconds and can never start as it was
            submitted: no instance can hold it, or its image is not in the private registry. One that may start once
            there is capacity, or once the platform is repaired, is left alone.

    Returns:
        One result a job; also shown as the artifact submit-jobs, which is updated as the jobs go on.

    Raises:
        SpecError: If pasted documents or the table break rules, or dependencies within the list cannot be met; then
            none was submitted.
        OperationError: If a job cannot be submitted as it stands, the run cannot be suspended as asked, or it
            submitted other jobs than these before; then no more were.
        JobsFailedError: If jobs failed, hang or were refused, with what is known of each.
    """
    if (documents or table != NO_TABLE) and jobs == TUTORIAL_JOBS:
        # The form sends the tutorial's jobs along unless somebody takes them out.
        jobs = []
    if documents:
        jobs = [*jobs, *read_job_documents(documents)]
    if table != NO_TABLE:
        jobs = [*jobs, *read_table_jobs(table)]
    following = Following(
        wait=wait,
        hold_worker=hold_worker,
        stuck_after_seconds=stuck_after_seconds,
        end_jobs_on_failure=end_jobs_on_failure,
        submission_limit=submission_limit,
        push=push,
        follow_logs=follow_logs,
        report_transitions=report_transitions,
        end_stuck_jobs=end_stuck_jobs,
    )
    return submit_and_follow(cluster, jobs, following)


def submit_and_follow(cluster: EksCluster, jobs: Sequence[JobRequest], following: Following) -> JobsReport:
    """The body of every flow that submits jobs; they are named after the flow run that calls it.

    Args:
        cluster: The cluster, and who calls it.
        jobs: The jobs.
        following: What the user wants besides.
    """
    check_job_list(jobs)
    if following.is_suspended:
        require_deployment()
    check_requests(cluster, as_it_is(jobs))
    run_id, queues = str(flow_run.id), {job.job_queue for job in jobs}
    repeated = was_executed_before(run_id)
    ledger, progress = JobLedger(run_id), JobProgress("submit-jobs", len(jobs))
    logs = JobLogs(cluster, following.follow_logs, few=len(jobs) <= MOST_FOLLOWED)
    with (
        job_state_queue(cluster, run_id, wanted=following.push and following.holds_worker) as queue_url,
        ended_with_the_run(cluster, run_id, queues, on_failure=following.end_jobs_on_failure),
        JobBoard() as board,
        logs,
    ):
        submissions = submit_all(
            cluster, as_it_is(jobs), run_id, ledger, repeated=repeated, shared_limit=following.submission_limit
        )
        submitted = submissions.submitted
        if not following.is_suspended:
            show_as_task_runs(board, submitted)
        results = watch_jobs(
            cluster,
            as_it_is(submitted),
            stuck_after_seconds=following.stuck_after_seconds,
            end_stuck_jobs=following.end_stuck_jobs,
            wait=following.holds_worker,
            resumed=repeated,
            queue_url=queue_url,
            logs=logs,
            show=[progress.show, board.write, JobEvents(every_transition=following.report_transitions).show],
        )
        if following.is_suspended:
            progress.show_now()
            suspend_while_open(results)
            show_as_task_runs(board, submitted)
        results = logs.complete(results)
        doubled = end_duplicates(cluster, as_it_is(submitted), run_id) if submissions.doubtful else []
        emit_end(results, run_id)
        ledger.reported()
        return report_jobs(results, submissions.refused, doubled, progress=progress)
