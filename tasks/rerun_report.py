"""What a person reads of a rerun: which jobs are run again, and of which originals."""

from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger
from prefect.utilities.urls import url_for

from tasks.rerun_plan import RerunPlan

_ROWS = 1000


def show_rerun(plan: RerunPlan, of: str) -> None:
    """Show the plan as the artifact rerun-failed, with links to the originals.

    Args:
        plan: What is run again.
        of: Id of the original.
    """
    summary = _summary(plan, of)
    get_run_logger().info(summary)
    create_markdown_artifact(_markdown(plan, of, summary), key="rerun-failed", description=summary)


def _summary(plan: RerunPlan, of: str) -> str:
    kind = "flow run" if plan.of_run else "job"
    if plan.requests:
        said = f"{_jobs(len(plan.requests))} submitted for what failed of {kind} {of}"
    else:
        said = f"nothing of {kind} {of} has failed, so nothing is submitted"
    return f"{said}; {len(plan.left_out)} still go on and are left out" if plan.left_out else said


def _jobs(count: int) -> str:
    return "1 job is" if count == 1 else f"{count} jobs are"


def _markdown(plan: RerunPlan, of: str, summary: str) -> str:
    link = url_for("flow-run", obj_id=of) if plan.of_run else None
    lines = ["# Rerun", "", f"{summary}; {plan.succeeded} succeeded.", ""]
    lines += [f"[The flow run {of}]({link})", ""] if link else []
    lines += [f"- left out: {job}" for job in plan.left_out]
    if plan.jobs:
        lines += ["", "| job | rerun of | failed with | children | memory |", "|---|---|---|---|---|"]
    for job in plan.jobs[:_ROWS]:
        reason, origin = job.failed_with.replace("|", "\\|"), f"[{job.of}]({job.of_url})" if job.of_url else job.of
        lines.append(f"| {job.name} | {origin} | {reason} | {job.children} | {job.memory} |")
    if len(plan.jobs) > _ROWS:
        lines += ["", f"{len(plan.jobs) - _ROWS} more jobs carry the id of their original as a tag."]
    return "\n".join(lines)
