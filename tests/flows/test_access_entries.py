"""Setup with access entries: no RBAC, no aws-auth, and what is asked for in vain is refused before anything is done."""

from typing import Any

import pytest

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from flows.migrate_identity import migrate_identity
from flows.setup import setup_batch
from flows.submit import submit_jobs
from flows.teardown import teardown
from sandbox.remote import RemoteSandbox
from specs.compute_environment import ComputeEnvironmentSpec
from specs.job_request import JobRequest
from specs.platform import PlatformSpec
from tasks.batch_access import missing_access, missing_namespace_policy, missing_node_access
from tasks.batch_entry import NAMESPACE_POLICY, batch_policies, batch_role_arn, policy_arn, wait_for_batch_entry
from tasks.compute_environment import ensure_compute_environment
from tasks.identity_choice import decide_identity
from tasks.namespace_access_policy import ensure_namespace_access_policy
from tasks.namespace_access_policy_removal import NamespaceAccessPolicyRemoval
from tasks.node_access_entry import ensure_node_access_entry
from tasks.removal import remove
from tasks.stuck_job import explain_stuck
from tests.control_planes import CONTROL_PLANES
from tests.mutating_calls import mutating

# Batch by access entries to its end, on the closest to EKS that there is.
STRONGEST = pytest.mark.parametrize("sandbox", CONTROL_PLANES[-1:], indirect=True)

STEPS = [
    "service-linked role",
    "namespace",
    "node access entry",
    "compute environment",
    "namespace access policy",
    "job queue",
    "repository",
    "image",
    "job definition",
]


@pytest.fixture
def modern(sandbox: RemoteSandbox, cluster: EksCluster) -> EksCluster:
    """A cluster that knows access entries only."""
    sandbox.authentication_mode("API")
    return cluster


def environment(cluster: EksCluster) -> dict[str, Any]:
    found = cluster.batch.describe_compute_environments(computeEnvironments=["My-Eks-CE1"])["computeEnvironments"]
    return dict(found[0])


def create_by_hand(cluster: EksCluster, platform: PlatformSpec, name: str) -> None:
    network = cluster.description["resourcesVpcConfig"]
    subnets, group = network["subnetIds"], network["clusterSecurityGroupId"]
    document = platform.compute_environment.completed(cluster.arn, subnets, [group]).to_document()
    cluster.batch.create_compute_environment(**{**document, "computeEnvironmentName": name})


def add_second(cluster: EksCluster, platform: PlatformSpec) -> None:
    """A second compute environment of ours, in a namespace of its own that nobody has given Batch rights in."""
    cluster.core_v1.create_namespace({"metadata": {"name": "second"}})
    network = cluster.description["resourcesVpcConfig"]
    subnets, group = network["subnetIds"], network["clusterSecurityGroupId"]
    document = platform.compute_environment.completed(cluster.arn, subnets, [group]).to_document()
    configuration = {"eksClusterArn": cluster.arn, "kubernetesNamespace": "second"}
    renamed = {**document, "computeEnvironmentName": "Second", "eksConfiguration": configuration}
    ensure_compute_environment(cluster, ComputeEnvironmentSpec.from_document(renamed))


def run_hello(cluster: EksCluster) -> None:
    document = {"jobName": "hello", "jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep"}
    overrides = {"podProperties": {"containers": [{"command": ["/bin/sh"], "args": ["-c", "echo hello world"]}]}}
    hello = JobRequest.from_document({**document, "eksPropertiesOverride": overrides})
    assert submit_jobs(cluster, [hello]).jobs[0].status == "SUCCEEDED"


def map_roles(cluster: EksCluster) -> str:
    return str(cluster.core_v1.read_namespaced_config_map("aws-auth", "kube-system").data["mapRoles"])


