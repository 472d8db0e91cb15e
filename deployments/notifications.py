"""Automations that tell people of failed and hanging jobs, and of drift, by a notification block of theirs."""

from datetime import timedelta
from uuid import UUID

from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

JOBS = "batch-eks: notify of failed and hanging jobs"
DRIFT = "batch-eks: notify of drift"
NAMES = (JOBS, DRIFT)
# A run of thousands of jobs must not send a hundred messages.
QUIET = timedelta(minutes=10)

_JOB = """\
Job {{ event.resource.name }} ({{ event.resource.id | replace('aws-batch.job.', '') }})
{{ event.payload.explanation or event.payload.status_reason }}
{% if event.payload.console_url %}
AWS console: {{ event.payload.console_url }}
{% endif %}
Run: {{ flow_run | ui_url }}
Others of this run within ten minutes are not told one by one; the run's artifact submit-jobs has them all.
"""
_DRIFT = """\
{% for step in event.payload.steps %}
- {{ step.step }} {{ step.name }} would be {{ step.would_be }} {{ step.fields | join(', ') }}
{% endfor %}
{{ event.payload.failure }}
Run, with the differences field by field: {{ flow_run | ui_url }}
The deployment setup brings it back in line.
"""


def notifications(block_document_id: UUID) -> list[AutomationCore]:
    """The automations as Prefect takes them. They name the block by its id; what it holds is stored nowhere else.

    Args:
        block_document_id: Of a notification block, such as a Slack Webhook.
    """
    return [
        AutomationCore(
            name=JOBS,
            description="The first job of a run that fails or hangs, then quiet about this run for ten minutes.",
            trigger=EventTrigger(
                posture=Posture.Reactive,
                expect={"aws-batch.job.failed", "aws-batch.job.stuck"},
                match={"prefect.resource.id": "aws-batch.job.*"},
                for_each={"related:flow-run:prefect.resource.id"},
                threshold=1,
                within=QUIET,
            ),
            actions=[
                SendNotification(
                    block_document_id=block_document_id,
                    subject="AWS Batch job {{ event.resource.name }} "
                    "{% if event.event == 'aws-batch.job.stuck' %}hangs{% else %}failed{% endif %}",
                    body=_JOB,
                )
            ],
        ),
        AutomationCore(
            name=DRIFT,
            description="The nightly drift check has found a difference.",
            trigger=EventTrigger(
                posture=Posture.Reactive,
                expect={"aws-batch.platform.drifted"},
                match={"prefect.resource.id": "aws-batch.platform.*"},
                threshold=1,
            ),
            actions=[
                SendNotification(
                    block_document_id=block_document_id,
                    subject="AWS Batch on {{ event.resource.name }} is not as it was set up",
                    body=_DRIFT,
                )
            ],
        ),
    ]
