"""What a person reads of a look at the suspended runs."""

from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact
from prefect.utilities.urls import url_for

from tasks.run_log import say


def show_resumed(resumed: Sequence[str], waiting: int) -> None:
    """Show the runs as the artifact watch-jobs; none is no news, every two minutes.

    Args:
        resumed: Ids of the flow runs that go on.
        waiting: How many were suspended.
    """
    summary = f"Suspended runs: {waiting}, of which go on: {len(resumed)}"
    say("%s", summary)
    if resumed:
        lines = [f"- [flow run {run_id}]({url_for('flow-run', obj_id=run_id)})" for run_id in resumed]
        create_markdown_artifact("\n".join([f"# {summary}", "", *lines]), key="watch-jobs", description=summary)
