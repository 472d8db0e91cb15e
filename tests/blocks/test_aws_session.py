import base64
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import EndpointConnectionError
from prefect_aws import AwsCredentials
from pydantic import SecretStr

from blocks.aws_session import AwsSession, is_loopback
from blocks.bearer_token import LIFETIME_SECONDS, BearerToken, token_origin


def credentials(**fields: object) -> AwsCredentials:
    keys = {
        "aws_access_key_id": "AKIDEXAMPLE",
        "aws_secret_access_key": SecretStr("secret"),
        "region_name": "us-east-1",
    }
    return AwsCredentials.model_validate(keys | fields)


@pytest.fixture(autouse=True)
def _no_endpoints_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_BATCH", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def token_host(session: AwsSession) -> str:
    return urlsplit(session.presign_identity("my-test-cluster")).netloc


def test_a_token_is_a_presigned_identity_request_that_names_the_cluster() -> None:
    session = AwsSession(credentials())
    token = BearerToken(lambda: session.presign_identity("my-test-cluster"))()
    prefix, _, encoded = token.rpartition(".")
    url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    query = parse_qs(urlsplit(url).query)
    assert prefix == "k8s-aws-v1"
    assert query["Action"] == ["GetCallerIdentity"]
    assert query["X-Amz-SignedHeaders"] == ["host;x-k8s-aws-id"]
    assert "secret" not in url


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("", "sts.us-east-1.amazonaws.com"),
        ("https://vpce-0123-abcd.sts.us-east-1.vpce.amazonaws.com", "sts.us-east-1.amazonaws.com"),
        ("https://sts.amazonaws.com", "sts.us-east-1.amazonaws.com"),
        ("http://127.0.0.1:4566", "127.0.0.1:4566"),
        ("http://localhost:4566", "localhost:4566"),
    ],
)
def test_a_token_is_made_out_to_the_public_name_of_sts_except_on_loopback(
    endpoint: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", endpoint)
    assert token_host(AwsSession(credentials())) == host
    assert token_host(AwsSession(credentials(), {"sts": endpoint} if endpoint else {})) == host


def test_a_token_for_china_is_made_out_to_its_own_partition() -> None:
    assert token_host(AwsSession(credentials(region_name="cn-north-1"))) == "sts.cn-north-1.amazonaws.com.cn"


def test_a_token_is_made_anew_before_it_expires_and_not_sooner() -> None:
    now = [0.0]
    token = BearerToken(lambda: f"made at {now[0]}", clock=lambda: now[0])
    seen = []
    for now[0] in (0.0, 1.0, LIFETIME_SECONDS - 1, LIFETIME_SECONDS, LIFETIME_SECONDS + 1):
        seen.append(token())
    assert seen[0] == seen[1] == seen[2] != seen[3] == seen[4]


def test_only_tokens_of_eks_tell_where_they_were_made_out_to() -> None:
    session = AwsSession(credentials())
    token = BearerToken(lambda: session.presign_identity("my-test-cluster"))()
    assert token_origin(f"Bearer {token}") == "a token signed for sts.us-east-1.amazonaws.com 0 minutes ago"
    assert token_origin("k8s-aws-v1.nonsense") == "a token that cannot be read"
    assert token_origin("eyJhbGciOiJSUzI1NiJ9.e30.x") == token_origin("") == ""


def test_an_endpoint_of_one_service_wins_over_the_block_s_one_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    block = credentials(aws_client_parameters={"endpoint_url": "https://all.example"})
    session = AwsSession(block, {"batch": "https://batch.example"})
    assert session.client("batch").meta.endpoint_url == "https://batch.example"
    assert session.client("eks").meta.endpoint_url == "https://all.example"
    monkeypatch.setenv("AWS_ENDPOINT_URL_BATCH", "https://environment.example")
    assert AwsSession(credentials()).client("batch").meta.endpoint_url == "https://environment.example"
    assert AwsSession(credentials()).client("eks").meta.endpoint_url == "https://eks.us-east-1.amazonaws.com"


def test_calls_that_must_not_be_sent_twice_have_a_client_that_tries_once() -> None:
    session = AwsSession(credentials(aws_client_parameters={"config": {"retries": {"max_attempts": 9}}}))
    assert session.client("batch", once=True).meta.config.retries["total_max_attempts"] == 1
    assert session.client("batch").meta.config.retries["total_max_attempts"] > 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:1", True),
        ("http://127.9.9.9", True),
        ("https://localhost", True),
        ("http://[::1]:80", True),
        ("https://sts.us-east-1.amazonaws.com", False),
        ("https://10.0.0.1", False),
        ("https://localhost.example.com", False),
        ("nonsense", False),
    ],
)
def test_loopback_is_told_from_everything_else(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


def test_another_program_calls_as_the_block_says_and_not_as_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-this-process")
    endpoints = {"eks": "https://eks.example", "elbv2": "https://elb.example"}
    environment = AwsSession(credentials(), endpoints).environment()
    assert "AWS_SESSION_TOKEN" not in environment
    expected = {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL_EKS": "https://eks.example",
        "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2": "https://elb.example",
        "AWS_REGION": "us-east-1",
    }
    assert expected.items() <= environment.items()
    assert environment["PATH"]


def test_another_program_finds_by_itself_what_the_block_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOFPROCESS")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    environment = AwsSession(AwsCredentials()).environment()
    assert (environment["AWS_ACCESS_KEY_ID"], environment["AWS_REGION"]) == ("AKIDOFPROCESS", "eu-west-1")


def test_an_endpoint_that_answers_anything_at_all_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        session = AwsSession(credentials(), {"batch": f"http://127.0.0.1:{server.server_port}"})
        Thread(target=server.handle_request, daemon=True).start()
        session.reach("batch", 5)  # answered 501: it knows no GET
    with pytest.raises(EndpointConnectionError):
        session.reach("batch", 5)
