"""The AWS endpoint: audit, faults, positions, connections."""

import socket
import time
import urllib.error
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from werkzeug.wrappers import Request, Response

from sandbox.aws.server import AwsServer, position


def test_audit_names_service_operation_and_caller(client: Callable[..., Any], control: Callable[..., Any]) -> None:
    iam = client("iam")
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    control("POST", "/_sandbox/calls/clear")
    keys = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    client("eks", **keys).list_clusters()
    client("sqs", **keys).create_queue(QueueName="q")
    client("ec2", **keys).describe_vpcs()
    with pytest.raises(ClientError):
        client("eks", **keys).describe_cluster(name="nowhere")

    calls = control("GET", "/_sandbox/calls")

    observed = [(call["service"], call["operation"], call["mutating"], call["status"]) for call in calls]
    assert observed == [
        ("eks", "ListClusters", False, 200),
        ("sqs", "CreateQueue", True, 200),
        ("ec2", "DescribeVpcs", False, 200),
        ("eks", "DescribeCluster", False, 404),
    ]
    assert {call["user"] for call in calls} == {"arn:aws:iam::123456789012:user/alice"}


def test_path_parameters_are_part_of_the_operation(client: Callable[..., Any], aws: AwsServer) -> None:
    with pytest.raises(ClientError):
        client("eks").list_tags_for_resource(resourceArn="arn:aws:eks:us-east-1:123456789012:cluster/c")
    assert aws.calls()[-1].operation == "ListTagsForResource"


def test_a_dry_run_is_not_mutating(client: Callable[..., Any], aws: AwsServer) -> None:
    with pytest.raises(ClientError, match="DryRun"):
        client("ec2").run_instances(ImageId="ami-1", MinCount=1, MaxCount=1, DryRun=True)
    assert not aws.calls()[-1].mutating


def test_throttling_ends_after_its_times(client: Callable[..., Any], control: Callable[..., Any]) -> None:
    fault = {"service": "sqs", "operation": "ListQueues", "status": 429, "code": "TooManyRequestsException"}
    control("POST", "/_sandbox/faults", {**fault, "message": "Too Many Requests", "times": 2})
    sqs = client("sqs")
    for _ in range(2):
        with pytest.raises(ClientError) as refused:
            sqs.list_queues()
        assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    sqs.list_queues()


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("iam", lambda each: each.list_users()),
        ("ec2", lambda each: each.describe_vpcs()),
        ("ecr", lambda each: each.describe_repositories()),
        ("eks", lambda each: each.list_clusters()),
    ],
)
def test_a_fault_speaks_the_service_s_protocol(
    client: Callable[..., Any], control: Callable[..., Any], service: str, call: Callable[[Any], Any]
) -> None:
    fault = {"service": service, "status": 503, "code": "ServiceUnavailable", "message": "Come <back> later"}
    control("POST", "/_sandbox/faults", fault)
    with pytest.raises(ClientError) as refused:
        call(client(service))
    assert refused.value.response["Error"]["Code"] == "ServiceUnavailable"
    assert refused.value.response["Error"]["Message"] == "Come <back> later"
    control("DELETE", "/_sandbox/faults")
    call(client(service))


def test_a_reset_is_a_tcp_reset(client: Callable[..., Any], control: Callable[..., Any], aws: AwsServer) -> None:
    control("POST", "/_sandbox/faults", {"service": "unsigned", "reset": True, "times": 1})
    host, port = aws.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)

    control("POST", "/_sandbox/faults", {"service": "sqs", "reset": True, "times": 1})
    sqs = client("sqs")
    with pytest.raises(ConnectionClosedError):
        sqs.list_queues()
    sqs.list_queues()


def test_after_means_that_the_call_took_effect(client: Callable[..., Any], control: Callable[..., Any]) -> None:
    control("POST", "/_sandbox/faults", {"operation": "CreateQueue", "reset": True, "after": True, "times": 1})
    sqs = client("sqs")
    with pytest.raises(ConnectionClosedError):
        sqs.create_queue(QueueName="made")
    assert sqs.get_queue_url(QueueName="made")


