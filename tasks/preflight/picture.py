"""The whole picture: every part looked at by itself, and what could not be looked at as a finding of its own."""

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from kubernetes.client.exceptions import ApiException

from blocks.aws_errors import DENIED, error_code, explain_aws
from blocks.eks_cluster import EksCluster
from blocks.kubernetes_errors import explain_kubernetes
from blocks.operation_error import OperationError
from registry.reference import InvalidReferenceError, Reference
from specs.fault import SpecError
from specs.image_source import ImageSource
from specs.platform import PlatformSpec
from specs.preflight.facts import Level, ObservedCluster, PreflightFacts, Target
from specs.preflight.identity import SetupResources, caller_actions, caller_context
from specs.preflight.rule import Finding
from tasks.preflight import identity, job_identity, kubernetes, network, reachability
from tasks.preflight.tools import look_at_tools
from tasks.preflight.usage import look_at_usage
from tasks.private_registry import PrivateRegistry
from tasks.run_log import say
from tasks.step import step

NOT_LOOKED_AT = "not-looked-at"
_WORKERS = 8

T = TypeVar("T")


@dataclass(frozen=True)
class Picture:
    """What was observed.

    Attributes:
        facts: What the rules judge.
        unseen: What could not be looked at, and why.
    """

    facts: PreflightFacts
    unseen: tuple[Finding, ...]


@dataclass(frozen=True)
class _Wanted:
    """What setup is going to be asked for."""

    platform: PlatformSpec
    image_source: ImageSource
    images: tuple[Reference, ...]


@dataclass
class _Observer:
    """Looks at one part after another and keeps what failed.

    Attributes:
        targets: What was called, and whether it answered.
        unseen: What could not be looked at.
    """

    targets: list[Target]
    unseen: list[Finding] = field(default_factory=list)

    def answers(self, name: str) -> bool:
        """Whether a target was reached."""
        return not any(target.name == name and target.problem for target in self.targets)

    def look(self, part: str, needs: str, observe: Callable[[], T], level: Level = "WARNING") -> T | None:
        """Look at a part.

        Args:
            part: What people call it.
            needs: The target that is asked for it; empty for none.
            observe: Looks.
            level: How bad it is if it cannot be looked at although what is asked answers.

        Returns:
            What was seen; None where it could not be looked at.
        """
        say("Looks at %s", part)
        if not self.answers(needs):
            unasked = OperationError(part, f"{needs} does not answer here", "it cannot be asked", _SEE_ABOVE)
            self._note(part, unasked, "WARNING")
            return None
        try:
            return observe()
        except (ClientError, BotoCoreError) as error:
            # What must not be looked at here may well be in order.
            self._note(part, explain_aws(error, part), "WARNING" if error_code(error) in DENIED else level)
        except ApiException as error:
            self._note(part, explain_kubernetes(error, part), level)
        except OperationError as error:
            self._note(part, error, level)
        except (SpecError, InvalidReferenceError) as error:
            broken = OperationError(part, str(error), "a rule is broken", "correct the platform")
            self._note(part, broken, level)
        except (OSError, subprocess.SubprocessError) as error:
            unrun = OperationError(part, str(error), "it could not be run", "look at it by hand")
            self._note(part, unrun, level)
        return None

    def _note(self, part: str, error: OperationError, level: Level) -> None:
        evidence = f"{part} could not be looked at: {error.answer} ({error.cause})"
        self.unseen.append(Finding(level=level, evidence=evidence, fix=error.next_step, rule=NOT_LOOKED_AT))


_SEE_ABOVE = "see what is said of its reachability"
_KUBERNETES = "Kubernetes API"


