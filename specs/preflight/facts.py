"""The picture that the rules of preflight judge: what was observed of cluster, network, identities and rights."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from specs.image_source import ImageSource
from specs.preflight.optional_parts import ContainerLogs, JobIdentity

HTTPS = 443

Position = Literal["vpc", "internet", "either"]
Level = Literal["ERROR", "WARNING", "INFO"]


@dataclass(frozen=True)
class Target:
    """Something that was called from where this process runs.

    Attributes:
        kind: What it is.
        name: What people call it, such as `batch`.
        address: Where it was called.
        position: The network from which it can be reached as it is meant to be.
        level: How bad it is without.
        purpose: What it is called for.
        problem: Why it did not answer, and the cause; empty where it did.
        fix: What to do then.
    """

    kind: Literal["aws", "kubernetes", "registry"]
    name: str
    address: str
    position: Position
    level: Level
    purpose: str
    problem: str = ""
    fix: str = ""


@dataclass(frozen=True)
class ObservedCluster:
    """What DescribeCluster says, and how the block wants identities mapped.

    Attributes:
        version: Kubernetes version, such as `1.33`.
        private_access: Whether the API server has an endpoint inside the VPC.
        public_access: Whether it has one on the internet.
        public_cidrs: Who may call that one.
        authentication_mode: `CONFIG_MAP`, `API_AND_CONFIG_MAP` or `API`.
        identity_mapping: Of the EKS Cluster block: `auto`, `aws-auth` or `access-entry`.
    """

    version: str
    private_access: bool
    public_access: bool
    public_cidrs: tuple[str, ...]
    authentication_mode: str
    identity_mapping: str


@dataclass(frozen=True)
class Vpc:
    """How names are resolved inside the cluster's VPC.

    Attributes:
        vpc_id: Its id.
        dns_support: The attribute enableDnsSupport.
        dns_hostnames: The attribute enableDnsHostnames.
        name_servers: `domain-name-servers` of its DHCP options.
    """

    vpc_id: str
    dns_support: bool
    dns_hostnames: bool
    name_servers: tuple[str, ...]


@dataclass(frozen=True)
class Subnet:
    """A subnet that nodes start in.

    Attributes:
        subnet_id: Its id.
        zone: Its availability zone.
        cidr: Its IPv4 addresses.
        free_addresses: How many of them are free.
        route_table: The route table in force.
        explicit: Whether that one is associated with it, rather than the VPC's main one by default.
        exits: Targets of default routes in that table, such as `igw-0123` or `nat-0123`.
    """

    subnet_id: str
    zone: str
    cidr: str
    free_addresses: int
    route_table: str
    explicit: bool
    exits: tuple[str, ...] = ()


@dataclass(frozen=True)
class RouteTable:
    """A route table of the VPC.

    Attributes:
        table_id: Its id.
        main: Whether subnets without a table of their own follow it.
        subnets: Subnets that it is associated with.
        exits: Targets of its default routes.
    """

    table_id: str
    main: bool
    subnets: tuple[str, ...]
    exits: tuple[str, ...]


@dataclass(frozen=True)
class Ingress:
    """One rule of a security group that lets traffic in.

    Attributes:
        protocol: `tcp`, `-1` for all, or another.
        from_port: First port; meaningless for all protocols.
        to_port: Last port.
        cidrs: IPv4 ranges that may send.
        groups: Security groups whose members may send.
        prefix_lists: Prefix lists whose ranges may send; what is in them is not known here.
    """

    protocol: str
    from_port: int = -1
    to_port: int = -1
    cidrs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    prefix_lists: tuple[str, ...] = ()

    def admits(self, cidr: str, groups: tuple[str, ...], port: int = HTTPS) -> bool:
        """Whether every address of a range, carrying some security groups, may connect to a TCP port.

        Args:
            cidr: The range.
            groups: Security groups of the senders.
            port: The port.
        """
        if self.protocol not in ("-1", "tcp", "6"):
            return False
        if self.protocol != "-1" and not self.from_port <= port <= self.to_port:
            return False
        # Of a prefix list the benefit of the doubt: a false alarm would be worse than none.
        if self.prefix_lists or set(groups) & set(self.groups):
            return True
        senders = ipaddress.IPv4Network(cidr)
        return any(senders.subnet_of(ipaddress.IPv4Network(each, strict=False)) for each in self.cidrs)


@dataclass(frozen=True)
class Endpoint:
    """A VPC endpoint of an AWS service.

    Attributes:
        endpoint_id: Its id.
        service: The service without its prefix, such as `ecr.api`.
        kind: `Interface` or `Gateway`.
        state: `available`, `pending`, ...
        private_dns: Whether the service's public name leads to it inside the VPC.
        security_groups: Of an interface endpoint.
        route_tables: Of a gateway endpoint.
    """

    endpoint_id: str
    service: str
    kind: str
    state: str
    private_dns: bool = False
    security_groups: tuple[str, ...] = ()
    route_tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class InstanceProfile:
    """The instance profile that the platform names.

    Attributes:
        name: Its name.
        exists: Whether there is one of this name.
        roles: ARNs of the roles in it, at most one.
        known_role: The node role that the platform names itself; empty where it does not.
    """

    name: str
    exists: bool
    roles: tuple[str, ...] = ()
    known_role: str = ""


@dataclass(frozen=True)
class NodeRole:
    """What the nodes' role may do.

    Attributes:
        name: Its name.
        denied: Actions that a simulation denied; None where it could not be simulated.
        policies: Names of the managed policies attached to it.
        cni_has_own_role: Whether the VPC CNI acts as a role of its own, so that this one need not have its rights.
    """

    name: str
    denied: frozenset[str] | None
    policies: frozenset[str]
    cni_has_own_role: bool = False


@dataclass(frozen=True)
class Caller:
    """What the identity behind these flows may do in AWS.

    Attributes:
        arn: Who calls.
        simulated: Whether IAM simulated every action; otherwise harmless calls were made instead.
        denied: Actions that were denied, and on what.
    """

    arn: str
    simulated: bool
    denied: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class CoreDns:
    """The cluster's DNS.

    Attributes:
        replicas: How many pods its Deployment wants; None where there is no such Deployment.
    """

    replicas: int | None


@dataclass(frozen=True)
class KubernetesRight:
    """A right in the cluster, as an access review asks for it.

    No namespace means the whole cluster, no name every object.
    """

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        named = f"{kind} {self.name}" if self.name else kind
        return f"{self.verb} {named}" + (f" in {self.namespace}" if self.namespace else "")


@dataclass(frozen=True)
class WorkerRights:
    """What this process may do in the cluster.

    Attributes:
        denied: What setup does and it may not.
        no_escalation: Which of `escalate` and `bind` it lacks.
        not_held: What setup grants to Batch and it does not hold itself; asked only where it may not escalate.
    """

    denied: tuple[KubernetesRight, ...] = ()
    no_escalation: tuple[KubernetesRight, ...] = ()
    not_held: tuple[KubernetesRight, ...] = ()


@dataclass(frozen=True)
class Usage:
    """How much of Batch's quotas is used already.

    Attributes:
        environment: The compute environment that the platform wants.
        queue: The job queue that it wants.
        environments: Names of all compute environments of account and region.
        on_cluster: Names of those on this cluster.
        queues: Names of all job queues.
        in_queue: How many compute environments the wanted queue is to have.
    """

    environment: str
    queue: str
    environments: tuple[str, ...]
    on_cluster: tuple[str, ...]
    queues: tuple[str, ...]
    in_queue: int


@dataclass(frozen=True)
class PreflightFacts:
    """Everything that was looked at; None is what could not be looked at.

    Attributes:
        region: The cluster's region.
        vpc_id: The cluster's VPC.
        image_source: How images come into the private registry.
        node_groups: Security groups of the nodes.
        cluster_group: The security group that EKS made for the cluster.
        targets: What was called.
        cluster: The cluster.
        vpc: Its VPC.
        subnets: Subnets of the nodes.
        route_tables: All route tables of the VPC.
        endpoints: Endpoints of the VPC.
        ingress: What security groups of endpoints and cluster let in.
        profile: The nodes' instance profile.
        node_role: The nodes' role.
        caller: Who calls AWS.
        core_dns: The cluster's DNS.
        rights: The worker's rights in the cluster.
        usage: Of quotas.
        tools: Version by name of command-line tools; empty for one that is not installed.
        job_identity: The jobs' own identity; None too where the platform asks for none.
        container_logs: The logs that outlive pods; None too where the platform asks for none.
    """

    region: str = "us-east-1"
    vpc_id: str = ""
    image_source: ImageSource = "mirror"
    node_groups: tuple[str, ...] = ()
    cluster_group: str = ""
    targets: tuple[Target, ...] | None = None
    cluster: ObservedCluster | None = None
    vpc: Vpc | None = None
    subnets: tuple[Subnet, ...] | None = None
    route_tables: tuple[RouteTable, ...] | None = None
    endpoints: tuple[Endpoint, ...] | None = None
    ingress: Mapping[str, tuple[Ingress, ...]] | None = None
    profile: InstanceProfile | None = None
    node_role: NodeRole | None = None
    caller: Caller | None = None
    core_dns: CoreDns | None = None
    rights: WorkerRights | None = None
    usage: Usage | None = None
    tools: Mapping[str, str] | None = None
    job_identity: JobIdentity | None = None
    container_logs: ContainerLogs | None = None
