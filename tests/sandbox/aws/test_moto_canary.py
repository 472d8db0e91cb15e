"""Each private name of moto that the sandbox relies on, so that a new version of moto cannot break it unseen."""

import inspect

from moto.core.base_backend import BackendDict, backend_lock
from moto.ec2.models import ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.eks.models import eks_backends
from moto.events.models import events_backends
from moto.iam import models
from moto.iam.exceptions import EntityAlreadyExists, InvalidInput
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sts.models import sts_backends

ACCOUNT = "123456789012"


def test_server() -> None:
    assert DomainDispatcherApplication(create_backend_app)
    assert isinstance(BackendDict._instances, list)
    with backend_lock:
        assert all(isinstance(each, dict) for each in BackendDict._instances)
    assert callable(MotoRequestHandler.run_wsgi)


def test_iam() -> None:
    backend = models.iam_backends[ACCOUNT]["global"]
    assert models.get_account_id_from("AKIAUNKNOWN") == ACCOUNT
    assert isinstance(models.SERVICE_NAME_CONVERSION, dict)
    assert list(inspect.signature(models.IAMBackend.create_service_linked_role).parameters) == [
        "self",
        "service_name",
        "description",
        "suffix",
    ]
    assert list(inspect.signature(models.IAMBackend._init_aws_policies).parameters) == ["self"]
    assert issubclass(InvalidInput, Exception)
    assert issubclass(EntityAlreadyExists, Exception)
    assert {"access_keys", "roles", "instance_profiles"} <= set(vars(backend))


def test_sts() -> None:
    assert sts_backends[ACCOUNT]["global"].get_assumed_role_from_access_key("AKIAUNKNOWN") is None


def test_ec2() -> None:
    backend = ec2_backends[ACCOUNT]["us-east-1"]
    assert {"subnets", "groups"} <= set(vars(backend))
    m5 = INSTANCE_TYPES["m5.large"]
    assert m5["VCpuInfo"]["DefaultVCpus"] == 2
    assert m5["MemoryInfo"]["SizeInMiB"] == 8192
    assert m5["NetworkInfo"]["MaximumNetworkInterfaces"] == 3
    assert m5["NetworkInfo"]["Ipv4AddressesPerInterface"] == 10
    assert m5["ProcessorInfo"]["SupportedArchitectures"] == ["x86_64"]
    assert m5["BareMetal"] is False


def test_eks() -> None:
    assert isinstance(eks_backends[ACCOUNT]["us-east-1"].clusters, dict)


def test_events() -> None:
    backend = events_backends[ACCOUNT]["us-east-1"]
    assert backend.describe_event_bus("default").rules is not None
    assert list(inspect.signature(backend.put_events).parameters) == ["events"]
