"""Setup with access entries: no RBAC, no aws-auth, and what is asked for in vain is refused before anything is done."""

from typing import Any

import pytest

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from flows.setup import setup_batch
from flows.submit import submit_jobs
from sandbox.remote import RemoteSandbox
from specs.job_request import JobRequest
from specs.platform import PlatformSpec
from tasks.batch_access import missing_access, missing_namespace_policy, missing_node_access
from tasks.batch_entry import NAMESPACE_POLICY, batch_policies, batch_role_arn, policy_arn
from tasks.namespace_access_policy import ensure_namespace_access_policy
from tasks.node_access_entry import ensure_node_access_entry

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


def mutating(sandbox: RemoteSandbox) -> list[str]:
    return [call["operation"] for call in sandbox.calls() if call["mutating"]]


def environment(cluster: EksCluster) -> dict[str, Any]:
    found = cluster.batch.describe_compute_environments(computeEnvironments=["My-Eks-CE1"])["computeEnvironments"]
    return dict(found[0])


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

    document = {"jobName": "hello", "jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep"}
    overrides = {"podProperties": {"containers": [{"command": ["/bin/sh"], "args": ["-c", "echo hello world"]}]}}
    hello = JobRequest.from_document({**document, "eksPropertiesOverride": overrides})
    assert submit_jobs(modern, [hello]).jobs[0].status == "SUCCEEDED"

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
    (lacking,) = missing_node_access(modern, found)
    assert "EksBatchNodeRole has no access entry" in lacking.problem
    repaired = setup_batch(modern, platform)
    assert {outcome.step for outcome in repaired.changed} == {"node access entry", "namespace access policy"}


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
        network = cluster.description["resourcesVpcConfig"]
        by_hand = platform.compute_environment.completed(
            cluster.arn, network["subnetIds"], [network["clusterSecurityGroupId"]]
        )
        cluster.batch.create_compute_environment(**{**by_hand.to_document(), "computeEnvironmentName": "by-hand"})
    sandbox.clear_calls()
    choosing = EksCluster.model_validate({"cluster_name": cluster.cluster_name, "identity_mapping": asked})
    with pytest.raises(OperationError, match=words):
        setup_batch(choosing, platform)
    assert mutating(sandbox) == []


def test_a_second_namespace_joins_the_first_in_the_policy_s_scope(modern: EksCluster, platform: PlatformSpec) -> None:
    """The command of the user guide would take the first one's rights away: a policy has one scope."""
    network = modern.description["resourcesVpcConfig"]
    document = platform.compute_environment.completed(
        modern.arn, network["subnetIds"], [network["clusterSecurityGroupId"]]
    ).to_document()
    modern.batch.create_compute_environment(**document)
    assert [ensure_namespace_access_policy(modern, name).action for name in ("one", "two", "one")] == [
        "created",
        "updated",
        "unchanged",
    ]
    scope = {"type": "namespace", "namespaces": ["one", "two"]}
    assert (batch_policies(modern) or {})[policy_arn(modern, NAMESPACE_POLICY)] == scope


def test_a_node_role_with_an_entry_of_another_type_is_named(modern: EksCluster, sandbox: RemoteSandbox) -> None:
    role = sandbox.env["NODE_ROLE"]
    modern.eks.create_access_entry(clusterName=modern.cluster_name, principalArn=role)
    with pytest.raises(OperationError, match="its type is STANDARD") as refused:
        ensure_node_access_entry(modern, role)
    assert f"aws eks delete-access-entry --cluster-name my-test-cluster --principal-arn {role}" in str(refused.value)
