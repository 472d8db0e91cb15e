"""A bare AWS endpoint: moto, the middleware, IAM's corrections."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox.aws import iam
from sandbox.aws.server import AwsServer

ONE_ATTEMPT = Config(retries={"total_max_attempts": 1}, proxies={})
Client = Callable[..., Any]


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsServer]:
    """An AWS server of the test session's own."""
    iam.install()
    server = AwsServer(tmp_path_factory.mktemp("aws"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(aws: AwsServer) -> Client:
    """Makes boto3 clients of the server, which is emptied first: moto keeps one account a process for all servers."""
    aws.reset()

    def make(service: str, *, url: str | None = None, key: str = "AKIAIOSFODNN7EXAMPLE", secret: str = "x") -> Any:
        any_service: Any = service
        return boto3.client(
            any_service,
            endpoint_url=url or aws.url,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=ONE_ATTEMPT,
        )

    return make


@pytest.fixture
def control(aws: AwsServer) -> Callable[..., Any]:
    """Calls a control route: method, path, document."""

    def call(method: str, path: str, document: Any = None) -> Any:
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{aws.url}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    return call
