"""Rules of identities: the nodes' role and its instance profile, and who calls AWS."""

from collections.abc import Iterator
from dataclasses import dataclass

from specs.name import SERVICE_LINKED_ROLE, SERVICE_LINKED_ROLE_PATH
from specs.preflight.facts import Caller, InstanceProfile, NodeRole, PreflightFacts
from specs.preflight.rule import Finding, Rule, error, info, rule_of, warning
from specs.role_trust import POD_IDENTITY_PRINCIPAL
from specs.source import ECR_GUIDE, EKS_GUIDE, guide, member


@dataclass(frozen=True)
class NodeRight:
    """Something that the nodes' role must be able to do.

    Attributes:
        purpose: What for.
        actions: The actions behind it that tell.
        policies: Managed policies that allow them, the usual one first.
    """

    purpose: str
    actions: tuple[str, ...]
    policies: tuple[str, ...]


_PULL_ONLY = "AmazonEC2ContainerRegistryPullOnly"
_ECR_POLICIES = ("AmazonEC2ContainerRegistryPowerUser", "AmazonEC2ContainerRegistryFullAccess")
WORKER = NodeRight("join the cluster", ("ec2:DescribeInstances",), ("AmazonEKSWorkerNodePolicy",))
CNI = NodeRight(
    "give pods addresses, unless the VPC CNI has a role of its own",
    ("ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface"),
    ("AmazonEKS_CNI_Policy",),
)
PULL = NodeRight(
    "pull images",
    ("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
    (_PULL_ONLY, "AmazonEC2ContainerRegistryReadOnly", *_ECR_POLICIES),
)
# ReadOnly does not have it: eksctl-io/eksctl#8318.
IMPORT = NodeRight("have ECR fetch images through its cache", ("ecr:BatchImportUpstreamImage",), (_PULL_ONLY,))
# Batch user guide, batch-eks-cloudwatch-logs.
LOGS = NodeRight(
    "send the logs of jobs to CloudWatch",
    ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
    ("CloudWatchAgentServerPolicy",),
)
# EKS user guide, pod-id-agent-setup.
AGENT = NodeRight(
    "have the EKS Pod Identity Agent get the credentials of jobs",
    ("eks-auth:AssumeRoleForPodIdentity",),
    ("AmazonEKSWorkerNodePolicy",),
)
NODE_RIGHTS = (WORKER, CNI, PULL, IMPORT, LOGS, AGENT)


@dataclass(frozen=True)
class SetupResources:
    """What setup makes and uses, for the ARNs that permissions are asked about.

    Attributes:
        partition: Partition of the cluster.
        region: Its region.
        account: Its account.
        cluster: Its name.
        environment: The compute environment.
        queue: The job queue.
        definitions: The job definitions.
        repositories: The repositories that images are mirrored to.
        node_role: The nodes' role, with its path; empty where it is not known.
        job_role: The role that EKS Pod Identity gives to jobs, with its path; empty where it gives none.
        logs_addon: Whether the logs of jobs go to CloudWatch, by the add-on that setup makes.
    """

    partition: str
    region: str
    account: str
    cluster: str
    environment: str
    queue: str
    definitions: tuple[str, ...]
    repositories: tuple[str, ...]
    node_role: str
    job_role: str = ""
    logs_addon: bool = False

    def arn(self, service: str, resource: str) -> str:
        """An ARN of the account; IAM's have no region."""
        region = "" if service == "iam" else self.region
        return f"arn:{self.partition}:{service}:{region}:{self.account}:{resource}"

    @property
    def batch_entry(self) -> str:
        """The access entry of Batch's role; the last part of its ARN EKS draws itself."""
        return self.arn("eks", f"access-entry/{self.cluster}/role/{self.account}/{SERVICE_LINKED_ROLE}/*")


_READING = (
    "batch:DescribeComputeEnvironments",
    "batch:DescribeJobQueues",
    "batch:DescribeJobDefinitions",
    "batch:ListJobs",
    "ecr:GetAuthorizationToken",
)
# ECR user guide, image-push-iam: behind the registry's own API.
_PUSHING = (
    "ecr:CreateRepository",
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
    "ecr:BatchGetImage",
)
# Batch makes the access entry with the caller's own credentials (Batch user guide, eks-access-entries).
_ACCESS_ENTRY = ("eks:DescribeAccessEntry", "eks:AssociateAccessPolicy", "eks:DeleteAccessEntry")


def caller_actions(resources: SetupResources, *, access_entries: bool, pushes: bool) -> dict[str, tuple[str, ...]]:
    """The AWS actions that setup makes as its caller, by the resource they are about.

    Args:
        resources: What setup makes and uses.
        access_entries: Whether identities are mapped by access entries.
        pushes: Whether setup itself pushes images.
    """
    pushing = _PUSHING if pushes else ("ecr:DescribeImages",)
    cluster = resources.arn("eks", f"cluster/{resources.cluster}")
    actions: dict[str, tuple[str, ...]] = {
        "*": _READING,
        cluster: ("eks:DescribeCluster",),
        resources.arn("batch", f"compute-environment/{resources.environment}"): (
            "batch:CreateComputeEnvironment",
            "batch:UpdateComputeEnvironment",
            "batch:TagResource",
        ),
        resources.arn("batch", f"job-queue/{resources.queue}"): (
            "batch:CreateJobQueue",
            "batch:UpdateJobQueue",
        ),
    }
    actions |= {
        resources.arn("batch", f"job-definition/{name}"): ("batch:RegisterJobDefinition",)
        for name in resources.definitions
    }
    actions |= {resources.arn("ecr", f"repository/{name}"): pushing for name in resources.repositories}
    if access_entries:
        actions[cluster] += ("eks:CreateAccessEntry",)
        actions[resources.batch_entry] = _ACCESS_ENTRY
    if resources.node_role:
        # Batch launches instances in the caller's name (Batch user guide, batch_IAM).
        actions[resources.arn("iam", f"role/{resources.node_role}")] = ("iam:PassRole",)
    if resources.job_role:
        # EKS user guide, pod-id-association.
        actions[resources.arn("iam", f"role/{resources.job_role}")] = ("iam:PassRole",)
        actions[cluster] += ("eks:CreatePodIdentityAssociation",)
    if resources.logs_addon:
        actions[cluster] += ("eks:CreateAddon",)
    return actions


def caller_context(resources: SetupResources, resource: str) -> dict[str, str]:
    """Values of the condition keys that narrow policies of the actions on a resource have.

    IAM simulates a condition on a key that it is not told of as one that does not hold (IAM API reference,
    SimulatePrincipalPolicy, ContextEntries).

    Args:
        resources: What setup makes and uses.
        resource: What actions are asked about, such as a role.
    """
    is_job_role = bool(resources.job_role) and resource == resources.arn("iam", f"role/{resources.job_role}")
    return {
        "iam:PassedToService": POD_IDENTITY_PRINCIPAL if is_job_role else "ec2.amazonaws.com",
        "eks:accessEntryType": "STANDARD",
        "eks:principalArn": resources.arn("iam", f"role/{SERVICE_LINKED_ROLE_PATH}{SERVICE_LINKED_ROLE}"),
        "eks:policyArn": f"arn:{resources.partition}:eks::aws:cluster-access-policy/AWSBatchClusterPolicy",
    }


def _profile(profile: InstanceProfile) -> Iterator[Finding]:
    if profile.exists and profile.roles:
        return
    there = "holds no role" if profile.exists else "does not exist"
    role = profile.known_role.rsplit("/", 1)[-1] or "<node role>"
    create = "" if profile.exists else f"aws iam create-instance-profile --instance-profile-name {profile.name}, then "
    by_hand = f"{create}aws iam add-role-to-instance-profile --instance-profile-name {profile.name} --role-name {role}"
    fix = f"run preflight with `fix`, or {by_hand}" if profile.known_role else by_hand
    yield error(f"instance profile {profile.name} {there}; instanceRole takes a profile, not a role", fix)


def _lacks(role: NodeRole, right: NodeRight) -> list[str]:
    """The actions that a role is not known to have."""
    if role.denied is not None:
        return sorted(set(right.actions) & role.denied)
    return [] if set(right.policies) & role.policies else list(right.actions)


def _missing(role: NodeRole, right: NodeRight) -> Finding | None:
    lacking = _lacks(role, right)
    if not lacking:
        return None
    fix = f"attach {right.policies[0]} to {role.name}"
    if role.denied is None:
        # A policy of one's own may allow the same.
        evidence = f"role {role.name} has none of the policies {', '.join(right.policies)}, which nodes need to"
        return warning(f"{evidence} {right.purpose}", f"{fix}, or see that a policy of your own allows {lacking[0]}")
    return error(f"role {role.name} may not {', '.join(lacking)}, which nodes need to {right.purpose}", fix)


def _node_policies(role: NodeRole) -> Iterator[Finding]:
    rights = (WORKER, PULL) if role.cni_has_own_role else (WORKER, CNI, PULL)
    yield from filter(None, (_missing(role, right) for right in rights))


def _import(facts: PreflightFacts) -> Iterator[Finding]:
    found = _missing(facts.node_role, IMPORT) if facts.node_role else None
    if found is None:
        return
    if facts.image_source != "pull_through":
        # Nodes then pull what is in the registry already.
        found = found.model_copy(update={"level": "WARNING"})
    yield found


def rights_for_logs(facts: PreflightFacts) -> Iterator[Finding]:
    """What the nodes' role lacks to ship the logs of jobs, where the add-on has no role of its own."""
    if facts.container_logs and not facts.container_logs.has_own_role:
        yield from _optional_right(facts.node_role, LOGS)


def rights_for_identity(facts: PreflightFacts) -> Iterator[Finding]:
    """What the nodes' role lacks to give jobs theirs by EKS Pod Identity."""
    if facts.job_identity and facts.job_identity.by_pod_identity:
        yield from _optional_right(facts.node_role, AGENT)


def _optional_right(role: NodeRole | None, right: NodeRight) -> Iterator[Finding]:
    if role is None:
        evidence = f"whether the nodes' role has what nodes need to {right.purpose} could not be looked at"
        yield warning(evidence, f"see that it has the policy {right.policies[0]}")
    elif found := _missing(role, right):
        yield found


def _caller(caller: Caller) -> Iterator[Finding]:
    by_resource: dict[str, list[str]] = {}
    for action, resource in caller.denied:
        by_resource.setdefault(resource, []).append(action)
    for resource, actions in by_resource.items():
        yield error(
            f"{caller.arn} may not {', '.join(actions)}" + (f" on {resource}" if resource != "*" else ""),
            "grant the actions to it",
        )
    if not caller.simulated and not caller.denied:
        yield info(
            f"IAM does not simulate the policies of {caller.arn}: only reading was tried, and works",
            "allow it iam:SimulatePrincipalPolicy on itself, where IAM answers, to have creating checked too",
        )


RULES = (
    rule_of(
        "profile",
        "instance-profile",
        "the instance profile exists and holds a role",
        member("ComputeResource", "instanceRole"),
        _profile,
    ),
    rule_of(
        "node_role",
        "node-role-policies",
        "the node role may join, give pods addresses and pull",
        f"{EKS_GUIDE}/create-node-role.html",
        _node_policies,
    ),
    Rule(
        "pull-through-import",
        "the node role may fetch images through ECR's cache",
        ("node_role",),
        f"{ECR_GUIDE}/pull-through-cache-iam.html",
        _import,
    ),
    Rule(
        "container-logs-policy",
        "the node role may send the logs of jobs to CloudWatch",
        ("node_role", "container_logs"),
        guide("batch-eks-cloudwatch-logs"),
        rights_for_logs,
    ),
    Rule(
        "pod-identity-policy",
        "the node role may get the credentials of jobs",
        ("node_role", "job_identity"),
        f"{EKS_GUIDE}/pod-id-agent-setup.html",
        rights_for_identity,
    ),
    rule_of("caller", "caller-permissions", "the caller may do what setup does", guide("batch_IAM"), _caller),
)
