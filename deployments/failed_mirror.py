"""An automation that runs a failed mirror again, once.

It is the run's own retry, with its own parameters, as Retry in the UI: it goes on with what was not copied. What a
registry refuses for a moment the copier has tried again by itself; this is for an outage of minutes.
"""

from datetime import timedelta

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from flows.mirror import mirror_images

NAME = "batch-eks: run a failed mirror again, once"
AFTER_SECONDS = 600.0


def failed_mirror_automation(after_seconds: float = AFTER_SECONDS) -> AutomationCore:
    """The automation as Prefect takes it.

    It cannot loop: Prefect counts the executions of a run (label prefect.run-count of its events), and only the first
    one's failure matches.

    Args:
        after_seconds: How long after the failure; whoever retries the run by hand before that has forestalled it.
    """
    return AutomationCore(
        name=NAME,
        description="Ten minutes after a mirror's first failure; a second one is left to people.",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            after={"prefect.flow-run.Failed", "prefect.flow-run.Crashed"},
            expect={"prefect.flow-run.AwaitingRetry"},
            match={"prefect.resource.id": "prefect.flow-run.*", "prefect.run-count": "1"},
            match_related=[
                {"prefect.resource.role": "flow", "prefect.resource.name": mirror_images.name},
                # A run of no deployment has no worker that could execute it again.
                {"prefect.resource.role": "deployment"},
            ],
            for_each={"prefect.resource.id"},
            threshold=1,
            within=timedelta(seconds=after_seconds),
        ),
        actions=[
            ChangeFlowRunState(
                name="AwaitingRetry",
                state=StateType.SCHEDULED,
                force=False,
                message="It failed the first time and is run again, once.",
            )
        ],
    )
