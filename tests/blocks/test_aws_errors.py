import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)
from prefect_aws import AwsCredentials
from pydantic import SecretStr

from blocks.aws_errors import explain_aws, is_throttled
from blocks.aws_session import AwsSession


def answered(code: str, status: int, message: str = "words") -> ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeJobs")  # type: ignore[arg-type]  # only what botocore itself reads


@pytest.mark.parametrize(
    "error",
    [
        answered("TooManyRequestsException", 429),
        answered("ThrottlingException", 400),
        answered("InternalError", 500),
        answered("ServiceUnavailable", 503),
        answered("ConflictException", 409),
        EndpointConnectionError(endpoint_url="https://batch"),
        ConnectTimeoutError(endpoint_url="https://batch"),
        ConnectionClosedError(endpoint_url="https://batch"),
        ReadTimeoutError(endpoint_url="https://batch"),
    ],
)
def test_what_time_heals_is_tried_again(error: ClientError) -> None:
    assert explain_aws(error, "job queue q").can_heal


@pytest.mark.parametrize(
    ("error", "next_step"),
    [
        (answered("AccessDeniedException", 403), "grant the action"),
        (answered("ClientException", 400), "correct what the message names"),
        (answered("LimitExceededException", 400), "correct what the message names"),
        (answered("ExpiredTokenException", 403), "assume_role_arn"),
        (answered("UnrecognizedClientException", 403), "AWS Credentials block"),
        (NoCredentialsError(), "give the worker a role"),
        (SSLError(endpoint_url="https://batch", error=OSError("self-signed")), "verify_cert_path"),
    ],
)
def test_what_no_time_heals_fails_at_once_and_says_what_to_do(error: ClientError, next_step: str) -> None:
    explained = explain_aws(error, "job queue q")
    assert not explained.can_heal
    assert next_step in explained.next_step
    assert str(explained).startswith("job queue q: ")


def test_a_name_that_does_not_resolve_is_dns_and_does_not_heal() -> None:
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": SecretStr("secret")}
    block = AwsCredentials.model_validate({**keys, "region_name": "us-east-1"})
    session = AwsSession(block, {"batch": "https://vpce-0123.batch.us-east-1.vpce.invalid"})
    with pytest.raises(EndpointConnectionError) as unresolved:
        session.client("batch", once=True).describe_job_queues()
    explained = explain_aws(unresolved.value, "job queue q")
    assert explained.answer.startswith("DNS: ")
    assert "AWS_ENDPOINT_URL_<SERVICE>" in explained.next_step
    assert not explained.can_heal


def test_the_service_s_own_words_are_kept() -> None:
    assert "too many jobs" in str(explain_aws(answered("ClientException", 400, "too many jobs"), "job j"))


def test_only_a_throttled_call_surely_had_no_effect() -> None:
    assert is_throttled(answered("TooManyRequestsException", 429))
    assert not is_throttled(answered("InternalError", 500))
    assert not is_throttled(ConnectionClosedError(endpoint_url="https://batch"))
