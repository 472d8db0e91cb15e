"""Calling everything that the flows call, at once and for a few seconds each."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from kubernetes.client.exceptions import ApiException

from blocks.aws_errors import explain_aws
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from registry.connections import Connections
from registry.errors import RegistryError
from registry.hosts import Hosts
from registry.reference import Reference
from specs.container_images import images_of
from specs.image_source import ImageSource
from specs.platform import PlatformSpec
from specs.preflight.facts import Level, Position, Target
from tasks.private_registry import is_ecr

SECONDS = 5.0
_WORKERS = 16
# Sources of images with which this process itself asks the public registries.
_FETCHING: tuple[ImageSource, ...] = ("mirror", "pull_through")


@dataclass(frozen=True)
class _Service:
    name: str
    level: Level
    purpose: str
    position: Position = "either"


_SERVICES = (
    _Service("eks", "ERROR", "describe the cluster"),
    _Service("batch", "ERROR", "set up and use AWS Batch"),
    _Service("ecr", "ERROR", "sign in to the private registry"),
    _Service("ec2", "WARNING", "look at the network in this check"),
    _Service("sts", "WARNING", "learn who calls, and to assume a role"),
    _Service("events", "INFO", "be told of changes of jobs (push)"),
    _Service("sqs", "INFO", "be told of changes of jobs (push)"),
)


def call_aws(cluster: EksCluster, platform: PlatformSpec) -> list[Target]:
    """Call the AWS APIs that the flows call.

    Args:
        cluster: Gives the endpoints.
        platform: Says whether IAM has to be asked for the node role.

    Returns:
        How each of them is reached.
    """
    # IAM has an interface endpoint in us-east-1 only.
    iam = _Service("iam", "INFO" if platform.node_role_arn else "ERROR", "look the node role up (or give nodeRoleArn)")
    services = (*_SERVICES, iam)
    with ThreadPoolExecutor(_WORKERS) as threads:
        return list(threads.map(lambda service: _call_service(cluster, service), services))


def public_images(platform: PlatformSpec, private: str) -> list[Reference]:
    """The images of the job definitions that are not in a private registry.

    Args:
        platform: The job definitions.
        private: Host of the private registry.

    Raises:
        InvalidReferenceError: If one of them is no reference of an image.
    """
    names = [image for definition in platform.job_definitions for image in images_of(definition)]
    images = [Reference.parse(name) for name in dict.fromkeys(names)]
    return [image for image in images if image.host != private and not is_ecr(image.host)]


def call_others(
    cluster: EksCluster, images: Iterable[Reference], image_source: ImageSource, private: str
) -> list[Target]:
    """Call the Kubernetes API and the registries.

    Args:
        cluster: Gives the API server.
        images: The public images.
        image_source: Whether this process fetches them from their public registries.
        private: Host of the private registry; empty where it is not known.

    Returns:
        How each of them is reached.
    """
    hosts = Hosts.parse(os.environ.get("REGISTRY_HOSTS", ""))
    registries = dict.fromkeys(image.host for image in images) if image_source in _FETCHING else {}
    calls: list[Callable[[], Target]] = [lambda: _call_kubernetes(cluster)]
    if private:
        calls.append(lambda: _call_registry(cluster, hosts, private, "either", "push and find images"))
    fix = "fetch images"
    calls += [lambda host=host: _call_registry(cluster, hosts, host, "internet", fix) for host in registries]  # type: ignore[misc]
    with ThreadPoolExecutor(_WORKERS) as threads:
        return list(threads.map(lambda call: call(), calls))


def _call_service(cluster: EksCluster, service: _Service) -> Target:
    target = Target("aws", service.name, "", service.position, service.level, service.purpose)
    try:
        target = replace(target, address=cluster.session.endpoint_url(service.name))
        cluster.session.reach(service.name, SECONDS)
    except (BotoCoreError, ClientError) as error:
        explained = explain_aws(error, service.name)
        return replace(target, problem=explained.cause, fix=explained.next_step)
    return target


def _call_kubernetes(cluster: EksCluster) -> Target:
    target = Target("kubernetes", "Kubernetes API", "", "vpc", "ERROR", "make namespace, roles and identity mappings")
    try:
        target = replace(target, address=cluster.api_server)
        cluster.version.get_code(_request_timeout=(SECONDS, SECONDS))
    except ApiException:
        return target  # it answered
    except OperationError as error:
        return replace(target, problem=error.cause, fix=error.next_step)
    except (BotoCoreError, ClientError) as error:
        explained = explain_aws(error, target.name)
        return replace(target, problem=explained.cause, fix=explained.next_step)
    return target


def _call_registry(cluster: EksCluster, hosts: Hosts, host: str, position: Position, purpose: str) -> Target:
    address = hosts.endpoint(host)
    target = Target("registry", host, address, position, "ERROR", purpose)
    connections = Connections(SECONDS, SECONDS, cluster.session.ca_bundle)
    try:
        connections.open(urlsplit(address)).close()
    except (OSError, RegistryError) as error:
        return replace(target, problem=str(error), fix=_registry_fix(position))
    return target


def _registry_fix(position: Position) -> str:
    if position == "internet":
        return "run where the internet is, or inside the VPC use image_source mirror_by_deployment or already_mirrored"
    return "check the endpoints ecr.api and ecr.dkr, their private DNS and security groups, and REGISTRY_HOSTS"
