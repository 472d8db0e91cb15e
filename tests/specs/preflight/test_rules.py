"""The rules of preflight over pictures: a sound one, and each part of it out of order."""

import json
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.preflight.facts import (
    Caller,
    CoreDns,
    Endpoint,
    Ingress,
    InstanceProfile,
    KubernetesRight,
    NodeRole,
    ObservedCluster,
    PreflightFacts,
    RouteTable,
    Subnet,
    Target,
    Usage,
    Vpc,
    WorkerRights,
)
from specs.preflight.optional_parts import Addon, ContainerLogs, JobIdentity
from specs.preflight.rules import RULES, find, passed
from specs.role_trust import by_pod_identity, by_web_identity

SERVICES = ("ec2", "ecr.api", "ecr.dkr", "sts", "eks", "batch", "eks-auth", "logs")
LOGS_POLICY = "CloudWatchAgentServerPolicy"
POLICIES = frozenset(
    {"AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly", LOGS_POLICY}
)
CLUSTER = ObservedCluster("1.33", True, False, (), "API_AND_CONFIG_MAP", "auto")
SUBNET = Subnet("subnet-a", "us-east-1a", "10.0.0.0/24", 250, "rtb-a", True)
ROLE = NodeRole("nodes", None, POLICIES)
USAGE = Usage("ours", "our-queue", (), (), (), 1)
TARGET = Target("aws", "batch", "https://batch", "either", "ERROR", "use AWS Batch")
GATEWAY = Endpoint("vpce-s3", "s3", "Gateway", "available", route_tables=("rtb-a",))
INTERFACES = tuple(Endpoint(f"vpce-{each}", each, "Interface", "available", True, ("sg-e",)) for each in SERVICES)
JOB_ROLE = "arn:aws:iam::123456789012:role/jobs"
POD_IDENTITY = by_pod_identity("arn:aws:eks:us-east-1:123456789012:cluster/ours", "batch", "jobs")
AGENT = Addon("eks-pod-identity-agent", "v1.2.0-eksbuild.1", "ACTIVE")
IDENTITY = JobIdentity(
    cluster="ours",
    role=JOB_ROLE,
    account="batch/jobs",
    assumption=POD_IDENTITY,
    role_found=JOB_ROLE,
    trust={"Statement": [json.loads(POD_IDENTITY.statement())]},
    agent=AGENT,
)
WEB_IDENTITY = by_web_identity("arn:aws:iam::123456789012:oidc-provider/oidc.eks/id/A", "batch", "jobs")
IRSA = replace(
    IDENTITY,
    assumption=WEB_IDENTITY,
    trust={"Statement": [json.loads(WEB_IDENTITY.statement())]},
    agent=None,
    provider_found=True,
    provider_audiences=("sts.amazonaws.com",),
)
FOR_ALL = {
    "Statement": [{key: value for key, value in json.loads(WEB_IDENTITY.statement()).items() if key != "Condition"}]
}
SOUND = PreflightFacts(
    vpc_id="vpc-1",
    node_groups=("sg-n",),
    cluster_group="sg-n",
    targets=(TARGET,),
    cluster=CLUSTER,
    vpc=Vpc("vpc-1", True, True, ("AmazonProvidedDNS",)),
    subnets=(SUBNET,),
    route_tables=(RouteTable("rtb-a", False, ("subnet-a",), ()),),
    endpoints=(GATEWAY, *INTERFACES),
    ingress={
        "sg-e": (Ingress("tcp", 443, 443, cidrs=("10.0.0.0/16",)),),
        "sg-n": (Ingress("-1", groups=("sg-n",)),),
    },
    profile=InstanceProfile("profile", True, ("arn:aws:iam::123456789012:role/nodes",)),
    node_role=ROLE,
    caller=Caller("arn:aws:iam::123456789012:user/me", True),
    core_dns=CoreDns(2),
    rights=WorkerRights(),
    usage=USAGE,
    tools={"eksctl": "0.200.0", "kubectl": "1.33.1"},
    job_identity=IDENTITY,
    container_logs=ContainerLogs(),
)
FIFTY = tuple(f"other-{number}" for number in range(50))


def found(**changed: Any) -> set[tuple[str, str]]:
    return {(finding.rule, finding.level) for finding in find(replace(SOUND, **changed))}


def test_a_sound_picture_passes_every_rule() -> None:
    assert find(SOUND) == []
    assert passed(SOUND) == list(RULES)


