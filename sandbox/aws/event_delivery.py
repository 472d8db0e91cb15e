"""What moto leaves out when EventBridge hands an event to an SQS queue: whether it may, and whether anybody is there.

Observed on moto 5.2.5: a rule that is disabled sends, a queue takes what its policy does not allow, and one that was
deleted raises in whoever put the event.
"""

import fnmatch
from collections.abc import Mapping
from typing import Any

from moto.events.models import Rule
from moto.sqs.models import sqs_backends

EVENTBRIDGE = "events.amazonaws.com"
_moto_send = Rule._send_to_sqs_queue


def _send_to_sqs_queue(self: Any, resource_id: str, event: dict[str, Any], group_id: str | None = None) -> None:
    """Send if the rule is enabled and the queue's policy lets it; drop the event otherwise.

    Nobody is told: EventBridge counts FailedInvocations only (User Guide, eb-use-resource-based "Amazon SQS
    permissions", and eb-rule-dlq).
    """
    queue = sqs_backends[self.account_id][self.region_name].queues.get(resource_id)
    if queue is not None and self.state == "ENABLED" and lets_in(queue._policy_json, queue.queue_arn, self.arn):
        _moto_send(self, resource_id, event, group_id)


def lets_in(policy: Mapping[str, Any], queue_arn: str, rule_arn: str) -> bool:
    """Whether a queue's policy lets EventBridge send to it on behalf of a rule."""
    return any(_allows(statement, queue_arn, rule_arn) for statement in policy.get("Statement", ()))


def _allows(statement: Mapping[str, Any], queue_arn: str, rule_arn: str) -> bool:
    principal = statement.get("Principal")
    services = _listed(principal.get("Service", ())) if isinstance(principal, Mapping) else _listed(principal)
    sources = [
        source
        for operator in ("ArnEquals", "ArnLike")
        for source in _listed(statement.get("Condition", {}).get(operator, {}).get("aws:SourceArn", ()))
    ]
    return (
        statement.get("Effect") == "Allow"
        and bool({EVENTBRIDGE, "*"} & set(services))
        and any(action.lower() in ("sqs:sendmessage", "sqs:*") for action in _listed(statement.get("Action", ())))
        and any(fnmatch.fnmatchcase(queue_arn, resource) for resource in _listed(statement.get("Resource", ())))
        and (not sources or any(fnmatch.fnmatchcase(rule_arn, source) for source in sources))
    )


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def install() -> None:
    """Correct moto's EventBridge, for the whole process."""
    Rule._send_to_sqs_queue = _send_to_sqs_queue
