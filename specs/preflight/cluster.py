"""Rules of the cluster itself."""

from collections.abc import Iterator

from specs.machine_image_rules import SUPPORTED_MINOR_VERSIONS
from specs.preflight.endpoints import admits
from specs.preflight.facts import HTTPS, CoreDns, ObservedCluster, PreflightFacts
from specs.preflight.rule import Finding, Rule, error, rule_of, warning
from specs.source import EKS_GUIDE, guide

_EVERYONE = "0.0.0.0/0"


def _version(cluster: ObservedCluster) -> Iterator[Finding]:
    minor = cluster.version.partition(".")[2]
    oldest, newest = SUPPORTED_MINOR_VERSIONS[0], SUPPORTED_MINOR_VERSIONS[-1]
    if minor.isdigit() and int(minor) in SUPPORTED_MINOR_VERSIONS:
        return
    evidence = f"the cluster runs Kubernetes {cluster.version}; AWS documents 1.{oldest} to 1.{newest} for Batch"
    if minor.isdigit() and int(minor) > newest:
        yield warning(evidence, "look whether the page names it by now: Batch supports more in time")
    else:
        yield error(evidence, "upgrade the cluster before the compute environment is made")


def _private_access(cluster: ObservedCluster) -> Iterator[Finding]:
    if not cluster.private_access:
        yield error(
            "the API server has no private endpoint: nodes without a way to the internet cannot register",
            "aws eks update-cluster-config --resources-vpc-config endpointPrivateAccess=true",
        )


def _public_access(cluster: ObservedCluster) -> Iterator[Finding]:
    if cluster.public_access and _EVERYONE in cluster.public_cidrs:
        yield warning(
            f"the API server's public endpoint is open to {_EVERYONE}: the cluster is not private",
            "aws eks update-cluster-config --resources-vpc-config endpointPublicAccess=false, or publicAccessCidrs=...",
        )


def _authentication_mode(cluster: ObservedCluster) -> Iterator[Finding]:
    chosen, mode = cluster.identity_mapping, cluster.authentication_mode
    fix = "set identity_mapping of the EKS Cluster block to auto, or change the cluster's authentication mode"
    if chosen == "aws-auth" and mode == "API":
        yield error("the block chooses aws-auth, and a cluster in mode API does not read it", fix)
    if chosen == "access-entry" and mode == "CONFIG_MAP":
        yield error("the block chooses access entries, and a cluster in mode CONFIG_MAP has none", fix)


def _api_server_group(facts: PreflightFacts) -> Iterator[Finding]:
    group = facts.cluster_group
    out = [subnet.subnet_id for subnet in facts.subnets or () if not admits(facts, (group,), subnet)]
    if out:
        yield error(
            f"{group}, which guards the API server, lets nobody in on {HTTPS} from {', '.join(facts.node_groups)}, "
            f"nor from {', '.join(out)}: nodes cannot register",
            f"give the nodes {group} too, or let their security group in on {HTTPS}",
        )


def _core_dns(core_dns: CoreDns) -> Iterator[Finding]:
    if core_dns.replicas:
        return
    there = "wants no replica" if core_dns.replicas == 0 else "does not exist"
    yield error(
        f"the Deployment kube-system/coredns {there}: pods with the DNS policy ClusterFirst, or "
        "ClusterFirstWithHostNet as Batch has it by default, resolve no name",
        "install the EKS add-on coredns; its pods need nodes of their own, since Batch taints its nodes",
    )


RULES = (
    rule_of(
        "cluster",
        "kubernetes-version",
        "Batch supports the cluster's version",
        guide("batch_eks_invalid_compute_environment"),
        _version,
    ),
    rule_of(
        "cluster",
        "private-access",
        "the API server has a private endpoint",
        f"{EKS_GUIDE}/private-clusters.html",
        _private_access,
    ),
    rule_of(
        "cluster",
        "public-access",
        "the API server is not open to the world",
        f"{EKS_GUIDE}/cluster-endpoint.html",
        _public_access,
    ),
    rule_of(
        "cluster",
        "authentication-mode",
        "the cluster reads the identity mapping that the block chooses",
        guide("eks-access-entries"),
        _authentication_mode,
    ),
    Rule(
        "api-server-security-group",
        f"the API server lets the nodes in on {HTTPS}",
        ("ingress", "subnets"),
        f"{EKS_GUIDE}/sec-group-reqs.html",
        _api_server_group,
    ),
    rule_of("core_dns", "core-dns", "CoreDNS is there", f"{EKS_GUIDE}/managing-coredns.html", _core_dns),
)
