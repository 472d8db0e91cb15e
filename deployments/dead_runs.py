"""An automation that finds runs whose processes died, with their workers or machines, and says so.

A process that is killed cannot report anything, and its run would stay Running for ever. Prefect's flow runs send a
heartbeat every PREFECT_FLOWS_HEARTBEAT_FREQUENCY seconds; a run whose heartbeats stop is marked as Crashed, which
starts the deployment reap for runs of submit_jobs.
"""

from datetime import timedelta

import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName, FlowFilter, FlowFilterId
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

NAME = "batch-eks: mark dead runs as Crashed"
HEARTBEAT = "prefect.flow-run.heartbeat"
# What a run says when it stops by itself. A suspended one has no process that could send heartbeats.
_STOPS = ("Completed", "Failed", "Cancelled", "Crashed", "Suspended")


def dead_runs_automation(flow_names: list[str], dead_after_seconds: float) -> AutomationCore:
    """The automation as Prefect takes it.

    Args:
        flow_names: The flows whose runs it is for.
        dead_after_seconds: How long a run may send nothing.
    """
    return AutomationCore(
        name=NAME,
        description="A run whose process, worker or machine died sends no heartbeats any more.",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            after={HEARTBEAT},
            expect={HEARTBEAT, *(f"prefect.flow-run.{state}" for state in _STOPS)},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={"prefect.resource.role": "flow", "prefect.resource.name": flow_names},
            for_each={"prefect.resource.id"},
            threshold=1,
            within=timedelta(seconds=dead_after_seconds),
        ),
        actions=[
            ChangeFlowRunState(
                name=None,
                state=StateType.CRASHED,
                force=False,
                message=f"No heartbeat for {dead_after_seconds:.0f} seconds: its process, worker or machine has died.",
            )
        ],
    )


def flow_names(client: SyncPrefectClient, prefect_file: str) -> list[str]:
    """Names of the flows that a file of deployments deploys.

    Args:
        client: Of the server where they are deployed.
        prefect_file: Text of a prefect.yaml.
    """
    deployments = yaml.safe_load(prefect_file)["deployments"]
    names = DeploymentFilterName(any_=[deployment["name"] for deployment in deployments])
    entrypoints = {deployment["entrypoint"] for deployment in deployments}
    found = client.read_deployments(deployment_filter=DeploymentFilter(name=names))
    flow_ids = FlowFilterId(any_=[deployment.flow_id for deployment in found if deployment.entrypoint in entrypoints])
    return sorted(flow.name for flow in client.read_flows(flow_filter=FlowFilter(id=flow_ids)))
