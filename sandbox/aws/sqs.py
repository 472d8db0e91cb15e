"""What moto's SQS lacks: a name stays taken for a minute after its queue was deleted.

Source: botocore sqs, QueueDeletedRecently. Observed on moto 5.2.5: the name is free at once.
"""

import time
from typing import Any

from moto.sqs.exceptions import SQSException
from moto.sqs.models import SQSBackend

RECENTLY_SECONDS = 60.0

_moto_create, _moto_delete = SQSBackend.create_queue, SQSBackend.delete_queue


def _deleted(self: Any) -> dict[str, float]:
    """When queues were deleted, by name; kept in moto's backend, so that a reset forgets it."""
    deleted: dict[str, float] = vars(self).setdefault("deleted_queues", {})
    return deleted


def _create_queue(self: Any, name: str, tags: dict[str, str] | None = None, **attributes: Any) -> Any:
    if time.monotonic() - _deleted(self).get(name, float("-inf")) < RECENTLY_SECONDS:
        raise SQSException(
            "AWS.SimpleQueueService.QueueDeletedRecently",
            "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        )
    return _moto_create(self, name, tags, **attributes)


def _delete_queue(self: Any, queue_name: str) -> None:
    _moto_delete(self, queue_name)
    _deleted(self)[queue_name] = time.monotonic()


def install() -> None:
    """Correct moto's SQS, for the whole process."""
    SQSBackend.create_queue = _create_queue
    SQSBackend.delete_queue = _delete_queue
