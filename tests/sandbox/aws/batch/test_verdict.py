"""The verdict on a compute environment, which comes from the cluster itself: a table of the tutorial's traps."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

NAMESPACE_REFUSED = "CLIENT_ERROR - Unable to validate Kubernetes Namespace"
WITH_PATH = "arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
R = "computeResources__"


def test_five_a_cluster(empty: Any) -> None:
    batch = empty.client("batch")
    for number in range(5):
        batch.create_compute_environment(**empty.environment(f"ce-{number}"))
    with pytest.raises(ClientError, match="Limit of 5 compute environments for EKS cluster"):
        batch.create_compute_environment(**empty.environment("ce-5"))


def _changed(rules: list[dict[str, Any]], resource: str, verb: str) -> list[dict[str, Any]]:
    """Rules without one verb of one resource."""
    changed = []
    for rule in rules:
        others = [each for each in rule["resources"] if each != resource]
        if others != rule["resources"]:
            changed.append({**rule, "resources": [resource], "verbs": [v for v in rule["verbs"] if v != verb]})
        if others:
            changed.append({**rule, "resources": others})
    return changed


def _without(world: Any, step: str) -> None:
    """The tutorial's step 2, one thing left out or wrong."""
    from_conftest = world.rules()
    steps: dict[str, Callable[[], None]] = {
        "namespace": world.create_namespace,
        "cluster role": world.create_cluster_role,
        "role": world.create_role,
        "mapping": world.map_role,
    }
    wrong: dict[str, tuple[str, Callable[[], None]]] = {
        "path left in the mapping": ("mapping", lambda: world.map_role(WITH_PATH)),
        "wrong user in the cluster role binding": (
            "cluster role",
            lambda: world.create_cluster_role(user="AWSServiceRoleForBatch"),
        ),
        "wrong user in the role binding": ("role", lambda: world.create_role(user="batch")),
        "wrong username in the mapping": ("mapping", lambda: world.map_role(username="batch")),
        "no cluster role binding": ("cluster role", lambda: world.create_cluster_role(bind=False)),
        "no role binding": ("role", lambda: world.create_role(bind=False)),
        "pods delete missing": (
            "role",
            lambda: world.create_role(_changed(from_conftest["role"], "pods", "delete")),
        ),
        "nodes watch missing": (
            "cluster role",
            lambda: world.create_cluster_role(_changed(from_conftest["cluster role"], "nodes", "watch")),
        ),
        "serviceaccounts list missing": (
            "role",
            lambda: world.create_role(_changed(from_conftest["role"], "serviceaccounts", "list")),
        ),
    }
    replaced, action = wrong.get(step, (step, lambda: None))
    for name, run in steps.items():
        if name == replaced:
            action()
        elif not (step == "namespace" and name == "role"):
            run()


@pytest.fixture(scope="module")
def judged(world: Any) -> Any:
    """A compute environment to be judged again and again, by updates."""
    world.reset()
    world.client("batch").create_compute_environment(**world.environment("ce"))
    world.environment_settles("ce")
    return world


@pytest.mark.parametrize(
    "step",
    [
        "namespace",
        "cluster role",
        "role",
        "mapping",
        "path left in the mapping",
        "wrong user in the cluster role binding",
        "wrong user in the role binding",
        "wrong username in the mapping",
        "no cluster role binding",
        "no role binding",
        "pods delete missing",
        "nodes watch missing",
        "serviceaccounts list missing",
    ],
)
def test_each_mistake_in_the_cluster_is_invalid(judged: Any, step: str) -> None:
    judged.reset_cluster()
    _without(judged, step)
    judged.client("batch").update_compute_environment(computeEnvironment="ce")
    environment = judged.environment_settles("ce")
    assert (environment["status"], environment["statusReason"]) == ("INVALID", NAMESPACE_REFUSED)


def test_no_mistake_is_valid(judged: Any) -> None:
    judged.reset_cluster()
    _without(judged, "nothing")
    judged.client("batch").update_compute_environment(computeEnvironment="ce")
    environment = judged.environment_settles("ce")
    assert (environment["status"], environment["statusReason"]) == ("VALID", "ComputeEnvironment Healthy")


@pytest.mark.parametrize(
    ("role", "words"),
    [
        (
            "arn:aws:iam::123456789012:role/EksBatchNodeRole",
            "CLIENT_ERROR - Instance profile arn:aws:iam::123456789012:role/EksBatchNodeRole does not exist",
        ),
        (
            "EksBatchNodeRole",
            "CLIENT_ERROR - Instance profile "
            "arn:aws:iam::123456789012:instance-profile/EksBatchNodeRole does not exist",
        ),
    ],
)
def test_a_role_is_no_instance_profile(empty: Any, role: str, words: str) -> None:
    empty.client("batch").create_compute_environment(**empty.environment("ce", computeResources__instanceRole=role))
    assert empty.environment_settles("ce")["statusReason"] == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({R + "subnets": ["subnet-0"]}, "CLIENT_ERROR - The subnet ID 'subnet-0' does not exist"),
        ({R + "securityGroupIds": ["sg-0"]}, "CLIENT_ERROR - The security group 'sg-0' does not exist"),
        (
            {"serviceRole": "arn:aws:iam::123456789012:role/AWSServiceRoleForBatch"},
            "CLIENT_ERROR - Not authorized to perform sts:AssumeRole",
        ),
    ],
)
def test_what_does_not_exist_is_found_out_later(empty: Any, changes: dict[str, Any], words: str) -> None:
    empty.client("batch").create_compute_environment(**empty.environment("ce", **changes))
    environment = empty.environment_settles("ce")
    assert environment["status"] == "INVALID"
    assert environment["statusReason"].startswith(words)


def test_an_update_validates_again(empty: Any) -> None:
    _without(empty, "mapping")
    batch = empty.client("batch")
    batch.create_compute_environment(**empty.environment("ce"))
    assert empty.environment_settles("ce")["status"] == "INVALID"

    empty.map_role()
    answer = batch.update_compute_environment(computeEnvironment="ce")
    assert answer["computeEnvironmentName"] == "ce"
    (updating,) = batch.describe_compute_environments(computeEnvironments=["ce"])["computeEnvironments"]
    assert updating["status"] == "UPDATING"
    with pytest.raises(ClientError, match="resource is being modified"):
        batch.update_compute_environment(computeEnvironment="ce")
    assert empty.environment_settles("ce")["status"] == "VALID"

    arn = empty.environment_settles("ce")["computeEnvironmentArn"]
    batch.update_compute_environment(computeEnvironment=arn, computeResources={"maxvCpus": 64})
    assert empty.environment_settles("ce")["computeResources"]["maxvCpus"] == 64


def test_an_invalid_one_can_be_disabled_and_deleted(empty: Any) -> None:
    batch = empty.client("batch")
    batch.create_compute_environment(**empty.environment("ce"))
    assert empty.environment_settles("ce")["status"] == "INVALID"
    batch.update_compute_environment(computeEnvironment="ce", state="DISABLED")
    disabled = empty.environment_settles("ce")
    assert (disabled["state"], disabled["status"]) == ("DISABLED", "INVALID")
    batch.delete_compute_environment(computeEnvironment="ce")
    empty.wait(lambda: not batch.describe_compute_environments()["computeEnvironments"])


def test_a_queue_wants_a_valid_one(empty: Any) -> None:
    batch = empty.client("batch")
    batch.create_compute_environment(**empty.environment("ce"))
    empty.environment_settles("ce")
    with pytest.raises(ClientError, match="not in the VALID state"):
        batch.create_job_queue(
            jobQueueName="q", priority=1, computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "ce"}]
        )
