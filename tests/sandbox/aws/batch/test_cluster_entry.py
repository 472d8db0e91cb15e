"""The table of the User Guide's eks-access-entries: authentication mode, desired state, and who else is there."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.names import CLUSTER_ARN, CLUSTER_NAME

SERVICE_ROLE = "arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
CLUSTER_POLICY = "arn:aws:eks::aws:cluster-access-policy/AWSBatchClusterPolicy"
NAMESPACE_POLICY = "arn:aws:eks::aws:cluster-access-policy/AWSBatchNamespacePolicy"
BOTH = "API_AND_CONFIG_MAP"
STATES = ("ENABLED", "DISABLED", "INHERIT_FROM_CLUSTER")


@pytest.fixture(scope="module")
def clusters(world: Any) -> Any:
    """One sandbox for tests that each make a cluster of their own; what runs on it does not matter to them."""
    world.reset()
    return world


def make_cluster(world: Any, name: str, mode: str) -> None:
    eks = world.client("eks")
    found = eks.describe_cluster(name=CLUSTER_NAME)["cluster"]
    network = {"subnetIds": found["resourcesVpcConfig"]["subnetIds"]}
    access = {"authenticationMode": mode}
    eks.create_cluster(
        name=name, version="1.33", roleArn=found["roleArn"], resourcesVpcConfig=network, accessConfig=access
    )


def create(world: Any, name: str, state: str | None = None, cluster: str = CLUSTER_NAME) -> None:
    changes: dict[str, Any] = {"eksConfiguration__eksClusterArn": CLUSTER_ARN.replace(CLUSTER_NAME, cluster)}
    if state:
        changes["eksConfiguration__accessEntry"] = {"desiredState": state}
    world.client("batch").create_compute_environment(**world.environment(name, **changes))


def update(world: Any, name: str, state: str) -> None:
    world.environment_settles(name)
    configuration = {"accessEntry": {"desiredState": state}}
    world.client("batch").update_compute_environment(computeEnvironment=name, eksConfiguration=configuration)


def entry_of(world: Any, name: str) -> dict[str, Any]:
    found = world.client("batch").describe_compute_environments(computeEnvironments=[name])["computeEnvironments"]
    entry: dict[str, Any] = found[0]["eksConfiguration"]["accessEntry"]
    return entry


def policies(world: Any, cluster: str = CLUSTER_NAME) -> dict[str, list[str]]:
    """Policies of the role's entry with their namespaces."""
    found = world.client("eks").list_associated_access_policies(clusterName=cluster, principalArn=SERVICE_ROLE)
    return {each["policyArn"]: each["accessScope"]["namespaces"] for each in found["associatedAccessPolicies"]}


def set_mode(world: Any, mode: str) -> None:
    world.control("POST", "/_sandbox/authentication-mode", mode)


@pytest.mark.parametrize("place", ["first", "second"])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("mode", ["CONFIG_MAP", BOTH, "API"])
def test_the_table(clusters: Any, mode: str, state: str, place: str) -> None:
    name = f"{mode}-{state}-{place}"
    make_cluster(clusters, name, mode)
    if place == "second":
        create(clusters, f"before-{name}", cluster=name)
    if (mode, state) == ("API", "DISABLED"):
        with pytest.raises(ClientError, match="can't be DISABLED: the authentication mode of the cluster is API"):
            create(clusters, name, state, cluster=name)
        return
    create(clusters, name, state, cluster=name)
    # Of two compute environments, the first of which says nothing, not every one says ENABLED.
    active = mode == "API" or (mode, state, place) == (BOTH, "ENABLED", "first")
    assert entry_of(clusters, name) == {"desiredState": state, "status": "ACTIVE" if active else "INACTIVE"}
    if active:
        assert policies(clusters, name) == {CLUSTER_POLICY: []}


