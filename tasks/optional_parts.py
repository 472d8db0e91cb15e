"""What the optional parts of setup rely on, looked at before the first change."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from blocks.aws_errors import DENIED, error_code
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.platform import PlatformSpec
from specs.preflight import job_identity
from specs.preflight.endpoints import LOGS_ENDPOINT, NeededEndpoint, endpoint_of_identity, missing_of
from specs.preflight.facts import PreflightFacts
from specs.preflight.identity import rights_for_identity, rights_for_logs
from specs.preflight.optional_parts import JobIdentity
from specs.preflight.rule import Finding, warning
from tasks.discovery import ClusterFacts
from tasks.preflight.identity import look_at_node_role
from tasks.preflight.job_identity import look_at_container_logs, look_at_job_identity
from tasks.preflight.network import look_at_endpoints, look_at_route_tables, look_at_subnets
from tasks.preflight.reachability import SECONDS
from tasks.step import step

T = TypeVar("T")


class OptionalPartsWarnings(NamedTuple):
    """What does not keep an optional part from being made, but a person should know.

    Attributes:
        job_identity: Of the jobs' identity.
        container_logs: Of their logs in CloudWatch.
    """

    job_identity: str = ""
    container_logs: str = ""


@step("prerequisites of optional parts on {cluster.cluster_name}")
def check_optional_parts(
    cluster: EksCluster, platform: PlatformSpec, discovered: ClusterFacts
) -> OptionalPartsWarnings:
    """Look at what the jobs' identity and their logs in CloudWatch rely on, where the platform asks for them.

    Args:
        cluster: Where.
        platform: What is asked for.
        discovered: The role of Batch's nodes, and their subnets where the platform names none.

    Returns:
        What keeps nothing from being made, but should be known; also what could not be looked at.

    Raises:
        OperationError: If something is missing without which jobs would not act as their role, or their logs be lost;
            all of it at once.
    """
    if not (platform.job_identity or platform.container_logs):
        return OptionalPartsWarnings()
    facts = _look(cluster, platform, discovered)
    of_identity = list(_check_identity(facts, facts.job_identity)) if facts.job_identity else []
    of_logs = list(_check_logs(facts)) if facts.container_logs else []
    _refuse(cluster, [finding for finding in (*of_identity, *of_logs) if finding.level == "ERROR"])
    of_jobs = platform.job_identity.warnings(platform.job_definitions) if platform.job_identity else []
    return OptionalPartsWarnings(
        job_identity="; ".join([*_evidence(of_identity), *of_jobs]), container_logs="; ".join(_evidence(of_logs))
    )


def _check_identity(facts: PreflightFacts, identity: JobIdentity) -> Iterator[Finding]:
    yield from _check_endpoint(facts, endpoint_of_identity(identity))
    yield from rights_for_identity(facts)
    for rule in job_identity.RULES:
        yield from rule.findings(facts)


def _check_logs(facts: PreflightFacts) -> Iterator[Finding]:
    yield from _check_endpoint(facts, LOGS_ENDPOINT)
    yield from rights_for_logs(facts)


def _check_endpoint(facts: PreflightFacts, needed: NeededEndpoint) -> Iterable[Finding]:
    if facts.endpoints is not None:
        return missing_of(facts, [needed])
    evidence = f"whether the VPC has the interface endpoint {needed.service} could not be looked at: {needed.purpose}"
    return [warning(evidence, "run preflight where EC2 answers")]


def _look(cluster: EksCluster, platform: PlatformSpec, discovered: ClusterFacts) -> PreflightFacts:
    vpc_id = cluster.description["resourcesVpcConfig"].get("vpcId", "")
    wanted = platform.compute_environment.completed(discovered.arn, discovered.subnets, [discovered.security_group])
    ids, role = wanted.to_document()["computeResources"]["subnets"], discovered.node_role_arn
    node_role = _seen(cluster, "iam", lambda: look_at_node_role(cluster, role, cni_has_own_role=True))
    return PreflightFacts(
        region=cluster.region,
        endpoints=_seen(cluster, "ec2", lambda: look_at_endpoints(cluster, vpc_id)),
        subnets=_seen(cluster, "ec2", lambda: look_at_subnets(cluster, ids, look_at_route_tables(cluster, vpc_id))),
        node_role=node_role,
        job_identity=_look_at_identity(cluster, platform),
        container_logs=look_at_container_logs(cluster) if platform.container_logs else None,
    )


def _look_at_identity(cluster: EksCluster, platform: PlatformSpec) -> JobIdentity | None:
    spec, iam_answers = platform.job_identity, _seen(cluster, "iam", lambda: True) is not None
    return look_at_job_identity(cluster, spec, platform.namespace.name, iam_answers=iam_answers) if spec else None


def _seen(cluster: EksCluster, service: str, look: Callable[[], T]) -> T | None:
    """What is seen where a service answers here and may be asked; None elsewhere."""
    try:
        cluster.session.reach(service, SECONDS)
        return look()
    except BotoCoreError:
        return None
    except ClientError as error:
        if error_code(error) in DENIED:
            return None
        raise


def _evidence(findings: Iterable[Finding]) -> list[str]:
    return [finding.evidence for finding in findings]


def _refuse(cluster: EksCluster, errors: Sequence[Finding]) -> None:
    if errors:
        raise OperationError(
            f"prerequisites on {cluster.cluster_name}",
            "".join(f"\n    - {evidence}" for evidence in _evidence(errors)),
            "jobIdentity or containerLogs of the platform relies on it, and nothing was changed",
            "".join(f"\n    - {finding.fix}" for finding in errors),
        )
