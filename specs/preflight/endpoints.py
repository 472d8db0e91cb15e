"""Rules of the VPC endpoints, the only way from a private VPC to AWS."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from specs.preflight.facts import HTTPS, Endpoint, Level, PreflightFacts, Subnet
from specs.preflight.optional_parts import JobIdentity
from specs.preflight.rule import Finding, Rule, error, warning
from specs.source import ECR_GUIDE, EKS_GUIDE

_PRIVATE = f"{EKS_GUIDE}/private-clusters.html"
_ECR_ENDPOINTS = f"{ECR_GUIDE}/vpc-endpoints.html"
GATEWAY_SERVICE = "s3"
_GONE = ("deleting", "deleted")


@dataclass(frozen=True)
class NeededEndpoint:
    """An interface endpoint that a private cluster with Batch needs.

    Attributes:
        service: The service without its prefix.
        level: How bad it is without.
        purpose: What it is for.
    """

    service: str
    level: Level
    purpose: str


# EKS user guide, private-clusters; ECR user guide, vpc-endpoints; Batch user guide, vpc-interface-endpoints.
INTERFACE_ENDPOINTS = (
    NeededEndpoint("ec2", "ERROR", "nodes learn their own name from it, and the VPC CNI takes addresses"),
    NeededEndpoint("ecr.api", "ERROR", "nodes get their registry password from it and never become Ready without"),
    NeededEndpoint("ecr.dkr", "ERROR", "nodes pull images from it"),
    NeededEndpoint("sts", "ERROR", "roles of service accounts and of the worker are assumed through it"),
    NeededEndpoint("eks", "WARNING", "a worker inside the VPC finds the cluster through it"),
    NeededEndpoint("batch", "WARNING", "a worker inside the VPC calls AWS Batch through it"),
    NeededEndpoint("logs", "WARNING", "logs of nodes and pods go to CloudWatch through it"),
)


# EKS user guide, private-clusters, "Pod requirements"; Batch user guide, batch-eks-cloudwatch-logs.
_POD_IDENTITY = NeededEndpoint("eks-auth", "ERROR", "the EKS Pod Identity Agent gets the jobs' credentials through it")
_IRSA = NeededEndpoint("sts", "ERROR", "jobs assume their role through it")
LOGS_ENDPOINT = NeededEndpoint("logs", "ERROR", "the logs of jobs go to CloudWatch through it")


def endpoint_of_identity(identity: JobIdentity) -> NeededEndpoint:
    """The interface endpoint through which jobs come by the credentials of their role."""
    return _POD_IDENTITY if identity.by_pod_identity else _IRSA


def needed_endpoints(facts: PreflightFacts) -> tuple[NeededEndpoint, ...]:
    """All interface endpoints that the cluster needs with what the platform asks for, each service once."""
    of_identity = [endpoint_of_identity(facts.job_identity)] if facts.job_identity else []
    of_logs = [LOGS_ENDPOINT] if facts.container_logs else []
    return tuple({each.service: each for each in (*INTERFACE_ENDPOINTS, *of_identity, *of_logs)}.values())


def existing(facts: PreflightFacts, service: str, kind: str) -> list[Endpoint]:
    """The endpoints of a service that are not being deleted.

    Args:
        facts: The picture.
        service: The service without its prefix.
        kind: `Interface` or `Gateway`.
    """
    return [
        endpoint
        for endpoint in facts.endpoints or ()
        if (endpoint.service, endpoint.kind) == (service, kind) and endpoint.state not in _GONE
    ]


def missing_interface_endpoints(facts: PreflightFacts) -> list[NeededEndpoint]:
    """The needed interface endpoints that are not there."""
    return [needed for needed in needed_endpoints(facts) if not existing(facts, needed.service, "Interface")]


def without_private_dns(facts: PreflightFacts) -> list[Endpoint]:
    """Of each needed service that no public name leads to inside the VPC, its first endpoint."""
    found = [existing(facts, needed.service, "Interface") for needed in needed_endpoints(facts)]
    return [endpoints[0] for endpoints in found if endpoints and not any(each.private_dns for each in endpoints)]


def tables_without_gateway(facts: PreflightFacts) -> list[str]:
    """Route tables that are the nodes' subnets' own and that no S3 gateway endpoint is on."""
    served = {table for gateway in existing(facts, GATEWAY_SERVICE, "Gateway") for table in gateway.route_tables}
    return sorted({subnet.route_table for subnet in facts.subnets or () if subnet.explicit} - served)


def _level(facts: PreflightFacts, level: Level) -> Level:
    """Where every subnet has another way out, such as a NAT gateway, endpoints are a matter of taste and cost."""
    subnets = facts.subnets or ()
    has_way_out = bool(subnets) and all(subnet.exits for subnet in subnets)
    return "WARNING" if has_way_out and level == "ERROR" else level


def missing_of(facts: PreflightFacts, wanted: Iterable[NeededEndpoint]) -> Iterator[Finding]:
    """A finding for each of some interface endpoints that is not there.

    Args:
        facts: The picture.
        wanted: The endpoints.
    """
    for needed in wanted:
        if existing(facts, needed.service, "Interface"):
            continue
        name = f"com.amazonaws.{facts.region}.{needed.service}"
        yield Finding(
            level=_level(facts, needed.level),
            evidence=f"the VPC has no interface endpoint {name}: {needed.purpose}",
            fix=f"run preflight with `fix`, or aws ec2 create-vpc-endpoint --service-name {name} with private DNS",
        )


def _present(facts: PreflightFacts) -> Iterator[Finding]:
    yield from missing_of(facts, needed_endpoints(facts))


def _available(facts: PreflightFacts) -> Iterator[Finding]:
    needed = {GATEWAY_SERVICE, *(each.service for each in needed_endpoints(facts))}
    for endpoint in facts.endpoints or ():
        if endpoint.service not in needed or endpoint.state in (*_GONE, "available"):
            continue
        others = existing(facts, endpoint.service, endpoint.kind)
        if any(other.state == "available" for other in others):
            continue
        evidence = f"{endpoint.endpoint_id} ({endpoint.service}) is {endpoint.state}"
        if endpoint.state == "pending":
            yield warning(evidence, "wait a minute or two and run again")
        else:
            yield error(evidence, "look at it in the VPC console; delete it and run preflight with `fix`")


def _private_dns(facts: PreflightFacts) -> Iterator[Finding]:
    for endpoint in without_private_dns(facts):
        yield Finding(
            level=_level(facts, "ERROR"),
            evidence=f"{endpoint.endpoint_id} ({endpoint.service}) has private DNS off: the service's own name leads "
            "to the internet",
            fix="run preflight with `fix`, or aws ec2 modify-vpc-endpoint --private-dns-enabled "
            f"--vpc-endpoint-id {endpoint.endpoint_id}",
        )


def admits(facts: PreflightFacts, groups: tuple[str, ...], subnet: Subnet) -> bool:
    """Whether security groups let the nodes of a subnet in on 443.

    Args:
        facts: The picture.
        groups: The security groups, any of which may let them in.
        subnet: Where the nodes are.
    """
    rules = [rule for group in groups for rule in (facts.ingress or {}).get(group, ())]
    return any(rule.admits(subnet.cidr, facts.node_groups) for rule in rules)


def _open_to_nodes(facts: PreflightFacts) -> Iterator[Finding]:
    closed: dict[tuple[str, ...], list[str]] = {}
    kept_out: dict[tuple[str, ...], list[str]] = {}
    for needed in needed_endpoints(facts):
        for endpoint in existing(facts, needed.service, "Interface"):
            groups = endpoint.security_groups
            out = [subnet.subnet_id for subnet in facts.subnets or () if not admits(facts, groups, subnet)]
            if out:
                closed.setdefault(groups, []).append(endpoint.service)
                kept_out[groups] = out
    for groups, services in closed.items():
        yield error(
            f"{', '.join(groups) or 'no security group'} of the endpoints {', '.join(services)} lets nobody in on "
            f"{HTTPS} from {', '.join(kept_out[groups])}, nor from {', '.join(facts.node_groups)}",
            f"aws ec2 authorize-security-group-ingress --protocol tcp --port {HTTPS} "
            f"--group-id {groups[0] if groups else '<group>'} --source-group <security group of the nodes>",
        )


def _gateway(facts: PreflightFacts) -> Iterator[Finding]:
    tables = tables_without_gateway(facts)
    if not tables:
        return
    gateways = existing(facts, GATEWAY_SERVICE, "Gateway")
    name = f"com.amazonaws.{facts.region}.{GATEWAY_SERVICE}"
    there = f"{gateways[0].endpoint_id} is not on" if gateways else f"there is no gateway endpoint {name} on"
    yield Finding(
        level=_level(facts, "ERROR"),
        evidence=f"{there} {', '.join(tables)}: the layers of images lie in S3",
        fix="run preflight with `fix`, or "
        + (
            f"aws ec2 modify-vpc-endpoint --vpc-endpoint-id {gateways[0].endpoint_id} --add-route-table-ids "
            if gateways
            else f"aws ec2 create-vpc-endpoint --vpc-endpoint-type Gateway --service-name {name} --route-table-ids "
        )
        + " ".join(tables),
    )


RULES = (
    Rule("interface-endpoints", "the interface endpoints are there", ("endpoints",), _PRIVATE, _present),
    Rule("endpoint-state", "the endpoints are available", ("endpoints",), _PRIVATE, _available),
    Rule("endpoint-private-dns", "the endpoints have private DNS", ("endpoints",), _ECR_ENDPOINTS, _private_dns),
    Rule(
        "endpoint-security-group",
        f"the endpoints let the nodes in on {HTTPS}",
        ("endpoints", "ingress", "subnets"),
        _ECR_ENDPOINTS,
        _open_to_nodes,
    ),
    Rule(
        "s3-gateway",
        "an S3 gateway endpoint is on every private route table",
        ("endpoints", "subnets"),
        _ECR_ENDPOINTS,
        _gateway,
    ),
)
