"""Symptoms and causes, asked from the very code that explains them, so that what is documented is what is said."""

import socket
from collections.abc import Mapping
from typing import Any

import urllib3.exceptions as urllib3_exceptions
from botocore import exceptions as botocore_exceptions
from botocore.exceptions import ClientError
from kubernetes.client.exceptions import ApiException
from urllib3.connection import HTTPSConnection

from blocks.aws_errors import explain_aws
from blocks.kubernetes_errors import explain_kubernetes, explain_unreachable
from blocks.operation_error import OperationError
from docs.symptom import Symptom
from specs.preflight.rules import RULES
from tasks.failed_job import explain_failed
from tasks.invalid_cause import INVALID_CAUSES
from tasks.job import JobResult
from tasks.stuck_job import RUNNABLE_REASONS, explain_warnings

# How a job ends, by what a person sees of it.
ENDS: Mapping[str, Mapping[str, Any]] = {
    "Job attempt duration exceeded timeout": {"status_reason": "Job attempt duration exceeded timeout"},
    "Canceled by JobStateTimeLimit action due to reason: ...": {
        "status_reason": "Canceled by JobStateTimeLimit action due to reason: ..."
    },
    "Dependent Job failed": {"status_reason": "Dependent Job failed"},
    "Array Child Job failed": {"status_reason": "Array Child Job failed"},
    "any reason, isCancelled or isTerminated": {"was_stopped": True},
    "exit code 137": {"exit_code": 137},
    "exit code 143": {"exit_code": 143},
    "exit code 139": {"exit_code": 139},
    "exit code 126": {"exit_code": 126},
    "exit code 127": {"exit_code": 127},
    "any other exit code": {"exit_code": 1},
}
# Warnings among the events of a pod that does not start.
POD_WARNINGS = (
    'Failed to pull image "public.ecr.aws/amazonlinux/amazonlinux:2": ...: dial tcp: i/o timeout',
    'Failed to pull image "ACCOUNT.dkr.ecr.REGION.amazonaws.com/...": failed to copy: httpReadSeeker: ...',
    "Unable to attach or mount volumes: ...",
    "any other warning",
)
# Error code and HTTP status of an answer.
AWS_ANSWERS = (
    ("ThrottlingException", 400),
    ("TooManyRequestsException", 429),
    ("InternalServerException", 500),
    ("AccessDeniedException", 403),
    ("UnauthorizedOperation", 403),
    ("ExpiredTokenException", 403),
    ("UnrecognizedClientException", 403),
    ("InvalidClientTokenId", 403),
    ("ConflictException", 409),
    ("ClientException", 400),
)
KUBERNETES_ANSWERS = (
    (401, "Unauthorized", "Unauthorized"),
    (403, "Forbidden", 'User "..." cannot ... resource "..."'),
    (403, "Forbidden", "user ... is attempting to grant RBAC permissions not currently held"),
    (409, "Conflict", "the object has been modified"),
    (422, "Invalid", "... is invalid"),
    (503, "ServiceUnavailable", "..."),
)


def invalid_environments() -> list[Symptom]:
    """Words of a compute environment's statusReason."""
    return [Symptom(row.words, row.cause, row.fix) for row in INVALID_CAUSES]


def waiting_jobs() -> list[Symptom]:
    """Words of the statusReason of a job in RUNNABLE."""
    return [Symptom(row.words, row.cause, row.fix) for row in RUNNABLE_REASONS]


def starting_jobs() -> list[Symptom]:
    """Warnings of the pod of a job in STARTING."""
    found = [(warning, explain_warnings([warning])) for warning in POD_WARNINGS]
    return [Symptom(warning, finding.cause, finding.fix) for warning, finding in found if finding]


def failed_jobs() -> list[Symptom]:
    """Ends of jobs that failed."""
    jobs = {
        words: JobResult(job_name="", job_id="", status="FAILED", console_url="its page in the console", **end)
        for words, end in ENDS.items()
    }
    return [_symptom(words, explain_failed(job)) for words, job in jobs.items()]


def aws_refusals() -> list[Symptom]:
    """What AWS answers, and the ways in which it cannot be asked."""
    answers = [_symptom(code, explain_aws(_answer(code, status), "")) for code, status in AWS_ANSWERS]
    unresolved = botocore_exceptions.EndpointConnectionError(endpoint_url="...", error=socket.gaierror())
    unsent = [
        ('DNS: Could not connect to the endpoint URL: "..."', unresolved),
        ('Could not connect to the endpoint URL: "..."', botocore_exceptions.EndpointConnectionError(endpoint_url="")),
        ("SSL validation failed for ...", botocore_exceptions.SSLError(endpoint_url="", error=OSError())),
        ("Read timeout on endpoint URL: ...", botocore_exceptions.ReadTimeoutError(endpoint_url="")),
        ("Unable to locate credentials", botocore_exceptions.NoCredentialsError()),
    ]
    return answers + [_symptom(words, explain_aws(error, "")) for words, error in unsent]


def kubernetes_refusals() -> list[Symptom]:
    """What the Kubernetes API answers, and the ways in which it cannot be reached."""
    answers = []
    for status, reason, message in KUBERNETES_ANSWERS:
        error = ApiException(status=status, reason=reason)
        error.body = f'{{"reason": "{reason}", "message": {_quoted(message)}}}'
        answers.append(_symptom(f"answered {status} {reason}: {message}", explain_kubernetes(error, "")))
    connection = HTTPSConnection("endpoint")
    unreachable = [
        ("DNS: ...", urllib3_exceptions.NameResolutionError("endpoint", connection, socket.gaierror())),
        ("time-out: ...", urllib3_exceptions.ConnectTimeoutError()),
        ("TLS: ...", urllib3_exceptions.SSLError()),
        ("refused: ...", urllib3_exceptions.NewConnectionError(connection, "Connection refused")),
        ("Unable to connect to proxy", urllib3_exceptions.ProxyError("", OSError())),
        ("ProtocolError: ...", urllib3_exceptions.ProtocolError()),
    ]
    return answers + [_symptom(words, explain_unreachable(error, "")) for words, error in unreachable]


def preflight_rules() -> list[Symptom]:
    """What preflight demands, and where that is written down."""
    return [Symptom(rule.name, rule.demand, rule.source) for rule in RULES]


def _symptom(words: str, error: OperationError) -> Symptom:
    return Symptom(words, error.cause, error.next_step)


def _answer(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "..."}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "the operation")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'
