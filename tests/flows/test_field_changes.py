"""Each field of the compute environment changes once under 50 running jobs: in the right way, and none is lost."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks.eks_cluster import EksCluster
from flows.setup import setup_batch
from sandbox.remote import RemoteSandbox
from specs.change_kind import ChangeKind, change_kind
from specs.compute_environment import ComputeEnvironmentSpec, ComputeResources
from specs.platform import PlatformSpec
from tasks.outcome import Outcome
from tests.flows.queue_witness import Witness, environments

pytestmark = pytest.mark.campaign
JOBS = 50
AMI = "ami-0123456789abcdef0"
# In this order, each with the ones before it; the resources that these name are made by the test.
IN_PLACE: list[tuple[str, ChangeKind, dict[str, Any]]] = [
    ("minvCpus", "in place", {"minvCpus": 2}),
    ("maxvCpus", "in place", {"maxvCpus": 160}),
    ("scalingPolicy", "in place", {"scalingPolicy": {"minScaleDownDelayMinutes": 20}}),
    ("instanceTypes", "instances", {"instanceTypes": ["c5"]}),
    ("subnets", "instances", {"subnets": ["SUBNET"]}),
    ("securityGroupIds", "instances", {"securityGroupIds": ["GROUP"]}),
    ("instanceRole", "instances", {"instanceRole": "OtherProfile"}),
    ("ec2KeyPair", "instances", {"ec2KeyPair": "other"}),
    ("tags", "instances", {"tags": {"team": "data"}}),
    ("placementGroup", "instances", {"placementGroup": "other"}),
    ("launchTemplate", "instances", {"launchTemplate": {"launchTemplateName": "other", "userdataType": "EKS_NODEADM"}}),
    ("imageId", "instances", {"imageId": AMI}),
    ("ec2Configuration", "instances", {"ec2Configuration": [{"imageType": "EKS_AL2023", "imageIdOverride": AMI}]}),
    ("allocationStrategy", "instances", {"allocationStrategy": "BEST_FIT_PROGRESSIVE_ORDERED"}),
    ("type", "instances", {"type": "SPOT", "allocationStrategy": "SPOT_PRICE_CAPACITY_OPTIMIZED"}),
    ("bidPercentage", "instances", {"bidPercentage": 60}),
]
REPLACED: list[tuple[str, dict[str, Any]]] = [
    ("spotIamFleetRole", {"spotIamFleetRole": "arn:aws:iam::123456789012:role/Fleet"}),
    ("imageKubernetesVersion", {"ec2Configuration": [{"imageType": "EKS_AL2023", "imageKubernetesVersion": "1.33"}]}),
    # AWS Batch documents no way to unset it.
    ("no placementGroup", {"placementGroup": ""}),
]
# Batch moves the first by itself.
NOT_CHANGED = {"desiredvCpus", "spotIamFleetRole"}


def test_no_field_of_the_resources_is_left_out() -> None:
    fields = {field.alias or name for name, field in ComputeResources.model_fields.items()}
    assert {field for field, _, _ in IN_PLACE} == fields - NOT_CHANGED
    beside = {field.alias or name for name, field in ComputeEnvironmentSpec.model_fields.items()}
    # Fixed by EKS (type, serviceRole, state, unmanagedvCpus), the name itself, and those that the test below changes.
    assert beside == {
        *("type", "serviceRole", "state", "unmanagedvCpus", "computeEnvironmentName"),
        *("computeResources", "eksConfiguration", "tags"),
    }


@pytest.fixture
def holding(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A named pipe that a job waits at, and the file descriptor that lets jobs go on, one for each line."""
    pipe = tmp_path / "hold"
    os.mkfifo(pipe)
    descriptor = os.open(pipe, os.O_RDWR)
    yield pipe, descriptor
    os.close(descriptor)


