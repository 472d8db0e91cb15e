"""Each private name of moto that the sandbox relies on, so that a new version of moto cannot break it unseen."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from moto.core.base_backend import BackendDict, backend_lock
from moto.core.exceptions import ServiceException
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.models.vpcs import VPCBackend, VPCEndPoint
from moto.ec2.responses.vpcs import VPCs
from moto.ecr.models import ECRBackend, ecr_backends
from moto.eks.models import Cluster, eks_backends
from moto.events.models import Rule, events_backends
from moto.iam import models
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.exceptions import EntityAlreadyExists, InvalidInput, NotFoundException
from moto.moto_api._internal import mock_random
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.secretsmanager.exceptions import SecretsManagerClientError
from moto.secretsmanager.models import secretsmanager_backends
from moto.sqs.exceptions import SQSException
from moto.sqs.models import SQSBackend, sqs_backends
from moto.sts.models import AssumedRole, STSBackend, sts_backends

ACCOUNT, REGION = "123456789012", "us-east-1"


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_server() -> None:
    assert DomainDispatcherApplication(create_backend_app)
    assert isinstance(BackendDict._instances, list)
    with backend_lock:
        assert all(isinstance(each, dict) for each in BackendDict._instances)
    assert callable(MotoRequestHandler.run_wsgi)
    assert issubclass(ServiceException, Exception)


def test_the_same_seed_gives_the_same_identifiers() -> None:
    made = []
    for _ in range(2):
        BackendDict.reset()
        mock_random.seed(7)
        made.append(ec2_backends[ACCOUNT][REGION].create_vpc("10.0.0.0/16").id)
    BackendDict.reset()
    assert made[0] == made[1]


def test_iam() -> None:
    backend = models.iam_backends[ACCOUNT]["global"]
    assert models.iam_backends[ACCOUNT]["aws"] is backend
    assert models.get_account_id_from("AKIAUNKNOWN") == ACCOUNT
    assert isinstance(models.SERVICE_NAME_CONVERSION, dict)
    role = parameters(models.IAMBackend.create_service_linked_role)
    assert role == ["self", "service_name", "description", "suffix"]
    assert parameters(models.IAMBackend._init_aws_policies) == ["self"]
    assert {"region_name", "user_name", "path"} <= set(parameters(models.IAMBackend.create_user))
    assert "user_name" in parameters(models.IAMBackend.create_access_key)
    assert {"users", "access_keys", "roles", "instance_profiles"} <= set(vars(backend))
    assert issubclass(InvalidInput, Exception)
    assert issubclass(EntityAlreadyExists, Exception)
    with pytest.raises(NotFoundException):
        backend.get_role("no-such-role")


def test_sts() -> None:
    backend = sts_backends[ACCOUNT]["global"]
    assert backend.get_assumed_role_from_access_key("AKIAUNKNOWN") is None
    assert isinstance(sts_backends[ACCOUNT]["aws"].assumed_roles, list)
    wanted = {"region_name", "role_session_name", "role_arn", "policy", "duration", "external_id"}
    assert wanted <= set(parameters(STSBackend.assume_role))
    assert {"arn", "user_id"} <= set(dir(AssumedRole))


def test_ec2() -> None:
    backend = ec2_backends[ACCOUNT][REGION]
    assert {"subnets", "groups"} <= set(vars(backend))
    assert backend.get_instance_by_id("i-0") is None
    wanted = {"image_id", "count", "user_data", "security_group_names"}
    assert wanted <= set(parameters(EC2Backend.run_instances))
    assert "instance_ids" in parameters(EC2Backend.terminate_instances)
    assert "filters" in parameters(EC2Backend.describe_security_groups)


def test_vpc_endpoints() -> None:
    assert "endpoint_type" in parameters(VPCBackend.create_vpc_endpoint)
    assert parameters(VPCs.modify_vpc_endpoint) == ["self"]
    assert parameters(EC2Backend.create_route)[:3] == ["self", "route_table_id", "destination_cidr_block"]
    assert {"gateway_id", "destination_prefix_list_id"} <= set(parameters(EC2Backend.create_route))
    assert parameters(EC2Backend.delete_route)[:2] == ["self", "route_table_id"]
    source = inspect.getsource(VPCEndPoint.__init__)
    assert all(f"self.{name} = " in source for name in ("state", "private_dns_enabled", "destination_prefix_list_id"))


def test_policies() -> None:
    allow = '{"Statement": {"Effect": "Allow", "Action": "a:B", "Resource": "*"}}'
    assert IAMPolicy(allow).is_action_permitted("a:B", "r") == PermissionResult.PERMITTED
    assert IAMPolicy(allow).is_action_permitted("a:C", "r") == PermissionResult.NEUTRAL


def test_instance_types() -> None:
    m5 = INSTANCE_TYPES["m5.large"]
    assert m5["VCpuInfo"]["DefaultVCpus"] == 2
    assert m5["MemoryInfo"]["SizeInMiB"] == 8192
    assert m5["NetworkInfo"]["MaximumNetworkInterfaces"] == 3
    assert m5["NetworkInfo"]["Ipv4AddressesPerInterface"] == 10
    assert m5["ProcessorInfo"]["SupportedArchitectures"] == ["x86_64"]
    assert m5["BareMetal"] is False
    assert "GpuInfo" not in m5
    (gpu,) = INSTANCE_TYPES["g4dn.xlarge"]["GpuInfo"]["Gpus"]
    assert (gpu["Count"], gpu["Manufacturer"]) == (1, "NVIDIA")


def test_eks() -> None:
    assert isinstance(eks_backends[ACCOUNT][REGION].clusters, dict)
    taken = {"name", "role_arn", "resources_vpc_config", "version", "logging", "tags", "encryption_config"}
    assert taken <= set(parameters(Cluster.__init__))


def test_ecr() -> None:
    assert isinstance(ecr_backends[ACCOUNT][REGION], ECRBackend)


def test_secrets_manager() -> None:
    backend = secretsmanager_backends[ACCOUNT][REGION]
    with pytest.raises(SecretsManagerClientError):
        backend.get_secret_value("no-such-secret", "", "AWSCURRENT")


def test_events() -> None:
    backend = events_backends[ACCOUNT][REGION]
    assert backend.describe_event_bus("default").rules is not None
    assert parameters(backend.put_events) == ["events"]
    assert parameters(Rule._send_to_sqs_queue) == ["self", "resource_id", "event", "group_id"]
    rule = Rule("r", ACCOUNT, REGION, None, "{}", None, None, "default", None)
    assert {"account_id": ACCOUNT, "region_name": REGION, "state": "ENABLED"}.items() <= vars(rule).items()


def test_sqs() -> None:
    queue = sqs_backends[ACCOUNT][REGION].create_queue("q")
    assert sqs_backends[ACCOUNT][REGION].queues == {"q": queue}
    assert (queue.queue_arn, queue._policy_json["Statement"]) == (f"arn:aws:sqs:{REGION}:{ACCOUNT}:q", [])
    sqs_backends[ACCOUNT][REGION].delete_queue("q")
    assert parameters(SQSBackend.create_queue)[:3] == ["self", "name", "tags"]
    assert parameters(SQSBackend.delete_queue) == ["self", "queue_name"]
    assert SQSException("code", "text").message == "text"
