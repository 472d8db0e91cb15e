"""The rules of pods on EKS that no shape says."""

from collections.abc import Mapping
from typing import Any

from specs.container_rules import check_container
from specs.fault import Findings
from specs.kubernetes_rules import check_annotations, check_labels, check_namespace
from specs.name import is_subdomain
from specs.source import KUBERNETES_API, member
from specs.volume_rules import check_volumes
from specs.wire import elements, mapping


def check_pod(pod: Any, path: str, found: Findings) -> None:
    """Check the pod of a job definition.

    Args:
        pod: The wire document of podProperties, of any type.
        path: Where it stands.
        found: Takes what is found.
    """
    document = mapping(pod)
    if not document.get("containers"):
        rule = "A pod has one to ten containers."
        source = member("EksPodProperties", "containers")
        found.fault(f"{path}.containers", document.get("containers"), rule, "Add a container.", source)
    volumes = check_volumes(document.get("volumes"), f"{path}.volumes", found)
    names: set[str] = set()
    for kind in ("containers", "initContainers"):
        for where, container in elements(document.get(kind), f"{path}.{kind}"):
            if isinstance(container, Mapping):
                check_container(container, where, volumes, found, init=kind == "initContainers")
                _check_unique(container, where, names, found)
    check_metadata(document.get("metadata"), f"{path}.metadata", found)
    _check_references(document, path, found)
    if document.get("hostNetwork", True) is True and document.get("dnsPolicy") == "ClusterFirst":
        sentence = "With the host's network ClusterFirst falls back to Default: cluster names are not resolved."
        found.warn(f"{path}.dnsPolicy", sentence, f"{KUBERNETES_API} PodSpec.dnsPolicy")


def check_metadata(metadata: Any, path: str, found: Findings) -> None:
    """Check the labels, annotations and namespace of a pod.

    Args:
        metadata: The wire document of them, of any type.
        path: Where it stands.
        found: Takes what is found.
    """
    document = mapping(metadata)
    check_labels(document.get("labels"), f"{path}.labels", found)
    check_annotations(document.get("annotations"), f"{path}.annotations", found, in_batch=True)
    source = member("EksMetadata", "namespace")
    check_namespace(document.get("namespace"), f"{path}.namespace", found, source, prefix="kube")


def _check_unique(container: Mapping[str, Any], path: str, names: set[str], found: Findings) -> None:
    name = container.get("name", "Default")
    if not isinstance(name, str):
        return
    # The pod's container is called "default", as kubectl shows it.
    if name.lower() in names:
        rule = "Each container of a pod must have a name of its own; without a name it is called Default."
        found.fault(f"{path}.name", container.get("name"), rule, "Choose another name.", member("EksContainer", "name"))
    names.add(name.lower())


def _check_references(pod: Mapping[str, Any], path: str, found: Findings) -> None:
    named = [(f"{path}.serviceAccountName", pod.get("serviceAccountName"))]
    secrets = elements(pod.get("imagePullSecrets"), f"{path}.imagePullSecrets")
    named += [(f"{where}.name", mapping(secret).get("name")) for where, secret in secrets]
    for where, name in named:
        if isinstance(name, str) and not is_subdomain(name):
            rule = "Names of Kubernetes objects have lower-case letters, digits, hyphens and dots."
            found.fault(where, name, rule, "Write the object's name.", member("EksPodProperties", "serviceAccountName"))
