"""An automation that ends the jobs of a run that was cancelled or has crashed, whose own process may be gone."""

from uuid import UUID

from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from flows.rerun import rerun_failed
from flows.submit import submit_jobs

NAME = "batch-eks: end the jobs of cancelled and crashed runs"
DEPLOYMENT = "reap-jobs/reap"


def orphaned_jobs_automation(deployment_id: UUID, cluster: str) -> AutomationCore:
    """The automation as Prefect takes it.

    Args:
        deployment_id: Of the deployment reap.
        cluster: Slug of the EKS Cluster block, such as `eks-cluster/default`.
    """
    return AutomationCore(
        name=NAME,
        description="Runs the deployment reap for every run of submit_jobs and rerun_failed that ends like this.",
        trigger=EventTrigger(
            posture=Posture.Reactive,
            expect={"prefect.flow-run.Cancelling", "prefect.flow-run.Cancelled", "prefect.flow-run.Crashed"},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={
                "prefect.resource.role": "flow",
                "prefect.resource.name": [submit_jobs.name, rerun_failed.name],
            },
        ),
        actions=[
            RunDeployment(
                source="selected",
                deployment_id=deployment_id,
                job_variables=None,
                parameters={
                    "cluster": {"$ref": {"block_document_slug": cluster}},
                    # Prefect renders to JSON, which knows no UUID.
                    "flow_run_id": "{{ flow_run.id | string }}",
                },
            )
        ],
    )
