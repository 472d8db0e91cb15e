"""Run again what failed: of a flow run, of an array job, or a single job."""

from prefect import flow

from blocks.eks_cluster import EksCluster
from flows.reap import end_jobs_of
from flows.submit import submit_and_follow
from specs.flow_parameters import FlowRunOrJobId, JobNames, LimitName, Seconds, Switch
from specs.following import Following
from specs.rerun_changes import RerunChanges
from tasks.job_report import JobsReport
from tasks.rerun_plan import check_rerun, plan_rerun
from tasks.rerun_report import show_rerun

NO_CHANGES = RerunChanges()


@flow(
    name="rerun-failed",
    flow_run_name="rerun what failed of {of}",
    on_cancellation=[end_jobs_of],
    on_crashed=[end_jobs_of],
)
def rerun_failed(
    cluster: EksCluster,
    of: FlowRunOrJobId,
    changes: RerunChanges = NO_CHANGES,
    double_memory_after_oom: Switch = False,
    whole_arrays: Switch = False,
    wait: Switch = True,
    hold_worker: Switch = True,
    stuck_after_seconds: Seconds = 900,
    end_jobs_on_failure: Switch = False,
    submission_limit: LimitName = "",
    push: Switch = False,
    follow_logs: JobNames = [],  # noqa: B006 - as in submit_jobs
    report_transitions: Switch = False,
    end_stuck_jobs: Switch = False,
) -> JobsReport:
    """Submit again what failed, and follow it as submit_jobs does.

    The jobs are asked for again as AWS Batch ran them: same queue, same revision of the definition, same overrides.
    What succeeded is not repeated, and counts as done for whatever waits for it. Of array jobs only the failed
    children run, and each sees its old AWS_BATCH_JOB_ARRAY_INDEX. What was chosen is chosen once: Retry on this run
    submits again what failed of it.

    Args:
        cluster: The cluster, and who calls it.
        of: Id of a flow run of submit_jobs or rerun_failed, of a job, or of a child of an array job, <id>:<index>. AWS
            Batch knows jobs for 7 days after their end.
        changes: What is different for every job; what is left empty stays as it was.
        double_memory_after_oom: Give twice the memory to jobs and children of arrays that their memory limit killed
            (OOMKilled). The others keep theirs.
        whole_arrays: Run the succeeded children of arrays again too. Needed where the image has no /bin/sh, or where
            the job runs the image's own entry point.
        wait: Wait until every job has ended. Otherwise the run ends once all are submitted.
        hold_worker: Occupy a worker while waiting. Otherwise the run, which must be one of a deployment, is suspended
            once all jobs are submitted, and the deployment watch resumes it when they have ended.
        stuck_after_seconds: Seconds that a job may stay in RUNNABLE or in STARTING until the run explains why it
            hangs and waits for it no longer.
        end_jobs_on_failure: When the run fails, end those of its jobs that have not ended, such as one that hangs.
            A run that is cancelled always ends its jobs.
        submission_limit: Name of a Prefect global concurrency limit with slot decay that all submitting workers of
            the account share. Empty for a limit of this run alone.
        push: Be told of changes by EventBridge and SQS instead of polling; see submit_jobs.
        follow_logs: Names of jobs whose logs are followed live before those of others.
        report_transitions: Emit a Prefect event for each status that a job is seen in; see submit_jobs.
        end_stuck_jobs: End a job that hangs and can never start as it was submitted; see submit_jobs.

    Returns:
        One result a job, none if nothing failed. The artifact rerun-failed links each to its original, as its tag
        batch-eks-flows:rerun-of does; submit-jobs shows what became of it.

    Raises:
        SpecError: If something cannot be run again like this; then nothing was submitted.
        OperationError: If AWS Batch does not know the original, a job cannot be submitted as it stands,
            or the run cannot be suspended as asked.
        JobsFailedError: If jobs failed, hang or were refused, with what is known of each.
    """
    check_rerun(of, changes, double_memory_after_oom=double_memory_after_oom)
    plan = plan_rerun(cluster, of, changes, double_memory_after_oom=double_memory_after_oom, whole_arrays=whole_arrays)
    show_rerun(plan, of)
    if not plan.requests:
        return JobsReport(jobs=())
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
    return submit_and_follow(cluster, plan.requests, following)