def test_rules_have_names_of_their_own_and_a_source() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.source and rule.needs for rule in RULES)


@pytest.mark.parametrize(
    ("changed", "rule", "level"),
    [
        ({"cluster": replace(CLUSTER, version="1.29")}, "kubernetes-version", "ERROR"),
        ({"cluster": replace(CLUSTER, version="1.37")}, "kubernetes-version", "WARNING"),
        (
            {"cluster": replace(CLUSTER, authentication_mode="API", identity_mapping="aws-auth")},
            "authentication-mode",
            "ERROR",
        ),
        (
            {"cluster": replace(CLUSTER, authentication_mode="CONFIG_MAP", identity_mapping="access-entry")},
            "authentication-mode",
            "ERROR",
        ),
        ({"cluster": replace(CLUSTER, public_access=True, public_cidrs=("0.0.0.0/0",))}, "public-access", "WARNING"),
        ({"core_dns": CoreDns(0)}, "core-dns", "ERROR"),
        ({"subnets": (replace(SUBNET, exits=("nat-1",)),)}, "no-internet-route", "WARNING"),
        ({"subnets": (replace(SUBNET, exits=("igw-1",)),)}, "no-internet-route", "ERROR"),
        ({"subnets": (replace(SUBNET, free_addresses=15),)}, "free-addresses", "WARNING"),
        ({"subnets": (replace(SUBNET, free_addresses=5),)}, "free-addresses", "ERROR"),
        ({"endpoints": (GATEWAY, *INTERFACES[:-1])}, "interface-endpoints", "ERROR"),
        ({"endpoints": (GATEWAY, *INTERFACES[:-1]), "container_logs": None}, "interface-endpoints", "WARNING"),
        ({"endpoints": (GATEWAY, *INTERFACES[:-2], INTERFACES[-1])}, "interface-endpoints", "ERROR"),
        ({"endpoints": (GATEWAY, *INTERFACES[1:])}, "interface-endpoints", "ERROR"),
        ({"endpoints": (replace(GATEWAY, state="failed"), *INTERFACES)}, "endpoint-state", "ERROR"),
        ({"endpoints": (*INTERFACES,)}, "s3-gateway", "ERROR"),
        ({"profile": InstanceProfile("profile", exists=False)}, "instance-profile", "ERROR"),
        ({"node_role": replace(ROLE, policies=POLICIES - {"AmazonEKS_CNI_Policy"})}, "node-role-policies", "WARNING"),
        (
            {"node_role": replace(ROLE, denied=frozenset({"ecr:BatchGetImage"}))},
            "node-role-policies",
            "ERROR",
        ),
        (
            {
                "node_role": replace(ROLE, denied=frozenset({"ecr:BatchImportUpstreamImage"})),
                "image_source": "pull_through",
            },
            "pull-through-import",
            "ERROR",
        ),
        ({"node_role": replace(ROLE, policies=POLICIES - {LOGS_POLICY})}, "container-logs-policy", "WARNING"),
        ({"node_role": replace(ROLE, denied=frozenset({"logs:PutLogEvents"}))}, "container-logs-policy", "ERROR"),
        (
            {"node_role": replace(ROLE, denied=frozenset({"eks-auth:AssumeRoleForPodIdentity"}))},
            "pod-identity-policy",
            "ERROR",
        ),
        ({"job_identity": replace(IDENTITY, agent=None)}, "job-identity-provider", "ERROR"),
        (
            {"job_identity": replace(IDENTITY, agent=replace(AGENT, status="CREATING"))},
            "job-identity-provider",
            "ERROR",
        ),
        (
            {"job_identity": replace(IDENTITY, agent=replace(AGENT, version="v1.0.0-eksbuild.1"))},
            "job-identity-provider",
            "ERROR",
        ),
        ({"job_identity": replace(IRSA, provider_found=False)}, "job-identity-provider", "ERROR"),
        ({"job_identity": replace(IRSA, provider_audiences=())}, "job-identity-provider", "ERROR"),
        ({"job_identity": replace(IRSA, provider_found=None)}, "job-identity-provider", "WARNING"),
        ({"job_identity": replace(IDENTITY, role_found="")}, "job-role-trust", "ERROR"),
        ({"job_identity": replace(IDENTITY, role_found=f"{JOB_ROLE}2")}, "job-role-trust", "ERROR"),
        ({"job_identity": replace(IDENTITY, role_found=None)}, "job-role-trust", "WARNING"),
        ({"job_identity": replace(IDENTITY, trust={})}, "job-role-trust", "ERROR"),
        ({"job_identity": replace(IRSA, trust=FOR_ALL)}, "job-role-trust", "WARNING"),
        ({"job_identity": replace(IDENTITY, other_identity="an annotation")}, "job-service-account", "ERROR"),
        ({"usage": replace(USAGE, on_cluster=FIFTY[:5])}, "environments-per-cluster", "ERROR"),
        ({"usage": replace(USAGE, environments=FIFTY)}, "environments-per-region", "ERROR"),
        ({"usage": replace(USAGE, queues=FIFTY)}, "queues-per-region", "ERROR"),
        ({"usage": replace(USAGE, in_queue=4)}, "environments-per-queue", "ERROR"),
        ({"targets": (replace(TARGET, problem="silence", level="INFO"),)}, "aws-reachability", "INFO"),
        ({"tools": {"eksctl": "0.166.0", "kubectl": "1.33.1"}}, "tools", "INFO"),
        ({"tools": {"eksctl": "0.200.0", "kubectl": ""}}, "tools", "INFO"),
    ],
)
def test_one_thing_out_of_order_is_one_finding(changed: dict[str, Any], rule: str, level: str) -> None:
    assert found(**changed) == {(rule, level)}


