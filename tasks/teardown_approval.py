"""The pause in which a person reads what teardown would delete, and types the cluster's name to have it done."""

from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from pydantic import Field

from blocks.operation_error import OperationError
from tasks.report import Report

ANSWER_SECONDS = 24 * 3600
POLL_SECONDS = 5


class TeardownApproval(RunInput):
    """What the person types."""

    cluster_name: str = Field(
        default="",
        title="Cluster name",
        description="The name of the cluster whose things are to be deleted. Anything else deletes nothing.",
    )


def wait_for_approval(cluster_name: str, planned: Report) -> None:
    """Pause the flow run until somebody has typed the cluster's name in its `Resume` form.

    Args:
        cluster_name: What has to be typed.
        planned: What would be deleted.

    Raises:
        OperationError: If something else was typed.
        FlowPauseTimeout: If nobody has answered for a day.
    """
    lines = [f"- {outcome.label}" for outcome in planned.changed]
    description = "\n".join(
        [
            f"**Teardown of AWS Batch on {cluster_name}** deletes:",
            "",
            *lines,
            "",
            "What is kept, and why, is in the artifact `teardown` of this run. Type the cluster's name to go on.",
        ]
    )
    form = TeardownApproval.with_initial_data(description=description)
    answer = pause_flow_run(wait_for_input=form, timeout=ANSWER_SECONDS, poll_interval=POLL_SECONDS)
    if answer.cluster_name.strip() != cluster_name:
        raise OperationError(
            f"approval of the teardown of {cluster_name}",
            f"{answer.cluster_name!r} was typed",
            "only the cluster's own name is taken for a yes",
            "nothing was deleted; run teardown again if it is meant",
        )
