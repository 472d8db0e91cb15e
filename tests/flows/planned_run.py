"""Flow runs that a test makes first and executes later, or again."""

from typing import Any
from uuid import UUID

from prefect import get_client
from prefect.flow_engine import run_flow
from prefect.states import Pending

from tasks.job_report import JobsReport


def planned(flow: Any) -> str:
    """A flow run that nothing has executed yet."""
    with get_client(sync_client=True) as client:
        return str(client.create_flow_run(flow, state=Pending()).id)


def execute(flow: Any, run_id: str, **parameters: Any) -> JobsReport:
    """Execute a flow run, for the first time or, as Retry in the UI does, again."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(run_id), Pending(), force=True)
        run = client.read_flow_run(UUID(run_id))
    report = run_flow(flow, flow_run=run, parameters=parameters)
    assert isinstance(report, JobsReport)
    return report