def test_the_entry_comes_and_goes_when_all_compute_environments_agree(clusters: Any) -> None:
    make_cluster(clusters, "agreeing", BOTH)
    create(clusters, "one", "ENABLED", cluster="agreeing")
    create(clusters, "two", "INHERIT_FROM_CLUSTER", cluster="agreeing")
    # Made by the first one alone, and left alone by a mix.
    assert entry_of(clusters, "two") == {"desiredState": "INHERIT_FROM_CLUSTER", "status": "ACTIVE"}
    for name, state, status in (
        ("one", "DISABLED", "ACTIVE"),
        ("two", "DISABLED", "INACTIVE"),
        ("two", "ENABLED", "INACTIVE"),
        ("one", "ENABLED", "ACTIVE"),
    ):
        update(clusters, name, state)
        assert entry_of(clusters, name) == {"desiredState": state, "status": status}


def test_a_recorded_state_takes_effect_after_a_change_of_mode_with_the_next_call_that_names_one(
    clusters: Any,
) -> None:
    make_cluster(clusters, "changing", "CONFIG_MAP")
    create(clusters, "early", "ENABLED", cluster="changing")
    clusters.client("eks").update_cluster_config(name="changing", accessConfig={"authenticationMode": BOTH})
    clusters.environment_settles("early")
    clusters.client("batch").update_compute_environment(computeEnvironment="early", state="ENABLED")
    assert entry_of(clusters, "early")["status"] == "INACTIVE"
    update(clusters, "early", "ENABLED")
    assert entry_of(clusters, "early")["status"] == "ACTIVE"


def test_deletion_leaves_the_entry(clusters: Any) -> None:
    make_cluster(clusters, "emptied", BOTH)
    create(clusters, "last", "ENABLED", cluster="emptied")
    clusters.environment_settles("last")
    batch = clusters.client("batch")
    batch.update_compute_environment(computeEnvironment="last", state="DISABLED")
    clusters.environment_settles("last")
    batch.delete_compute_environment(computeEnvironment="last")
    asked = {"computeEnvironments": ["last"]}
    clusters.wait(lambda: not batch.describe_compute_environments(**asked)["computeEnvironments"])
    assert policies(clusters, "emptied") == {CLUSTER_POLICY: []}


def test_jobs_wait_for_the_namespace_policy(empty: Any) -> None:
    """A cluster with access entries only: no RBAC object and no mapping."""
    set_mode(empty, "API")
    empty.create_namespace()
    empty.mirror_image()
    batch, eks = empty.client("batch"), empty.client("eks")
    node_role = empty.sandbox.account.node_role_arn
    eks.create_access_entry(clusterName=CLUSTER_NAME, principalArn=node_role, type="EC2_LINUX")
    create(empty, "My-Eks-CE1")
    # VALID although no job can start.
    assert empty.environment_settles("My-Eks-CE1")["status"] == "VALID"
    order = [{"order": 1, "computeEnvironment": "My-Eks-CE1"}]
    batch.create_job_queue(jobQueueName="My-Eks-JQ1", priority=10, computeEnvironmentOrder=order)
    empty.queue_settles("My-Eks-JQ1")
    empty.define("MyJobOnEks_Sleep", "true")
    job = empty.submit("hello")
    kubernetes = empty.kubernetes()
    empty.wait(lambda: kubernetes.get("/api/v1/nodes")["items"])
    empty.wait(lambda: _refused_pods(empty))
    assert empty.job(job)["status"] == "RUNNABLE"
    scope = {"type": "namespace", "namespaces": ["my-aws-batch-namespace"]}
    asked = {"clusterName": CLUSTER_NAME, "principalArn": SERVICE_ROLE, "policyArn": NAMESPACE_POLICY}
    eks.associate_access_policy(**asked, accessScope=scope)
    assert empty.job_ends(job)["status"] == "SUCCEEDED"


def test_after_disabled_the_compute_environment_is_invalid_as_the_tutorial_says(empty: Any) -> None:
    empty.create_namespace()
    create(empty, "one", "ENABLED")
    assert empty.environment_settles("one")["status"] == "VALID"
    update(empty, "one", "DISABLED")
    found = empty.environment_settles("one")
    assert (found["status"], found["statusReason"]) == (
        "INVALID",
        "CLIENT_ERROR - Unable to validate Kubernetes Namespace",
    )


def _refused_pods(world: Any) -> bool:
    """Whether Batch has tried to create a pod in vain."""
    calls = world.control("GET", "/_sandbox/calls")
    return any(call["operation"].startswith("POST") and "/pods" in call["operation"] for call in calls)
