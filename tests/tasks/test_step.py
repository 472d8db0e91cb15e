"""How often a step is repeated."""

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

from blocks.operation_error import OperationError
from tasks.step import ATTEMPTS, step


@pytest.mark.usefixtures("prefect_server")
def test_an_endpoint_that_drops_packets_is_not_tried_for_minutes() -> None:
    tries = []

    @step("an endpoint that is missing")
    def call() -> None:
        tries.append(1)
        raise ConnectTimeoutError(endpoint_url="https://batch.us-east-1.amazonaws.com")

    with pytest.raises(OperationError, match="no connection to the AWS endpoint"):
        call()
    assert len(tries) == ATTEMPTS[ConnectTimeoutError]


@pytest.mark.usefixtures("prefect_server")
def test_an_endpoint_that_is_down_for_a_moment_is_tried_until_it_is_back() -> None:
    tries = []

    @step("an endpoint that is down")
    def call() -> str:
        tries.append(1)
        if len(tries) <= ATTEMPTS[ConnectTimeoutError]:
            raise EndpointConnectionError(endpoint_url="https://batch.us-east-1.amazonaws.com")
        return "back"

    assert call() == "back"