@step("picture of {cluster.cluster_name}", retries=0)
def take_picture(cluster: EksCluster, platform: PlatformSpec, image_source: ImageSource) -> Picture:
    """Look at everything that setup relies on, and change nothing.

    Args:
        cluster: The cluster, and who calls it.
        platform: What setup is going to make.
        image_source: Where setup takes images from.

    Returns:
        What was seen. Nothing that fails keeps the rest from being looked at, but for the cluster's description, which
        says where the rest is.
    """
    say("Looks at which APIs of AWS answer here")
    observer = _Observer(reachability.call_aws(cluster, platform))
    name = f"EKS cluster {cluster.cluster_name}"
    if observer.look(name, "eks", lambda: cluster.description, level="ERROR") is None:
        return Picture(PreflightFacts(targets=tuple(observer.targets)), tuple(observer.unseen))
    registry = observer.look("private registry", "ecr", lambda: PrivateRegistry(cluster).host) or ""
    images = observer.look(
        "the job definitions' images", "", lambda: reachability.public_images(platform, registry), level="ERROR"
    )
    wanted = _Wanted(platform, image_source, tuple(images or ()))
    observer.targets += reachability.call_others(cluster, wanted.images, image_source, registry)
    seen = _everything(cluster, wanted, observer)
    targets = tuple(observer.targets)
    facts = PreflightFacts(region=cluster.region, image_source=image_source, targets=targets, **seen)
    return Picture(facts, tuple(observer.unseen))


def _everything(cluster: EksCluster, wanted: _Wanted, observer: _Observer) -> dict[str, Any]:
    platform = wanted.platform
    name = platform.namespace.name
    looks: list[Callable[[], dict[str, Any]]] = [
        lambda: {"cluster": _cluster(cluster)},
        lambda: _network(cluster, platform, observer),
        lambda: _identities(cluster, wanted, observer),
        lambda: _optional_parts(cluster, platform, observer),
        lambda: {
            "core_dns": observer.look("CoreDNS", _KUBERNETES, lambda: kubernetes.look_at_core_dns(cluster)),
            "rights": observer.look(
                "the worker's rights in the cluster",
                _KUBERNETES,
                lambda: kubernetes.look_at_rights(cluster, name, service_accounts=platform.job_identity is not None),
                # Whoever may not even ask is not known to the cluster.
                level="ERROR",
            ),
        },
        lambda: {"usage": observer.look("Batch's quotas", "batch", lambda: look_at_usage(cluster, platform))},
        lambda: {"tools": observer.look("command-line tools", "", look_at_tools)},
    ]
    seen: dict[str, Any] = {}
    with ThreadPoolExecutor(_WORKERS) as threads:
        # Each knows the run whose log it writes to.
        contexts = [copy_context() for _ in looks]
        for part in threads.map(lambda look, context: context.run(look), looks, contexts):
            seen |= part
    return seen


def _cluster(cluster: EksCluster) -> ObservedCluster:
    description, access = cluster.description, cluster.description["resourcesVpcConfig"]
    return ObservedCluster(
        version=description["version"],
        private_access=access.get("endpointPrivateAccess", False),
        public_access=access.get("endpointPublicAccess", True),
        public_cidrs=tuple(access.get("publicAccessCidrs", ())),
        authentication_mode=description.get("accessConfig", {}).get("authenticationMode", "CONFIG_MAP"),
        identity_mapping=cluster.identity_mapping,
    )


