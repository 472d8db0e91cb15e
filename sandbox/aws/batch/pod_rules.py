"""Rules for `eksProperties.podProperties`: of a job definition, and of a job's overrides.

Sources: [B:EksPodProperties], [B:EksContainer], [B:EksContainerResourceRequirements], [B:EksMetadata] and the User
Guide's memory-cpu-batch-eks. The refusals' texts are our wording: no source gives Batch's own.
"""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from sandbox.aws.batch.refusals import execution_exception

_MOST_CONTAINERS = 10
_MOST_ANNOTATION = 255
_LEAST_MEMORY = 4
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_DNS_POLICIES = ("Default", "ClusterFirst", "ClusterFirstWithHostNet")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_CPU = re.compile(r"[0-9]+(\.[0-9]+)?|\.[0-9]+")
_MEMORY = re.compile(r"([0-9]+)Mi")
_WHOLE = re.compile(r"[0-9]+")
_GPU = "nvidia.com/gpu"
_VOLUME_KINDS = ("hostPath", "emptyDir", "secret", "persistentVolumeClaim")


def check_pod(pod: Mapping[str, Any]) -> None:
    """Refuse pod properties of a job definition that break a rule."""
    containers = pod.get("containers") or []
    init_containers = pod.get("initContainers") or []
    _expect(bool(containers), "podProperties.containers must have at least one container")
    for name, group in (("containers", containers), ("initContainers", init_containers)):
        _expect(len(group) <= _MOST_CONTAINERS, f"podProperties.{name} must have at most {_MOST_CONTAINERS}")
        for index, container in enumerate(group):
            _check_container(container, f"podProperties.{name}[{index}]")
    names = [container.get("name", "Default") for container in [*containers, *init_containers]]
    _expect(len(set(names)) == len(names), "container names in podProperties must be unique")
    dns = pod.get("dnsPolicy")
    _expect(dns is None or dns in _DNS_POLICIES, f"dnsPolicy must be one of {', '.join(_DNS_POLICIES)}")
    _check_volumes(pod.get("volumes") or [], [*containers, *init_containers])
    check_metadata(pod.get("metadata") or {})


def check_metadata(metadata: Mapping[str, Any]) -> None:
    """Refuse labels, annotations or a namespace that break a rule [B:EksMetadata]."""
    for key, value in (metadata.get("annotations") or {}).items():
        _expect(len(value) <= _MOST_ANNOTATION, f"annotation {key} must be {_MOST_ANNOTATION} characters or less")
    if "namespace" in metadata:
        namespace = metadata["namespace"]
        valid = bool(_NAMESPACE.fullmatch(namespace)) and len(namespace) <= 63
        _expect(
            valid and namespace != "default" and not namespace.startswith("kube"),
            f"metadata.namespace {namespace!r} must be 1-63 characters, match ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$, "
            "can't be default and can't start with kube",
        )


def check_override(override: Mapping[str, Any], pod: Mapping[str, Any]) -> None:
    """Refuse a job's pod override that does not fit the definition.

    [B:EksContainerOverride.name] "must match a unique container name that you wish to override". Without a name
    it is only clear which container is meant when there is one (our wording).
    """
    for kind in ("containers", "initContainers"):
        known = [container.get("name", "Default") for container in pod.get(kind) or []]
        named: list[str] = []
        for index, container in enumerate(override.get(kind) or []):
            path = f"eksPropertiesOverride.podProperties.{kind}[{index}]"
            name = container.get("name")
            if name is None:
                _expect(
                    len(known) == 1,
                    f"{path}.name must be specified: the job definition has {len(known)} {kind}",
                )
                name = known[0]
            _expect(name in known, f"{path}.name {name} does not match a container in the job definition")
            named.append(name)
            _check_env(container.get("env") or [], path)
            if container.get("resources"):
                check_resources(container["resources"], path, complete=False)
        _expect(len(set(named)) == len(named), f"eksPropertiesOverride.podProperties.{kind} names one twice")
    check_metadata(override.get("metadata") or {})


def _check_container(container: Mapping[str, Any], path: str) -> None:
    _expect(bool(container.get("image")), f"{path}.image must be specified")
    policy = container.get("imagePullPolicy")
    _expect(
        policy is None or policy in _PULL_POLICIES,
        f"{path}.imagePullPolicy must be one of {', '.join(_PULL_POLICIES)}",
    )
    _check_env(container.get("env") or [], path)
    check_resources(container.get("resources") or {}, path, complete="initContainers" not in path)