class Setup:
    """The tutorial's setup with another compute environment, change by change."""

    def __init__(self, sandbox: RemoteSandbox) -> None:
        self.cluster = EksCluster(cluster_name=sandbox.env["EKS_CLUSTER"])
        self.namespace = "my-aws-batch-namespace"
        self.configuration: dict[str, Any] = {}
        self.tags: dict[str, str] = {}
        self.resources: dict[str, Any] = {"instanceRole": sandbox.env["INSTANCE_PROFILE"], "maxvCpus": 128}
        setup_batch(self.cluster, self._platform())

    def run(self) -> Outcome:
        """What was done to the compute environment that stands for the name now."""
        report = setup_batch(self.cluster, self._platform(), image_source="already_mirrored", replace=True)
        (found,) = [one for one in report.changed if one.step == "compute environment" and one.action != "replaced"]
        return found

    def _platform(self) -> PlatformSpec:
        environment = {
            "tags": self.tags,
            "eksConfiguration": {"kubernetesNamespace": self.namespace, **self.configuration},
            "computeResources": {key: value for key, value in self.resources.items() if value},
        }
        return PlatformSpec.model_validate({"namespace": {"name": self.namespace}, "computeEnvironment": environment})


def make_other_things(cluster: EksCluster, sandbox: RemoteSandbox) -> dict[str, str]:
    """What the changed document names."""
    network = cluster.description["resourcesVpcConfig"]
    group = cluster.ec2.create_security_group(GroupName="other", Description="other", VpcId=network["vpcId"])
    cluster.ec2.create_key_pair(KeyName="other")
    cluster.ec2.create_launch_template(LaunchTemplateName="other", LaunchTemplateData={"EbsOptimized": True})
    cluster.iam.create_instance_profile(InstanceProfileName="OtherProfile")
    role = sandbox.env["NODE_ROLE"].rpartition("/")[2]
    cluster.iam.add_role_to_instance_profile(InstanceProfileName="OtherProfile", RoleName=role)
    return {"SUBNET": network["subnetIds"][0], "GROUP": group["GroupId"]}


def wait_for(witness: Witness, status: str) -> None:
    deadline = time.monotonic() + 120
    while (found := Counter(witness.statuses()[-JOBS:])) != {status: JOBS}:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


@pytest.mark.timeout(1800)
def test_each_field_changes_under_running_jobs(
    embedded: RemoteSandbox, tmp_path: Path, holding: tuple[Path, int]
) -> None:
    pipe, let_go = holding
    setup = Setup(embedded)
    others = make_other_things(setup.cluster, embedded)
    witness = Witness(setup.cluster, tmp_path / "ran", f"read line < {pipe}", trickle=False)
    witness.start()
    try:
        witness.submit(JOBS)
        wait_for(witness, "RUNNING")
        first = [*environments(setup.cluster)]
        witness.in_place = True
        for field, kind, change in IN_PLACE:
            setup.resources |= {key: _named(value, others) for key, value in change.items()}
            check_kind(setup.run(), field, kind)
            assert {*witness.statuses()} == {"RUNNING"}, field
        setup.tags = {"team": "data"}
        check_kind(setup.run(), "tags", "in place")
        setup.configuration = {"accessEntry": {"desiredState": "DISABLED"}}
        check_kind(setup.run(), "accessEntry", "in place")
        assert {*witness.statuses()} == {"RUNNING"}
        assert [*environments(setup.cluster)] == first
        witness.in_place = False

        for field, change in [*REPLACED, ("kubernetesNamespace", {})]:
            if field == "kubernetesNamespace":
                setup.namespace = "elsewhere"
            setup.resources |= change
            releasing = threading.Thread(target=release_when_draining, args=(setup.cluster, let_go))
            releasing.start()
            assert setup.run().action == "created", field
            releasing.join()
            assert {*witness.statuses()} == {"SUCCEEDED"}, field
            witness.submit(JOBS)
            wait_for(witness, "RUNNING")
    finally:
        os.write(let_go, b"\n" * JOBS)
        witness.verdict()


def check_kind(outcome: Outcome, field: str, kind: ChangeKind) -> None:
    assert outcome.action == "updated", field
    assert change_kind(change.field for change in outcome.changes) == kind, field
    assert ("its instances are replaced" in outcome.note) == (kind == "instances"), field


def release_when_draining(cluster: EksCluster, let_go: int) -> None:
    """Let the jobs end once the environment that they run on takes no more."""
    deadline = time.monotonic() + 120
    while {one["state"] for one in environments(cluster).values()} != {"ENABLED", "DISABLED"}:
        if time.monotonic() > deadline:
            return
        time.sleep(0.1)
    os.write(let_go, b"\n" * JOBS)


def _named(value: Any, others: dict[str, str]) -> Any:
    return (
        [others.get(each, each) if isinstance(each, str) else each for each in value]
        if isinstance(value, list)
        else value
    )