@STRONGEST
def test_a_cluster_with_access_entries_only_is_set_up_to_a_job_that_runs(
    modern: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    planned = setup_batch(modern, platform, plan=True)
    assert mutating(sandbox) == []
    first = setup_batch(modern, platform)
    assert [outcome.step for outcome in first.outcomes] == STEPS
    assert [(o.step, o.action) for o in planned.outcomes] == [(o.step, o.action) for o in first.outcomes]
    assert all(outcome.identifier for outcome in first.outcomes)
    assert environment(modern)["eksConfiguration"]["accessEntry"] == {"desiredState": "ENABLED", "status": "ACTIVE"}

    run_hello(modern)

    sandbox.clear_calls()
    second = setup_batch(modern, platform)
    assert [outcome.action for outcome in second.outcomes] == ["unchanged"] * len(STEPS)
    assert mutating(sandbox) == []

    # What somebody takes away is found missing, and put back.
    found = environment(modern)
    assert missing_access(modern, found) + missing_namespace_policy(modern, found) == []
    assert missing_node_access(modern, found) == []
    policy = policy_arn(modern, NAMESPACE_POLICY)
    principal = {"clusterName": modern.cluster_name, "principalArn": batch_role_arn(modern)}
    modern.eks.disassociate_access_policy(**principal, policyArn=policy)
    modern.eks.delete_access_entry(clusterName=modern.cluster_name, principalArn=sandbox.env["NODE_ROLE"])
    (lacking,) = missing_namespace_policy(modern, found)
    assert "for namespace my-aws-batch-namespace" in lacking.problem
    waiting = {"jobName": "hello", "jobId": "1", "status": "RUNNABLE", "jobQueue": "My-Eks-JQ1"}
    assert lacking.problem in str(explain_stuck(modern, waiting))
    (lacking,) = missing_node_access(modern, found)
    assert "EksBatchNodeRole has no access entry" in lacking.problem
    repaired = setup_batch(modern, platform)
    assert {outcome.step for outcome in repaired.changed} == {"node access entry", "namespace access policy"}

    # All of it goes again but Batch's own entry, which nobody can take from a cluster in this mode.
    done = teardown(modern, platform, delete_images=True, approve=False)
    (kept,) = [outcome for outcome in done.outcomes if outcome.action == "kept"]
    assert kept.label == "access entry AWSServiceRoleForBatch"
    assert "it refuses desiredState DISABLED" in kept.note
    assert [arn.rpartition("/")[2] for arn in batch_policies(modern) or {}] == ["AWSBatchClusterPolicy"]
    entries = modern.eks.list_access_entries(clusterName=modern.cluster_name)["accessEntries"]
    assert sandbox.env["NODE_ROLE"] not in entries


@pytest.mark.parametrize(
    ("mode", "asked", "words"),
    [
        ("CONFIG_MAP", "access-entry", "has no access entries"),
        ("API", "aws-auth", "does not read aws-auth"),
        ("API_AND_CONFIG_MAP", "access-entry", r"another: by-hand \(not set\)"),
    ],
)
def test_an_identity_that_cannot_work_is_refused_before_anything_is_changed(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox, mode: str, asked: str, words: str
) -> None:
    sandbox.authentication_mode(mode)
    if mode == "API_AND_CONFIG_MAP":
        create_by_hand(cluster, platform, "by-hand")
    sandbox.clear_calls()
    choosing = EksCluster.model_validate({"cluster_name": cluster.cluster_name, "identity_mapping": asked})
    with pytest.raises(OperationError, match=words):
        setup_batch(choosing, platform)
    assert mutating(sandbox) == []


# By authentication mode and desired state: `accessEntry.status` of a first and of a second compute environment on the
# cluster, or why it is refused (AWS Batch User Guide, eks-access-entries). The first one names no desired state.
MATRIX = {
    ("CONFIG_MAP", "ENABLED"): ("has no access entries", "has no access entries"),
    ("CONFIG_MAP", "DISABLED"): ("INACTIVE", "INACTIVE"),
    ("CONFIG_MAP", "INHERIT_FROM_CLUSTER"): ("INACTIVE", "INACTIVE"),
    ("API_AND_CONFIG_MAP", "ENABLED"): ("ACTIVE", r"another: by-hand \(not set\)"),
    ("API_AND_CONFIG_MAP", "DISABLED"): ("INACTIVE", "INACTIVE"),
    ("API_AND_CONFIG_MAP", "INHERIT_FROM_CLUSTER"): ("INACTIVE", "INACTIVE"),
    ("API", "ENABLED"): ("ACTIVE", "ACTIVE"),
    ("API", "DISABLED"): ("does not read aws-auth", "does not read aws-auth"),
    ("API", "INHERIT_FROM_CLUSTER"): ("ACTIVE", "ACTIVE"),
}


@pytest.mark.campaign
def test_every_desired_state_has_the_outcome_of_the_table_or_is_refused_before_any_call(
    embedded: RemoteSandbox,
) -> None:
    for (mode, state), outcomes in MATRIX.items():
        for is_second, expected in enumerate(outcomes):
            embedded.reset()
            embedded.authentication_mode(mode)
            cluster = EksCluster(cluster_name=embedded.env["EKS_CLUSTER"])
            document: dict[str, Any] = {"computeResources": {"instanceRole": embedded.env["INSTANCE_PROFILE"]}}
            if is_second:
                create_by_hand(cluster, PlatformSpec.model_validate({"computeEnvironment": document}), "by-hand")
            embedded.clear_calls()
            document["eksConfiguration"] = {"accessEntry": {"desiredState": state}}
            platform = PlatformSpec.model_validate({"computeEnvironment": document})
            if expected not in ("ACTIVE", "INACTIVE"):
                with pytest.raises(OperationError, match=expected):
                    setup_batch(cluster, platform)
                assert mutating(embedded) == [], (mode, state, is_second)
                continue
            chosen = decide_identity(cluster, "My-Eks-CE1", state)
            network = cluster.description["resourcesVpcConfig"]
            subnets, group = network["subnetIds"], network["clusterSecurityGroupId"]
            wanted = platform.compute_environment.completed(cluster.arn, subnets, [group], chosen.desired_state)
            ensure_compute_environment(cluster, wanted)
            entry = environment(cluster)["eksConfiguration"]["accessEntry"]
            assert entry == {"desiredState": state, "status": expected}, (mode, state, is_second)


def test_an_entry_that_batch_does_not_make_is_explained(cluster: EksCluster, platform: PlatformSpec) -> None:
    create_by_hand(cluster, platform, "by-hand")
    with pytest.raises(OperationError, match="its status is INACTIVE") as missed:
        wait_for_batch_entry(cluster, "by-hand", timeout_seconds=0)
    assert "another compute environment on the cluster is not ENABLED" in str(missed.value)


def test_a_second_namespace_joins_the_first_in_the_policy_s_scope_and_only_ours_is_given_up(
    modern: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    """The command of the user guide would take the first one's rights away: a policy has one scope."""
    create_by_hand(modern, platform, "by-hand")
    for name in ("one", "two", "theirs"):
        modern.core_v1.create_namespace({"metadata": {"name": name}})
    policy = policy_arn(modern, NAMESPACE_POLICY)

    def scope() -> Any:
        return (batch_policies(modern) or {}).get(policy)

    modern.eks.associate_access_policy(
        clusterName=modern.cluster_name,
        principalArn=batch_role_arn(modern),
        policyArn=policy,
        accessScope={"type": "namespace", "namespaces": ["theirs"]},
    )
    # EKS may not know the new entry yet.
    sandbox.fault(
        service="eks", operation="AssociateAccessPolicy", status=404, code="ResourceNotFoundException", times=1
    )
    assert [ensure_namespace_access_policy(modern, name).action for name in ("one", "two", "one", "theirs")] == [
        "updated",
        "updated",
        "unchanged",
        "unchanged",
    ]
    assert scope() == {"type": "namespace", "namespaces": ["theirs", "one", "two"]}

    names = ("one", "theirs", "two", "one")
    removed = [remove(NamespaceAccessPolicyRemoval(modern, name)) for name in names]
    assert [outcome.action for outcome in removed] == ["deleted", "kept", "deleted", "absent"]
    assert removed[1].note == "these flows did not make it"
    assert scope() == {"type": "namespace", "namespaces": ["theirs"]}


def test_a_node_role_with_an_entry_of_another_type_is_named(modern: EksCluster, sandbox: RemoteSandbox) -> None:
    role = sandbox.env["NODE_ROLE"]
    modern.eks.create_access_entry(clusterName=modern.cluster_name, principalArn=role)
    with pytest.raises(OperationError, match="its type is STANDARD") as refused:
        ensure_node_access_entry(modern, role)
    assert f"aws eks delete-access-entry --cluster-name my-test-cluster --principal-arn {role}" in str(refused.value)


@STRONGEST
def test_a_cluster_goes_over_to_access_entries_and_back_with_its_jobs(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    setup_batch(cluster, platform)
    add_second(cluster, platform)
    sandbox.clear_calls()
    planned = migrate_identity(cluster, plan=True)
    assert mutating(sandbox) == []
    there = migrate_identity(cluster)
    assert [(o.step, o.name) for o in there.outcomes] == [(o.step, o.name) for o in planned.changed]
    assert [(o.step, o.name, o.action) for o in there.outcomes] == [
        ("desired state of access entry", "My-Eks-CE1", "updated"),
        ("desired state of access entry", "Second", "updated"),
        ("namespace access policy", "my-aws-batch-namespace", "created"),
        ("namespace access policy", "second", "updated"),
    ]
    assert not migrate_identity(cluster).changed
    # What is unused now is left alone, and setup keeps to the entry.
    assert "AWSServiceRoleForBatch" in map_roles(cluster)
    run_hello(cluster)
    assert {outcome.step for outcome in setup_batch(cluster, platform).changed} == {
        "node access entry",
        "compute environment",
    }
    assert not setup_batch(cluster, platform).changed

    back = migrate_identity(cluster, to="aws-auth")
    assert [(outcome.step, outcome.action) for outcome in back.changed] == [
        ("role", "created"),
        ("role binding", "created"),
        ("desired state of access entry", "updated"),
        ("desired state of access entry", "updated"),
    ]
    assert batch_policies(cluster) is None
    run_hello(cluster)


def test_one_compute_environment_of_somebody_else_keeps_all_of_them_where_they_are(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    create_by_hand(cluster, platform, "by-hand")
    sandbox.clear_calls()
    with pytest.raises(OperationError, match="not made by these flows: by-hand"):
        migrate_identity(cluster)
    assert mutating(sandbox) == []