@pytest.mark.parametrize(
    "changed",
    [
        {"node_role": replace(ROLE, denied=frozenset({"ec2:CreateNetworkInterface"}), cni_has_own_role=True)},
        {"usage": replace(USAGE, on_cluster=("ours", *FIFTY[:4]), environments=("ours", *FIFTY[:49]))},
        {"usage": replace(USAGE, queues=("our-queue", *FIFTY[:49]))},
        {"cluster": replace(CLUSTER, public_access=True, public_cidrs=("198.51.100.7/32",))},
        {"endpoints": (GATEWAY, *INTERFACES, replace(INTERFACES[0], endpoint_id="old", state="deleted"))},
        {"endpoints": (GATEWAY, *INTERFACES, replace(INTERFACES[0], endpoint_id="new", state="pending"))},
        {"job_identity": IRSA, "endpoints": (GATEWAY, *INTERFACES[:-2], INTERFACES[-1])},
        {"node_role": replace(ROLE, policies=POLICIES - {LOGS_POLICY}), "container_logs": ContainerLogs(True)},
        {"rights": WorkerRights(no_escalation=(KubernetesRight("bind", "roles"),))},
    ],
)
def test_what_is_fine_is_not_found(changed: dict[str, Any]) -> None:
    assert found(**changed) == set()


@pytest.mark.parametrize("part", sorted({part for rule in RULES for part in rule.needs}))
def test_what_was_not_looked_at_is_neither_found_nor_passed(part: str) -> None:
    unseen: dict[str, Any] = {part: None}
    facts = replace(SOUND, **unseen)
    assert find(facts) == []
    assert passed(facts) == [rule for rule in RULES if part not in rule.needs]


def test_where_there_is_another_way_out_endpoints_are_recommended_only() -> None:
    without = found(endpoints=(), subnets=(replace(SUBNET, exits=("nat-1",)),))
    assert without == {(rule, "WARNING") for rule in ("no-internet-route", "interface-endpoints", "s3-gateway")}


CIDRS = st.tuples(st.integers(0, 2**32 - 1), st.integers(8, 30)).map(lambda pair: IPv4Network(pair, strict=False))


@given(CIDRS, CIDRS, st.integers(1, 65535), st.integers(1, 65535))
def test_a_range_is_admitted_where_all_of_it_lies_in_an_open_one(
    senders: IPv4Network, opened: IPv4Network, one: int, other: int
) -> None:
    low, high = sorted((one, other))
    rule = Ingress("tcp", low, high, cidrs=(str(opened),))
    inside = opened[0] <= senders[0] and senders[-1] <= opened[-1]
    assert rule.admits(str(senders), ()) == (inside and low <= 443 <= high)
    assert not replace(rule, protocol="udp").admits(str(senders), ())


@given(st.sets(st.sampled_from("abcd")), st.sets(st.sampled_from("abcd")))
def test_members_of_a_group_that_is_let_in_are_admitted(let_in: set[str], worn: set[str]) -> None:
    rule = Ingress("-1", groups=tuple(let_in))
    assert rule.admits("10.0.0.0/24", tuple(worn)) == bool(let_in & worn)