def _network(cluster: EksCluster, platform: PlatformSpec, observer: _Observer) -> dict[str, Any]:
    described = cluster.description["resourcesVpcConfig"]
    vpc_id, group = described.get("vpcId", ""), described.get("clusterSecurityGroupId", "")
    found = described.get("subnetIds", ())
    wanted = observer.look(
        "the compute environment that is wanted",
        "",
        lambda: platform.compute_environment.completed(cluster.arn, found, [group]).to_document(),
        level="ERROR",
    )
    resources = (wanted or {}).get("computeResources", {})
    # A launch template may bring groups of its own instead.
    node_groups = tuple(resources.get("securityGroupIds", ())) or (group,)
    tables = observer.look("route tables", "ec2", lambda: network.look_at_route_tables(cluster, vpc_id))
    endpoints = observer.look("VPC endpoints", "ec2", lambda: network.look_at_endpoints(cluster, vpc_id))
    groups = {group, *node_groups, *(each for endpoint in endpoints or () for each in endpoint.security_groups)}
    return {
        "vpc_id": vpc_id,
        "cluster_group": group,
        "node_groups": node_groups,
        "route_tables": tables,
        "endpoints": endpoints,
        "vpc": observer.look("the VPC", "ec2", lambda: network.look_at_vpc(cluster, vpc_id)),
        "subnets": observer.look(
            "subnets", "ec2", lambda: network.look_at_subnets(cluster, resources["subnets"], tables), level="ERROR"
        )
        if resources and tables is not None
        else None,
        "ingress": observer.look(
            "security groups", "ec2", lambda: network.look_at_ingress(cluster, groups), level="ERROR"
        ),
    }


def _identities(cluster: EksCluster, wanted: _Wanted, observer: _Observer) -> dict[str, Any]:
    platform = wanted.platform
    name = platform.compute_environment.compute_resources.instance_role.rsplit("/", 1)[-1]
    known = platform.node_role_arn
    profile = observer.look(f"instance profile {name}", "iam", lambda: identity.look_at_profile(cluster, name, known))
    arn = known or next(iter(profile.roles if profile else ()), "")
    own = bool(arn) and bool(
        observer.look("the VPC CNI's pod identity", "eks", lambda: identity.cni_has_pod_identity(cluster))
        or observer.look("the VPC CNI's account", _KUBERNETES, lambda: kubernetes.cni_has_annotated_role(cluster))
    )
    resources = _setup_resources(cluster, wanted, arn)
    actions = caller_actions(
        resources,
        access_entries=kubernetes.mapping_in_use(cluster) == "access-entry",
        pushes=wanted.image_source == "mirror",
    )
    return {
        "profile": profile,
        "node_role": observer.look(
            "the node role", "iam", lambda: identity.look_at_node_role(cluster, arn, cni_has_own_role=own)
        )
        if arn
        else None,
        "caller": observer.look(
            "the caller",
            "sts",
            lambda: identity.look_at_caller(
                cluster, actions, partial(caller_context, resources), iam_answers=observer.answers("iam")
            ),
        ),
    }


def _optional_parts(cluster: EksCluster, platform: PlatformSpec, observer: _Observer) -> dict[str, Any]:
    spec, iam_answers = platform.job_identity, observer.answers("iam")
    namespace = platform.namespace.name
    return {
        "job_identity": observer.look(
            "the jobs' identity",
            _KUBERNETES,
            lambda: job_identity.look_at_job_identity(cluster, spec, namespace, iam_answers=iam_answers),
        )
        if spec
        else None,
        "container_logs": observer.look(
            "the add-on for logs", "eks", lambda: job_identity.look_at_container_logs(cluster)
        )
        if platform.container_logs
        else None,
    }


def _setup_resources(cluster: EksCluster, wanted: _Wanted, node_role_arn: str) -> SetupResources:
    platform = wanted.platform
    prefix, passed = platform.repositories.prefix.rstrip("/"), platform.job_identity
    return SetupResources(
        partition=cluster.partition,
        region=cluster.region,
        account=cluster.account_id,
        cluster=cluster.cluster_name,
        environment=platform.compute_environment.compute_environment_name,
        queue=platform.job_queue.job_queue_name,
        definitions=tuple(definition.job_definition_name for definition in platform.job_definitions),
        repositories=tuple({f"{prefix}/{reference.repository}".lstrip("/"): None for reference in wanted.images}),
        node_role=node_role_arn.rpartition(":role/")[2],
        job_role=passed.role_arn.rpartition(":role/")[2] if passed and passed.provider == "pod-identity" else "",
        logs_addon=platform.container_logs,
    )