def _check_env(env: Sequence[Mapping[str, Any]], path: str) -> None:
    """[B:EksContainer.env]: names cannot start with AWS_BATCH."""
    for variable in env:
        name = variable["name"]
        _expect(not name.startswith("AWS_BATCH"), f"{path}.env {name} cannot start with AWS_BATCH")


def check_resources(resources: Mapping[str, Any], path: str, *, complete: bool) -> None:
    """Refuse resources outside Batch's rules.

    Args:
        resources: `limits` and `requests`.
        path: Where they stand, for the message.
        complete: Whether cpu and memory must both be given somewhere.
    """
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for name, values in (("limits", limits), ("requests", requests)):
        for key, value in values.items():
            _check_quantity(key, value, f"{path}.resources.{name}.{key}")
    for key in ("cpu", "memory"):
        given = key in limits or key in requests
        _expect(given or not complete, f"{path}.resources must specify {key} in limits or requests")
    if "cpu" in limits and "cpu" in requests:
        _expect(
            cpu_millis(requests["cpu"]) <= cpu_millis(limits["cpu"]),
            f"{path}.resources: cpu in limits must be at least as large as cpu in requests",
        )
    for key in ("memory", _GPU):
        if key in limits and key in requests:
            _expect(
                limits[key] == requests[key],
                f"{path}.resources: {key} in limits must be equal to {key} in requests",
            )


def _check_quantity(key: str, value: str, path: str) -> None:
    if key == "cpu":
        valid = bool(_CPU.fullmatch(value)) and Fraction(value) >= Fraction(1, 4)
        _expect(valid and Fraction(value) % Fraction(1, 4) == 0, f"{path} {value!r} must be a multiple of 0.25")
    elif key == "memory":
        match = _MEMORY.fullmatch(value)
        _expect(
            match is not None and int(match.group(1)) >= _LEAST_MEMORY,
            f'{path} {value!r} must be a whole integer with a "Mi" suffix, at least {_LEAST_MEMORY}Mi',
        )
    elif key == _GPU:
        _expect(bool(_WHOLE.fullmatch(value)), f"{path} {value!r} must be a whole integer")
    else:
        raise execution_exception(f"{path}: supported resources are memory, cpu and {_GPU}")


def _check_volumes(volumes: Sequence[Mapping[str, Any]], containers: Sequence[Mapping[str, Any]]) -> None:
    names = [volume["name"] for volume in volumes]
    _expect(len(set(names)) == len(names), "volume names in podProperties must be unique")
    for volume in volumes:
        kinds = [kind for kind in _VOLUME_KINDS if kind in volume]
        _expect(len(kinds) == 1, f"volume {volume['name']} must have exactly one of {', '.join(_VOLUME_KINDS)}")
    for container in containers:
        for mount in container.get("volumeMounts") or []:
            _expect(mount.get("name") in names, f"volumeMount {mount.get('name')} does not match a volume")


def cpu_millis(value: str) -> int:
    """A cpu quantity in thousandths."""
    return int(Fraction(value) * 1000)


def requested(pod: Mapping[str, Any]) -> tuple[int, int, int]:
    """Thousandths of a CPU, MiB and GPUs that a pod reserves: the sum of its containers' requests.

    An init container runs alone, so only one that asks for more than all containers together counts
    (Kubernetes, "effective init request").
    """
    cpu = memory = gpus = 0
    for container in pod.get("containers") or []:
        container_cpu, container_memory, container_gpus = _container_requests(container)
        cpu, memory, gpus = cpu + container_cpu, memory + container_memory, gpus + container_gpus
    for container in pod.get("initContainers") or []:
        container_cpu, container_memory, container_gpus = _container_requests(container)
        cpu, memory, gpus = max(cpu, container_cpu), max(memory, container_memory), max(gpus, container_gpus)
    return cpu, memory, gpus


def _container_requests(container: Mapping[str, Any]) -> tuple[int, int, int]:
    resources = container.get("resources") or {}
    values = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    memory = int(values.get("memory", "0Mi").removesuffix("Mi"))
    return cpu_millis(values.get("cpu", "0")), memory, int(values.get(_GPU, "0"))


def _expect(condition: bool, rule: str) -> None:
    if not condition:
        raise execution_exception(rule)
