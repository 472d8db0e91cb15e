"""What an error of an AWS call means, and whether time alone can heal it."""

import socket

import urllib3.exceptions as urllib3_exceptions
from botocore import exceptions as botocore_exceptions
from botocore.exceptions import BotoCoreError, ClientError

from blocks.operation_error import OperationError

THROTTLED = frozenset(
    {
        # botocore's own list of throttling codes (botocore/retries/standard.py) but for LimitExceededException, which
        # is a quota in Batch, EKS and ECR that waiting does not raise, ...
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "TransactionInProgressException",
        "SlowDown",
        "EC2ThrottledException",
        # ... and the code that Batch answers with although its model does not name it.
        "TooManyRequestsException",
    }
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException"})
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
UNKNOWN_IDENTITY = frozenset(
    {"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure"}
)
UNSENT = (
    botocore_exceptions.EndpointConnectionError,
    botocore_exceptions.ConnectTimeoutError,
    botocore_exceptions.ProxyConnectionError,
)
BROKEN = (
    botocore_exceptions.ConnectionClosedError,
    botocore_exceptions.ReadTimeoutError,
    botocore_exceptions.HTTPClientError,
)


def error_code(error: BaseException) -> str:
    """The service's own code of an error, such as `ClientException`; empty where there is none."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def error_text(error: BaseException) -> str:
    """The service's own words of an error, without botocore's frame around them."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Message") or error)
    return str(error)


def is_throttled(error: BaseException) -> bool:
    """Whether AWS refused the call only because there were too many; it then had no effect."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(error, ClientError) else 0
    return error_code(error) in THROTTLED or status == 429


def explain_aws(error: ClientError | BotoCoreError, resource: str) -> OperationError:
    """Turn an error of boto3 into one that says cause and next step.

    Args:
        error: What a client raised.
        resource: What the call was about.

    Returns:
        The error to raise from it. It can heal where the call was throttled, the service failed (5xx), the
        connection broke or was not made (but for a name that does not resolve), or somebody else was changing the
        resource (409 `ConflictException`).
    """
    if isinstance(error, ClientError):
        return _explain_answer(error, resource)
    if isinstance(error, UNSENT) and _is_unresolved(error):
        return OperationError(
            resource,
            f"DNS: {error}",
            "the endpoint's name does not resolve here: an interface endpoint's own name resolves only with DNS that "
            "can see the VPC, and a region or a service may be misspelt in it",
            "correct AWS_ENDPOINT_URL_<SERVICE>, the endpoints of the EKS Cluster block or the region, or run the "
            "worker where the name resolves",
        )
    if isinstance(error, UNSENT):
        return OperationError(
            resource,
            str(error),
            "no connection to the AWS endpoint: inside a private VPC each service needs its interface endpoint, "
            "with private DNS on and its security group open on 443",
            "check the endpoint `com.amazonaws.<region>.<service>`, AWS_ENDPOINT_URL_<SERVICE> and the proxy settings",
            can_heal=True,
        )
    if isinstance(error, botocore_exceptions.SSLError):
        return OperationError(
            resource,
            str(error),
            "the endpoint's certificate is not trusted here",
            "set verify_cert_path in the AWS Credentials block, or AWS_CA_BUNDLE, to the right CA bundle",
        )
    if isinstance(error, BROKEN):
        return OperationError(
            resource,
            str(error),
            "the connection broke in mid-call",
            "run again: every step can be repeated",
            True,
        )
    if isinstance(error, botocore_exceptions.NoCredentialsError):
        return OperationError(
            resource,
            str(error),
            "the AWS Credentials block is empty and the worker has no credentials of its own",
            "fill the block, or give the worker a role (instance profile, Pod Identity, AWS_PROFILE)",
        )
    return OperationError(
        resource, str(error), f"botocore refused the call ({type(error).__name__})", "correct the named value"
    )


def _is_unresolved(error: BotoCoreError) -> bool:
    reason = error.kwargs.get("error")
    return isinstance(reason, urllib3_exceptions.NameResolutionError | socket.gaierror)


def _explain_answer(error: ClientError, resource: str) -> OperationError:
    code, operation = error_code(error), error.operation_name
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    answer = f"{operation} answered {code or status}: {error_text(error)}"
    if is_throttled(error):
        return OperationError(
            resource, answer, "too many calls for the account's quota", "wait: the call is repeated", True
        )
    if status >= 500:
        return OperationError(resource, answer, "the service failed", "wait: the call is repeated", True)
    if code in DENIED:
        return OperationError(
            resource,
            answer,
            f"the caller's IAM policies do not allow {operation}",
            "grant the action that the message names to the worker's role",
        )
    if code in EXPIRED:
        return OperationError(
            resource,
            answer,
            "the temporary credentials have expired",
            "replace them in the AWS Credentials block, or use assume_role_arn, which renews by itself",
        )
    if code in UNKNOWN_IDENTITY:
        return OperationError(
            resource, answer, "AWS does not accept these credentials", "correct the AWS Credentials block"
        )
    if code in {"ConflictException", "ConcurrentModificationException", "ResourceInUseException"} and status == 409:
        return OperationError(resource, answer, "somebody else is changing it", "wait: the call is repeated", True)
    return OperationError(
        resource,
        answer,
        "AWS refused the request as it stands",
        "correct what the message names and run again",
    )