def test_skip_lets_the_first_ones_pass(client: Callable[..., Any], control: Callable[..., Any]) -> None:
    control("POST", "/_sandbox/faults", {"operation": "ListQueues", "status": 500, "skip": 2, "times": 1})
    sqs = client("sqs")
    sqs.list_queues()
    sqs.list_queues()
    with pytest.raises(ClientError):
        sqs.list_queues()


def test_a_delay_only_delays(client: Callable[..., Any], control: Callable[..., Any]) -> None:
    control("POST", "/_sandbox/faults", {"service": "sqs", "delay": 0.2, "times": 1})
    started = time.monotonic()
    client("sqs").list_queues()
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize("fault", [{"service": "sqs"}, {"statu": 500}, {"service": "sqs", "status": 500, "x": 1}])
def test_a_fault_that_says_nothing_is_refused(control: Callable[..., Any], fault: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        control("POST", "/_sandbox/faults", fault)


def test_settings_are_shown_changed_and_checked(
    control: Callable[..., Any], client: Callable[..., Any], aws: AwsServer
) -> None:
    assert control("POST", "/_sandbox/settings", {"list_jobs_delay": 5, "batch_quotas": True})["list_jobs_delay"] == 5
    for wrong in ({"nonsense": 1}, {"batch_quotas": 1}, {"list_jobs_delay": True}, {"list_jobs_delay": "5"}):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            control("POST", "/_sandbox/settings", wrong)
    control("POST", "/_sandbox/reset")
    assert control("GET", "/_sandbox/settings")["list_jobs_delay"] == 0


def test_unknown_control_routes_are_not_found(control: Callable[..., Any]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        control("GET", "/_sandbox/nothing")
    with pytest.raises(urllib.error.HTTPError, match="405"):
        control("GET", "/_sandbox/reset")


def test_positions_share_the_account(aws: AwsServer, client: Callable[..., Any]) -> None:
    seen: list[str] = []

    def look(_parameters: dict[str, Any], _caller: Any) -> dict[str, Any]:
        seen.append(position())
        return {}

    aws.implement("batch", "ListConsumableResources", look)
    for url in (aws.url, aws.internet_url):
        client("batch", url=url).list_consumable_resources()
    assert seen == ["any", "internet"]
    client("sqs", url=aws.internet_url).create_queue(QueueName="shared")
    assert client("sqs").get_queue_url(QueueName="shared")


def test_a_defect_looks_like_one(
    aws: AwsServer, client: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    aws.implement("batch", "ListConsumableResources", lambda _parameters, _caller: {"x": 1 / 0})
    with pytest.raises(ClientError) as refused:
        client("batch").list_consumable_resources()
    assert refused.value.response["Error"]["Code"] == "InternalFailure"
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_routes_take_arguments(aws: AwsServer, control: Callable[..., Any]) -> None:
    def echo(request: Request, name: str) -> Response:
        return Response(f'["{name}", "{request.method}"]', content_type="application/json")

    aws.route("POST", "/_sandbox/echo/<name>", echo)
    assert control("POST", "/_sandbox/echo/me") == ["me", "POST"]


def test_one_connection_serves_many_calls(client: Callable[..., Any], control: Callable[..., Any]) -> None:
    batch = client("sqs")
    pool = batch._endpoint.http_session._manager.connection_from_url(batch.meta.endpoint_url)
    for _ in range(20):
        batch.list_queues()
    assert pool.num_connections == 1


def test_reset_empties_the_account(client: Callable[..., Any], control: Callable[..., Any], aws: AwsServer) -> None:
    order: list[str] = []
    aws.before_reset(lambda: order.append("stop"))
    aws.after_reset(lambda: order.append("seed"))
    client("sqs").create_queue(QueueName="gone")
    control("POST", "/_sandbox/faults", {"status": 500})
    control("POST", "/_sandbox/reset")
    assert order == ["stop", "seed"]
    assert "QueueUrls" not in client("sqs").list_queues()
    assert [call["operation"] for call in control("GET", "/_sandbox/calls")] == ["ListQueues"]


def test_stop_ends_open_connections(tmp_path: Any) -> None:
    server = AwsServer(tmp_path)
    server.start()
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET /_sandbox/settings HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
        server.stop()
        while connection.recv(4096):
            continue
